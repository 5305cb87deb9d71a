// Asks for a folder, saves something into it, and tells where it lies then.
import { useState, type FormEvent } from "react";
import type { DeskError } from "../bindings/commands";
import { t } from "../lib/messages";
import { Dialog } from "./Dialog";
import { TextField } from "./Field";
import { Failure } from "./States";

/** `field`: under which name the desk refuses a folder; `saving`: a mutation that answers with the path. */
export function FolderDialog({ title, text, hint, label, field, saving, onFolder, onClose }: { title: string; text: string; hint: string; label: string; field: string; saving: { error: DeskError | null; isPending: boolean; data?: { path: string } }; onFolder: (folder: string) => void; onClose: () => void }) {
  const [folder, setFolder] = useState("");
  const { data, error, isPending } = saving;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    onFolder(folder);
  };
  return (
    <Dialog title={title} onClose={onClose} className="roomy">
      <form className="pad stack" onSubmit={submit} noValidate>
        <p className="muted">{text}</p>
        <TextField label={t("code.folder")} hint={hint} autoFocus autoComplete="off" value={folder} onChange={setFolder} error={error?.field === field ? error.message : undefined} />
        {data && <p role="status" className="saved">{t("sync.exported", { path: data.path })}</p>}
        {error && error.field !== field && <Failure error={error} />}
        <div className="row"><button type="button" className="btn" onClick={onClose}>{data ? t("dialog.close") : t("dialog.cancel")}</button>{!data && <button className="btn primary end" aria-busy={isPending}>{label}</button>}</div>
      </form>
    </Dialog>
  );
}
