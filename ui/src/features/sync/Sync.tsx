// Synchronizing: how it stands, what waits, what was put aside, what was done and what left.
import { Building2, Laptop, RefreshCw, Trash2 } from "lucide-react";
import { useState } from "react";
import type { SyncStatus } from "../../bindings/commands";
import { useActions } from "../../lib/keys";
import { t, word } from "../../lib/messages";
import { useAction, useAnswer } from "../../lib/queries";
import { longDate, when } from "../../lib/time";
import { Erase } from "../../parts/Erase";
import { Answer, Empty, Failure } from "../../parts/States";
import { SyncSign, isUnderWay, needsPerson } from "../../parts/SyncSign";
import { JoinDialog } from "./JoinDialog";
import { Queue } from "./Queue";

export function Sync() {
  const status = useAnswer("sync.status", {});
  const now = useAction("sync.now");
  const [joining, setJoining] = useState(false);
  const joined = Boolean(status.data?.centre);
  useActions(joined ? [{ id: "sync-now", label: t("sync.now"), keys: "R", run: () => now.mutate({ wait: false }) }] : []);
  return (
    <>
      <div className="head">
        <div className="grow"><h1>{t("sync.title")}</h1><p className="sub">{status.data?.centre ? [status.data.centre.organization, word("role", status.data.centre.role), status.data.centre.server].join(" · ") : t("sync.sub_alone")}</p></div>
        {joined && <button className="btn primary" aria-busy={now.isPending} onClick={() => now.mutate({ wait: false })}><RefreshCw className="icon" />{t("sync.now")}<kbd>R</kbd></button>}
      </div>
      <Answer query={status}>
        {(data) => data.centre ? (
          <div className="body scroll cols">
            <div className="stack">
              {now.error && <Failure error={now.error} />}
              <Standing status={data} />
              <Queue />
            </div>
            <div className="stack"><Log /><Left /></div>
          </div>
        ) : (
          <Empty title={t("sync.alone")} action={<button className="btn primary" onClick={() => setJoining(true)}><Building2 className="icon" />{t("sync.join")}</button>}>{t("sync.alone_text")}</Empty>
        )}
      </Answer>
      {joining && <JoinDialog onClose={() => setJoining(false)} />}
    </>
  );
}

function Standing({ status }: { status: SyncStatus }) {
  const { centre, phase } = status;
  const [over, setOver] = useState<"anew" | "erase">();
  const app = useAnswer("app.status", {});
  if (!centre) return null;
  const label = app.data?.open?.label ?? "";
  return (
    <section className={needsPerson(phase) ? "banner attention standing" : "card standing"} aria-label={t("sync.standing")}>
      <div className="grow stack-2">
        <SyncSign phase={phase} />
        <p>{t(`sync.explain.${phase}`)}</p>
        {status.message && needsPerson(phase) && <p className="small">{status.message}</p>}
        {centre.downloading && !isUnderWay(phase) && <p className="small">{t("sync.downloading")}</p>}
        <p className="small muted">{[status.last_sync ? t("sync.last", { time: when(status.last_sync, t("time.today")) }) : t("status.never_synced"), t("sync.works_until", { day: longDate(centre.works_until) })].join(" · ")}</p>
      </div>
      {phase === "copy" && <button className="btn" onClick={() => setOver("anew")}><Laptop className="icon" />{t("sync.anew")}</button>}
      {phase === "revoked" && status.waiting === 0 && <button className="btn" onClick={() => setOver("erase")}><Trash2 className="icon" />{t("sync.erase")}</button>}
      {over === "anew" && <JoinDialog anew onClose={() => setOver(undefined)} />}
      {over === "erase" && <Erase label={label} onClose={() => setOver(undefined)} />}
    </section>
  );
}

function Log() {
  const log = useAnswer("sync.log", {});
  return (
    <section className="card" aria-label={t("sync.log")}>
      <header><h3>{t("sync.log")}</h3></header>
      {log.data?.length === 0 && <p className="pad muted small">{t("sync.log_empty")}</p>}
      {log.data?.slice(0, 30).map((line, at) => <div key={at} className="li"><span className="grow small">{line.line}</span><time className="small muted">{when(line.at, "").trim()}</time></div>)}
    </section>
  );
}

function Left() {
  const departed = useAnswer("sync.departed", {});
  return (
    <section className="card" aria-label={t("sync.departed")}>
      <header><h3>{t("sync.departed")}</h3></header>
      {departed.data?.length === 0 && <p className="pad muted small">{t("sync.departed_empty")}</p>}
      {departed.data?.map((left, at) => <div key={at} className="li"><span className="grow"><b>{left.title || t("records.unnamed")}</b><span className="small muted block">{left.reason}</span></span><span className="small muted">{t("sync.rows", { n: left.rows })}<br />{when(left.at, t("time.today"))}</span></div>)}
    </section>
  );
}
