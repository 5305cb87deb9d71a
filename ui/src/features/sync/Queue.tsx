// What waits to be sent, and what the centre put aside: each in plain words.
import { ClockArrowUp, Download, Scale, Send, Trash2 } from "lucide-react";
import { useState, type FormEvent } from "react";
import type { QueuedChange } from "../../bindings/commands";
import { t, word } from "../../lib/messages";
import { useAction, useAnswer } from "../../lib/queries";
import { to } from "../../lib/route";
import { when } from "../../lib/time";
import { Dialog } from "../../parts/Dialog";
import { AreaField, TextField } from "../../parts/Field";
import { Answer, Failure } from "../../parts/States";

/** Changes that are shown at once. */
const SHOWN = 50;

export function Queue() {
  const queue = useAnswer("sync.queue", {});
  return (
    <Answer query={queue}>
      {(data) => {
        const aside = data.filter((one) => one.state === "set_aside");
        const waiting = data.filter((one) => one.state !== "set_aside");
        return (
          <>
            {aside.length > 0 && <section className="card" aria-label={t("sync.aside")}><header><h3>{t("sync.aside")}</h3><span className="muted small">{aside.length}</span></header><p className="pad muted small">{t("sync.aside_text")}</p>{aside.map((one) => <Aside key={one.dseq} one={one} />)}</section>}
            <section className="card" aria-label={t("sync.queue")}>
              <header><h3>{t("sync.queue")}</h3><span className="muted small">{waiting.length}</span></header>
              {waiting.length === 0 && <p className="pad muted small">{t("sync.queue_empty")}</p>}
              {waiting.slice(0, SHOWN).map((one) => <div key={one.dseq} className="li"><ClockArrowUp className="icon waiting" /><About one={one} /><span className="badge waiting">{t(`change.${one.state}`)}</span></div>)}
              {waiting.length > SHOWN && <p className="pad-2 muted small">{t("sync.more", { n: waiting.length - SHOWN })}</p>}
            </section>
          </>
        );
      }}
    </Answer>
  );
}

/** What a change is about: the first named record that it writes, and what was done. */
function About({ one }: { one: QueuedChange }) {
  const first = one.records.find((record) => record.title) ?? one.records[0];
  const others = one.records.length - 1;
  return (
    <span className="grow">
      <b>{word("command", one.command)}</b>
      <span className="small muted block">{first && (first.title ? <a href={to.records(first.entity, first.id)}>{`${first.label}: ${first.title}`}</a> : first.label)}{others > 0 && ` · ${t("sync.and_more", { n: others })}`}{` · ${when(one.at, t("time.today"))}`}</span>
      {one.text && <span className="small block">{one.text}</span>}
    </span>
  );
}

function Aside({ one }: { one: QueuedChange }) {
  const [over, setOver] = useState<"discard" | "export">();
  const resend = useAction("sync.resend");
  return (
    <>
      <div className="li aside">
        <Scale className="icon review-text" /><About one={one} />
        <span className="row">
          <button className="btn sm" aria-busy={resend.isPending} onClick={() => resend.mutate({ dseq: one.dseq })}><Send className="icon" />{t("sync.resend")}</button>
          <button className="btn sm" onClick={() => setOver("export")}><Download className="icon" />{t("sync.export")}</button>
          <button className="btn sm" onClick={() => setOver("discard")}><Trash2 className="icon" />{t("sync.discard")}</button>
        </span>
      </div>
      {resend.error && <div className="pad-2"><Failure error={resend.error} /></div>}
      {over === "discard" && <Discard dseq={one.dseq} onClose={() => setOver(undefined)} />}
      {over === "export" && <Export dseq={one.dseq} onClose={() => setOver(undefined)} />}
    </>
  );
}

function Discard({ dseq, onClose }: { dseq: number; onClose: () => void }) {
  const [reason, setReason] = useState("");
  const discard = useAction("sync.discard");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    discard.mutate({ dseq, reason }, { onSuccess: onClose });
  };
  return (
    <Dialog title={t("sync.discard_title")} onClose={onClose} className="roomy">
      <form className="pad stack" onSubmit={submit} noValidate>
        <p className="muted">{t("sync.discard_text")}</p>
        <AreaField label={t("amend.reason")} autoFocus value={reason} onChange={setReason} error={discard.error?.field === "reason" ? discard.error.message : undefined} />
        {discard.error && discard.error.field !== "reason" && <Failure error={discard.error} />}
        <div className="row"><button type="button" className="btn" onClick={onClose}>{t("dialog.cancel")}</button><button className="btn primary end" aria-busy={discard.isPending}>{t("sync.discard_do")}</button></div>
      </form>
    </Dialog>
  );
}

function Export({ dseq, onClose }: { dseq: number; onClose: () => void }) {
  const [path, setPath] = useState("");
  const write = useAction("sync.export");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    write.mutate({ dseq, path });
  };
  return (
    <Dialog title={t("sync.export_title")} onClose={onClose} className="roomy">
      <form className="pad stack" onSubmit={submit} noValidate>
        <p className="muted">{t("sync.export_text")}</p>
        <TextField label={t("code.folder")} hint={t("sync.folder_hint")} autoFocus autoComplete="off" value={path} onChange={setPath} error={write.error?.field === "path" ? write.error.message : undefined} />
        {write.data && <p role="status" className="saved">{t("sync.exported", { path: write.data.path })}</p>}
        {write.error && write.error.field !== "path" && <Failure error={write.error} />}
        <div className="row"><button type="button" className="btn" onClick={onClose}>{write.data ? t("dialog.close") : t("dialog.cancel")}</button>{!write.data && <button className="btn primary end" aria-busy={write.isPending}>{t("code.save_do")}</button>}</div>
      </form>
    </Dialog>
  );
}
