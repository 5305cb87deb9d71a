// Something is wrong with the bag: say what, and let the person decide.
import type { OpenVault } from "../../bindings/commands";
import { setFlow } from "../../lib/flow";
import { t } from "../../lib/messages";
import { useAction } from "../../lib/queries";
import { said } from "../../lib/said";
import { Failure } from "../../parts/States";
import { TriangleAlert } from "lucide-react";

export function Alarmed({ open }: { open: OpenVault }) {
  const accept = useAction("vault.accept_alarm");
  const lock = useAction("vault.lock");
  return (
    <main className="lock wide-lock">
      <div className="banner attention"><TriangleAlert className="icon icon-lg" /><div className="grow"><h1>{t("alarm.title")}</h1><p>{said(open.alarm ?? "")}</p></div></div>
      <p>{t("alarm.text")}</p>
      <div className="stack">
        <button className="btn tall" onClick={() => { setFlow({ backups: true }); lock.mutate({}); }}>{t("alarm.restore")}</button>
        <button className="btn tall" onClick={() => accept.mutate({})}>{t("alarm.accept")}</button>
        <button className="btn plain" onClick={() => lock.mutate({})}>{t("alarm.lock")}</button>
      </div>
      {accept.error && <Failure error={accept.error} />}
    </main>
  );
}
