// Asks why before something is done that stays: without a reason nothing happens.
import { useState, type FormEvent } from "react";
import type { DeskError } from "../bindings/commands";
import { t } from "../lib/messages";
import { Dialog } from "./Dialog";
import { AreaField } from "./Field";
import { Failure } from "./States";

/** `doing`: what is done once there is a reason, for example a mutation of the query library. */
export function ReasonDialog({ title, text, label, doing, onReason, onClose }: { title: string; text: string; label: string; doing: { error: DeskError | null; isPending: boolean }; onReason: (reason: string) => void; onClose: () => void }) {
  const [reason, setReason] = useState("");
  const { error, isPending } = doing;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (reason.trim()) onReason(reason);
  };
  return (
    <Dialog title={title} onClose={onClose} className="roomy">
      <form className="pad stack" onSubmit={submit} noValidate>
        <p className="muted">{text}</p>
        <AreaField label={t("amend.reason")} autoFocus value={reason} onChange={setReason} error={error?.field === "reason" ? error.message : undefined} />
        {error && error.field !== "reason" && <Failure error={error} />}
        <div className="row"><button type="button" className="btn" onClick={onClose}>{t("dialog.cancel")}</button><button className="btn primary end" aria-disabled={!reason.trim()} aria-busy={isPending}>{label}</button></div>
      </form>
    </Dialog>
  );
}
