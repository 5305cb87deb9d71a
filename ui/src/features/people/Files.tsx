// The files of a person: added by picking or dropping, with where each is; saved elsewhere, removed with a reason.
import { CloudDownload, FileText, Pause, Paperclip, Save, Trash2 } from "lucide-react";
import { useRef, useState, type DragEvent } from "react";
import type { DeskError, FileInfo, Person } from "../../bindings/commands";
import { bytes } from "../../lib/bytes";
import { t, word } from "../../lib/messages";
import { client, useAction, useAnswer } from "../../lib/queries";
import { said } from "../../lib/said";
import { asError } from "../../lib/rpc";
import { when } from "../../lib/time";
import { attach } from "../../lib/upload";
import { FolderDialog } from "../../parts/FolderDialog";
import { ReasonDialog } from "../../parts/ReasonDialog";
import { ReviewMark } from "../../parts/ReviewMark";
import { Answer, Failure } from "../../parts/States";

interface Adding { name: string; share: number }

export function Files({ person }: { person: Person }) {
  const files = useAnswer("files.list", { person: person.id });
  const [adding, setAdding] = useState<Adding>();
  const [failed, setFailed] = useState<DeskError>();
  const [over, setOver] = useState(false);
  const [removing, setRemoving] = useState<FileInfo>();
  const [saving, setSaving] = useState<FileInfo>();
  const picker = useRef<HTMLInputElement>(null);

  const add = async (chosen: File[]) => {
    setFailed(undefined);
    for (const file of chosen) {
      setAdding({ name: file.name, share: 0 });
      try {
        await attach(person.id, file, (share) => setAdding({ name: file.name, share }));
      } catch (error) {
        const known = asError(error);
        setFailed({ ...known, message: t("files.failed", { name: file.name, why: known.message }) });
        break;
      }
    }
    setAdding(undefined);
    await client.invalidateQueries();
  };
  const drop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    if (!adding) void add([...event.dataTransfer.files]);
  };
  const isFile = (event: DragEvent) => [...event.dataTransfer.types].includes("Files");
  return (
    <section
      className={over ? "card drop" : "card"} aria-label={t("files.title")}
      onDragOver={(event) => { if (isFile(event)) { event.preventDefault(); setOver(true); } }} onDragLeave={() => setOver(false)} onDrop={drop}
    >
      <header><h3>{t("files.title")}</h3></header>
      <Answer query={files}>
        {(known) => (
          <>
            {known.length === 0 && <p className="pad muted small">{t("files.none")}</p>}
            {known.map((file) => <One key={file.id} file={file} onSave={() => setSaving(file)} onRemove={() => setRemoving(file)} />)}
            {adding && (
              <div className="li top file" role="status">
                <FileText className="icon" />
                <span className="grow"><b>{adding.name}</b><span className="small muted block">{t("files.adding")}</span><span className="bar block"><progress max={1} value={adding.share} aria-label={t("files.adding")} /></span></span>
              </div>
            )}
            {failed && <div className="failed"><Failure error={failed} /></div>}
            <input ref={picker} type="file" multiple hidden aria-label={t("files.pick")} onChange={(event) => { const chosen = [...(event.target.files ?? [])]; event.target.value = ""; void add(chosen); }} />
            <button className="li pick" aria-busy={Boolean(adding)} onClick={() => { if (!adding) picker.current?.click(); }}><Paperclip className="icon" /><span className="grow">{over ? t("files.drop") : t("files.add")}</span></button>
          </>
        )}
      </Answer>
      {removing && <Remove file={removing} onClose={() => setRemoving(undefined)} />}
      {saving && <SaveCopy file={saving} onClose={() => setSaving(undefined)} />}
    </section>
  );
}

function One({ file, onSave, onRemove }: { file: FileInfo; onSave: () => void; onRemove: () => void }) {
  const fetch = useAction("files.fetch");
  const stop = useAction("files.stop");
  const moves = file.place === "sending" || file.place === "fetching";
  const waits = file.place === "not_fetched" || file.place === "stopped" || file.place === "failed";
  const by = file.by_me ? t("files.by_you") : file.by;
  const error = fetch.error ?? stop.error;
  return (
    <div className="li top file">
      <FileText className="icon" />
      <span className="grow">
        <b>{file.name}</b> <ReviewMark entity="attachments" id={file.id} />
        <span className={file.place === "failed" ? "small block attention" : "small muted block"}>{bytes(file.size)} · {word("file", file.place)}{moves && file.percent > 0 && ` · ${file.percent} %`}{file.place === "failed" && file.note && `: ${said(file.note)}`}</span>
        <span className="small muted block">{by && `${by}, `}<span className="whole">{when(file.at, t(by ? "time.today" : "time.Today"))}</span></span>
        {moves && <span className="bar block"><progress max={100} value={file.percent} aria-label={word("file", file.place)} /></span>}
        {error && <span className="small block attention" role="alert">{error.message}</span>}
      </span>
      <span className="acts">
        {waits && <button className="btn plain square sm" aria-label={t(file.place === "not_fetched" ? "files.fetch_named" : "files.go_on_named", { name: file.name })} title={t(file.place === "not_fetched" ? "files.fetch" : "files.go_on")} aria-busy={fetch.isPending} onClick={() => fetch.mutate({ id: file.id })}><CloudDownload className="icon" /></button>}
        {moves && <button className="btn plain square sm" aria-label={t("files.stop_named", { name: file.name })} title={t("files.stop")} aria-busy={stop.isPending} onClick={() => stop.mutate({ id: file.id })}><Pause className="icon" /></button>}
        {file.here && <button className="btn plain square sm" aria-label={t("files.save_named", { name: file.name })} title={t("files.save")} onClick={onSave}><Save className="icon" /></button>}
        <button className="btn plain square sm" aria-label={t("files.remove_named", { name: file.name })} title={t("files.remove")} onClick={onRemove}><Trash2 className="icon" /></button>
      </span>
    </div>
  );
}

function Remove({ file, onClose }: { file: FileInfo; onClose: () => void }) {
  const remove = useAction("files.remove");
  return <ReasonDialog title={t("files.remove_title", { name: file.name })} text={t("files.remove_text")} label={t("files.remove_do")} doing={remove} onReason={(reason) => remove.mutate({ id: file.id, reason }, { onSuccess: onClose })} onClose={onClose} />;
}

function SaveCopy({ file, onClose }: { file: FileInfo; onClose: () => void }) {
  const save = useAction("files.save");
  return <FolderDialog title={t("files.save_title", { name: file.name })} text={t("files.save_text")} hint={t("files.folder_hint")} label={t("files.save_do")} field="folder" saving={save} onFolder={(folder) => save.mutate({ id: file.id, folder })} onClose={onClose} />;
}
