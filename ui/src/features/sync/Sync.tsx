// Synchronizing: how it stands, what waits, what was put aside, what was done and what left.
import { Building2, KeyRound, Laptop, Pause, Trash2 } from "lucide-react";
import { useState } from "react";
import type { LeaseStatus, SyncStatus } from "../../bindings/commands";
import { useActions } from "../../lib/keys";
import { bytes } from "../../lib/bytes";
import { t, word } from "../../lib/messages";
import { useAction, useAnswer } from "../../lib/queries";
import { said } from "../../lib/said";
import { ago, longDate, when } from "../../lib/time";
import { Erase } from "../../parts/Erase";
import { Answer, Empty, Failure } from "../../parts/States";
import { SyncNowButton, useSyncNow } from "../../parts/SyncNow";
import { SyncSign, needsPerson } from "../../parts/SyncSign";
import { JoinDialog } from "./JoinDialog";
import { Progress } from "./Progress";
import { Queue } from "./Queue";

/** Lines of the log that are shown before the rest is asked for. */
const LINES = 12;

export function Sync() {
  const status = useAnswer("sync.status", {});
  const phase = status.data?.phase ?? "alone";
  const now = useSyncNow(phase);
  const pause = useAction("sync.pause");
  const [joining, setJoining] = useState(false);
  const joined = Boolean(status.data?.centre);
  // Where asking again cannot help, nothing offers it.
  const helps = joined && !["revoked", "copy", "upgrade_required"].includes(phase);
  useActions(helps ? [{ id: "sync-now", label: now.label, keys: "R", run: now.run }] : []);
  return (
    <>
      <div className="head">
        <div className="grow"><h1 id="sync-title" tabIndex={-1}>{t("sync.title")}</h1><p className="sub">{status.data?.centre ? [status.data.centre.organization, word("role", status.data.centre.role), status.data.centre.server].join(" · ") : t("sync.sub_alone")}</p></div>
        {helps && !needsPerson(phase) && phase !== "paused" && <button className="btn quiet" aria-busy={pause.isPending} onClick={() => pause.mutate({})}><Pause className="icon" />{t("sync.pause")}</button>}
        {helps && <SyncNowButton phase={phase} sync={now} primary keys="R" />}
      </div>
      <Answer query={status}>
        {(data) => data.centre ? (
          <div className="body scroll cols">
            <div className="stack">
              {(now.error ?? pause.error) && <Failure error={(now.error ?? pause.error)!} />}
              <Standing status={data} />
              <Queue phase={data.phase} oldest={data.oldest} waiting={data.waiting} />
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
  const [over, setOver] = useState<"again" | "anew" | "erase">();
  const app = useAnswer("app.status", {});
  if (!centre) return null;
  const open = app.data?.open;
  const close = () => setOver(undefined);
  const queued = [status.waiting > 0 && t("status.to_send", { n: status.waiting }), status.waiting > 0 && status.oldest && t("sync.oldest", { age: ago(status.oldest) }), status.set_aside > 0 && t("status.set_aside", { n: status.set_aside }), status.files.waiting > 0 && t("sync.files", { n: status.files.waiting, size: bytes(status.files.bytes) }), status.files.failed > 0 && t("sync.files_failed", { n: status.files.failed })].filter(Boolean).join(", ");
  return (
    <section className={needsPerson(phase) ? "banner attention standing" : "card standing"} aria-label={t("sync.standing")}>
      <div className="grow stack-2">
        <SyncSign phase={phase} />
        <p>{t(`sync.explain.${phase}`)}</p>
        {status.message && phase === "refused" && <p className="small">{said(status.message)}</p>}
        <Progress status={status} />
        <p className="small muted">{[status.paused_since && t("sync.paused_since", { time: when(status.paused_since, t("time.today")) }), status.last_sync ? t("sync.last", { time: when(status.last_sync, t("time.today")) }) : t("status.never_synced"), queued, phase !== "revoked" && leaseText(open?.lease, centre.works_until)].filter(Boolean).join(" · ")}</p>
      </div>
      {phase === "signed_out" && <button className="btn" onClick={() => setOver("again")}><KeyRound className="icon" />{t("sync.again")}</button>}
      {phase === "copy" && <button className="btn" onClick={() => setOver("anew")}><Laptop className="icon" />{t("sync.anew")}</button>}
      {phase === "revoked" && status.waiting === 0 && <button className="btn" onClick={() => setOver("erase")}><Trash2 className="icon" />{t("sync.erase")}</button>}
      {over === "again" && <JoinDialog how="again" onClose={close} />}
      {over === "anew" && <JoinDialog how="anew" onClose={close} />}
      {over === "erase" && <Erase label={open?.label ?? ""} onClose={close} />}
    </section>
  );
}

function leaseText(lease: LeaseStatus | undefined, until: string): string {
  if (lease?.state === "over") return t("sync.lease_over", { day: longDate(until) });
  if (lease?.state === "locked") return t("lease.locked");
  return t("sync.works_until", { day: longDate(until) });
}

function Log() {
  const log = useAnswer("sync.log", {});
  const [all, setAll] = useState(false);
  const lines = log.data ?? [];
  return (
    <section className="card" aria-label={t("sync.log")}>
      <header><h3>{t("sync.log")}</h3></header>
      {log.data?.length === 0 && <p className="pad muted small">{t("sync.log_empty")}</p>}
      {lines.slice(0, all ? lines.length : LINES).map((line, at) => <div key={at} className="li top"><span className="grow small">{said(line.line)}</span><time className="small muted" dateTime={line.at}>{when(line.at, "").trim()}</time></div>)}
      {!all && lines.length > LINES && <button className="li pick link small" onClick={() => setAll(true)}>{t("sync.log_all", { n: lines.length })}</button>}
    </section>
  );
}

function Left() {
  const departed = useAnswer("sync.departed", {});
  return (
    <section className="card" aria-label={t("sync.departed")}>
      <header><h3>{t("sync.departed")}</h3></header>
      {departed.error?.code === "lease_over" && <p className="pad muted small">{t("sync.departed_closed")}</p>}
      {departed.data?.length === 0 && <p className="pad muted small">{t("sync.departed_empty")}</p>}
      {departed.data?.map((left, at) => <div key={at} className="li top"><span className="grow"><b>{left.title || t("records.unnamed")}</b><span className="small muted block">{said(left.reason)}</span></span><span className="small muted left-when">{t("sync.rows", { n: left.rows })}<br />{when(left.at, t("time.today"))}</span></div>)}
    </section>
  );
}
