// Where a record is saved: here, on its way, or at the centre. Nothing in a bag that works alone.
import { Check, ClockArrowUp, Laptop, Scale } from "lucide-react";
import { t } from "../lib/messages";
import { useAnswer } from "../lib/queries";
import { to } from "../lib/route";
import { said } from "../lib/said";
import { when } from "../lib/time";

export function ReceiptLine({ entity, id }: { entity: string; id: string }) {
  const receipt = useAnswer("sync.receipt", { entity, id });
  const data = receipt.data;
  if (!data) return null;
  if (data.state === "here_only") return <p className="receipt small muted"><Laptop className="icon" />{t("receipt.here_only")}</p>;
  if (data.state === "waiting") return <p className="receipt small waiting"><ClockArrowUp className="icon" />{t("receipt.waiting", { time: when(data.oldest, t("time.today")), n: data.count })}</p>;
  if (data.state === "set_aside") return <p className="receipt small review-text"><Scale className="icon" /><a href={to.sync()}>{t("receipt.set_aside")}</a> {said(data.text)}</p>;
  return <p className="receipt small saved"><Check className="icon" />{data.at ? t("receipt.at_centre_since", { time: when(data.at, t("time.today")) }) : t("receipt.at_centre")}</p>;
}
