// What waits to be sent, and what the centre put aside: each in plain words.
import { ClockArrowUp, Download, PencilLine, Scale, Send, Trash2 } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import type { QueuedChange, SyncPhase } from "../../bindings/commands";
import { t, word } from "../../lib/messages";
import { useAction, useAnswer } from "../../lib/queries";
import { to } from "../../lib/route";
import { said } from "../../lib/said";
import { ago, when } from "../../lib/time";
import { FolderDialog } from "../../parts/FolderDialog";
import { ReasonDialog } from "../../parts/ReasonDialog";
import { Answer, Failure } from "../../parts/States";
import { ChangeDialog } from "./ChangeDialog";

/** Changes that are shown at once. */
const SHOWN = 50;

export function Queue({ phase, oldest, waiting: count }: { phase: SyncPhase; oldest: string | null; waiting: number }) {
  const queue = useAnswer("sync.queue", {});
  const [looking, setLooking] = useState<number>();
  const aside = queue.data?.filter((one) => one.state === "set_aside") ?? [];
  useFocusKept(aside.length);
  return (
    <Answer query={queue}>
      {(data) => {
        const waiting = data.filter((one) => one.state !== "set_aside");
        return (
          <>
            {aside.length > 0 && (
              <section className="card" aria-labelledby="queue-aside">
                <header><h3 id="queue-aside">{t("sync.aside")}</h3><span className="muted small">{aside.length}</span></header>
                <p className="pad muted small">{t("sync.aside_text")}</p>
                {aside.map((one) => <Aside key={one.dseq} one={one} phase={phase} onLook={() => setLooking(one.dseq)} />)}
              </section>
            )}
            <section className="card" aria-labelledby="queue-waiting">
              <header><h3 id="queue-waiting">{t("sync.queue")}</h3><span className="muted small">{count}</span>{oldest && <span className="end small muted">{t("sync.oldest", { age: ago(oldest) })}</span>}</header>
              {waiting.length === 0 && <p className="pad muted small">{t("sync.queue_empty")}</p>}
              {waiting.slice(0, SHOWN).map((one) => (
                <div key={one.dseq} className="li">
                  <ClockArrowUp className="icon waiting" /><About one={one} />
                  {one.state !== "waiting" && <span className="badge waiting">{t(`change.${one.state}`)}</span>}
                  <button className="btn plain sm" aria-label={t("sync.look_at", { what: titleOf(one) })} onClick={() => setLooking(one.dseq)}>{t("sync.look")}</button>
                </div>
              ))}
              {count > Math.min(SHOWN, waiting.length) && <p className="pad-2 muted small">{t("sync.more", { n: count - Math.min(SHOWN, waiting.length) })}</p>}
            </section>
            {looking !== undefined && <ChangeDialog dseq={looking} onClose={() => setLooking(undefined)} />}
          </>
        );
      }}
    </Answer>
  );
}

/** What was decided about is gone from the list; the focus goes to the head of the page instead of nowhere. */
function useFocusKept(count: number): void {
  const before = useRef(count);
  useEffect(() => {
    if (count < before.current && document.activeElement === document.body) document.getElementById("sync-title")?.focus();
    before.current = count;
  }, [count]);
}

const titleOf = (one: QueuedChange): string => [word("command", one.command), one.records.find((record) => record.title)?.title].filter(Boolean).join(": ");

/** What a change is about: the first named record that it writes, and what was done. */
function About({ one }: { one: QueuedChange }) {
  const first = one.records.find((record) => record.title) ?? one.records[0];
  const others = one.records.length - 1;
  const name = first && (first.title ? `${first.label}: ${first.title}` : first.label);
  return (
    <span className="grow">
      <b>{word("command", one.command)}</b>
      <span className="small muted block">{first?.is_here ? <a href={to.records(first.entity, first.id)}>{name}</a> : name}{others > 0 && ` ${t("sync.and_more", { n: others })}`}{` · ${when(one.at, t("time.today"))}`}</span>
      {one.text && <span className="small block reason">{said(one.text)}</span>}
    </span>
  );
}

function Aside({ one, phase, onLook }: { one: QueuedChange; phase: SyncPhase; onLook: () => void }) {
  const [over, setOver] = useState<"discard" | "export">();
  const resend = useAction("sync.resend");
  return (
    <div className="aside">
      <div className="row top"><Scale className="icon review-text" /><About one={one} /></div>
      <div className="row wrap">
        <button className="btn sm" onClick={onLook}><PencilLine className="icon" />{t("sync.mend")}</button>
        {phase !== "revoked" && <button className="btn sm" aria-busy={resend.isPending} onClick={() => resend.mutate({ dseq: one.dseq })}><Send className="icon" />{t("sync.resend")}</button>}
        <button className="btn sm" onClick={() => setOver("export")}><Download className="icon" />{t("sync.export")}</button>
        <button className="btn sm" onClick={() => setOver("discard")}><Trash2 className="icon" />{t("sync.discard")}</button>
      </div>
      {resend.error && <Failure error={resend.error} />}
      {over === "discard" && <Discard dseq={one.dseq} onClose={() => setOver(undefined)} />}
      {over === "export" && <Export dseq={one.dseq} onClose={() => setOver(undefined)} />}
    </div>
  );
}

function Discard({ dseq, onClose }: { dseq: number; onClose: () => void }) {
  const discard = useAction("sync.discard");
  return <ReasonDialog title={t("sync.discard_title")} text={t("sync.discard_text")} label={t("sync.discard_do")} doing={discard} onReason={(reason) => discard.mutate({ dseq, reason }, { onSuccess: onClose })} onClose={onClose} />;
}

function Export({ dseq, onClose }: { dseq: number; onClose: () => void }) {
  const write = useAction("sync.export");
  return <FolderDialog title={t("sync.export_title")} text={t("sync.export_text")} hint={t("sync.folder_hint")} label={t("code.save_do")} field="path" saving={write} onFolder={(path) => write.mutate({ dseq, path })} onClose={onClose} />;
}
