// All alerts, open ones first.
import { Check, OctagonAlert } from "lucide-react";
import { useState } from "react";
import { t, word } from "../../lib/messages";
import { useAnswer } from "../../lib/queries";
import { to } from "../../lib/route";
import { when } from "../../lib/time";
import { Segment } from "../../parts/Field";
import { ReviewSign } from "../../parts/ReviewMark";
import { Answer, Empty } from "../../parts/States";

export function Alerts() {
  const [show, setShow] = useState<"open" | "all">("open");
  const alerts = useAnswer("alerts.list", { open_only: show === "open" });
  return (
    <>
      <div className="head"><div className="grow"><h1>{t("nav.alerts")}</h1><p className="sub">{t("alerts.sub")}</p></div><Segment label={t("profile.show")} value={show} onChange={setShow} choices={[{ value: "open", text: t("alerts.open") }, { value: "all", text: t("alerts.all") }]} /></div>
      <Answer query={alerts}>
        {(data) => data.length === 0 ? <Empty title={t("alerts.none")}>{t("alerts.none_text")}</Empty> : (
          <div className="body scroll">
            <div className="card">
              {data.map((alert) => (
                <a key={alert.id} className="li pick" href={to.alert(alert.id)}>
                  <span className="grow"><b>{alert.person?.name ?? t("alert.unnamed")}</b><span className="small muted block">{alert.text} · {when(alert.at, t("time.today"))}</span></span>
                  <ReviewSign entity="crisis_detections" id={alert.id} />
                  {alert.status === "open" ? <span className="badge risk"><OctagonAlert className="icon" />{t("alert.is_open")}</span>
                    : <span className="badge saved"><Check className="icon" />{alert.actions[0] ? word("did", alert.actions[0].action) : t("alerts.handled")}</span>}
                </a>
              ))}
            </div>
          </div>
        )}
      </Answer>
    </>
  );
}
