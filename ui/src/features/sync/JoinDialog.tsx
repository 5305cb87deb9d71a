// Joins a centre with a bag that worked alone until now, or anew with one that is a copy.
import { useState, type FormEvent } from "react";
import { t } from "../../lib/messages";
import { useAction } from "../../lib/queries";
import { Dialog } from "../../parts/Dialog";
import { Invitation, NOT_INVITED, isWhole, type Invited } from "../../parts/Invitation";
import { Failure } from "../../parts/States";

/** `again`: a computer that the centre does not know any more; `anew`: one that is a copy. */
export function JoinDialog({ how = "first", onClose }: { how?: "first" | "again" | "anew"; onClose: () => void }) {
  const anew = how === "anew";
  const [invited, setInvited] = useState<Invited>(NOT_INVITED);
  const [tried, setTried] = useState(false);
  const join = useAction(anew ? "sync.begin_as_new" : "sync.join");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    if (isWhole(invited)) join.mutate({ ...invited }, { onSuccess: onClose });
  };
  return (
    <Dialog title={anew ? t("sync.anew") : how === "again" ? t("sync.again") : t("sync.join")} onClose={onClose} className="roomy">
      <form className="pad stack" onSubmit={submit} noValidate>
        <p className="muted">{anew || how === "again" ? t("join.what_goes_anew") : t("join.what_goes")}</p>
        <Invitation invited={invited} onChange={setInvited} error={join.error} tried={tried} />
        {join.error && !join.error.field && <Failure error={join.error} />}
        <div className="row"><button type="button" className="btn" onClick={onClose}>{t("dialog.cancel")}</button><button className="btn primary end" aria-busy={join.isPending}>{join.isPending ? t("join.joining") : t("join.do")}</button></div>
      </form>
    </Dialog>
  );
}
