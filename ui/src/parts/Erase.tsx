// Removes the open bag with its backups from this computer, when its label is typed.
import { useState, type FormEvent } from "react";
import { t } from "../lib/messages";
import { forget, useAction } from "../lib/queries";
import { Dialog } from "./Dialog";
import { TextField } from "./Field";

export function Erase({ label, onClose }: { label: string; onClose: () => void }) {
  const [typed, setTyped] = useState("");
  const erase = useAction("vault.erase");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    erase.mutate({ label: typed }, { onSuccess: () => { onClose(); window.location.hash = ""; forget(); } });
  };
  return (
    <Dialog title={t("erase.title", { label })} onClose={onClose} className="roomy">
      <form className="pad stack" onSubmit={submit}>
        <p>{t("erase.text")}</p>
        <TextField label={t("erase.type", { label })} autoFocus autoComplete="off" value={typed} onChange={setTyped} error={erase.error?.message} />
        <div className="row"><button type="button" className="btn" onClick={onClose}>{t("dialog.cancel")}</button><button className="btn end" aria-busy={erase.isPending}>{t("erase.do", { label })}</button></div>
      </form>
    </Dialog>
  );
}
