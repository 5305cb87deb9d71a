// The third door: a bag made for an invitation. Network is needed only now.
import { ArrowLeft } from "lucide-react";
import { useState, type FormEvent } from "react";
import type { Keyring } from "../../bindings/commands";
import { setFlow } from "../../lib/flow";
import { t } from "../../lib/messages";
import { useAction, useAnswer } from "../../lib/queries";
import { SecretField, TextField } from "../../parts/Field";
import { Invitation, NOT_INVITED, isWhole, type Invited } from "../../parts/Invitation";
import { Failure, Note } from "../../parts/States";
import { StrengthMeter } from "../../parts/Strength";

export function JoinNew({ keyring, onBack }: { keyring: Keyring; onBack: () => void }) {
  const [invited, setInvited] = useState<Invited>(NOT_INVITED);
  const [label, setLabel] = useState("");
  const [passphrase, setPassphrase] = useState("");
  const [again, setAgain] = useState("");
  const [tried, setTried] = useState(false);
  const strength = useAnswer("vault.passphrase_strength", { passphrase }, passphrase.length > 0);
  const join = useAction("sync.join_new", (made) => setFlow({ code: made.recovery_code }));
  const field = join.error?.field;
  const wrong = {
    label: label.trim() === "" ? t("new.name_missing") : undefined,
    passphrase: passphrase === "" ? t("new.passphrase_missing") : strength.data && !strength.data.enough ? t("new.passphrase_weak") : undefined,
    again: passphrase !== again ? t("new.again_differs") : undefined,
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    if (!isWhole(invited) || wrong.label || wrong.passphrase || wrong.again) return;
    join.mutate({ ...invited, label, passphrase });
  };
  return (
    <main className="lock long">
      <div className="centre"><h1>{t("join.title")}</h1><p className="muted">{t("join.sub")}</p></div>
      <form className="stack" onSubmit={submit} noValidate>
        <Invitation invited={invited} onChange={setInvited} error={join.error} tried={tried} />
        <TextField label={t("new.name")} hint={t("join.name_hint")} autoComplete="off" className="tall" value={label} onChange={setLabel} error={(tried ? wrong.label : undefined) ?? (field === "label" ? join.error?.message : undefined)} />
        <div className="stack-1">
          <SecretField label={t("new.passphrase")} value={passphrase} onChange={setPassphrase} error={(tried ? wrong.passphrase : undefined) ?? (field === "passphrase" ? join.error?.message : undefined)} />
          <StrengthMeter strength={passphrase ? strength.data : undefined} />
        </div>
        <SecretField label={t("new.again")} value={again} onChange={setAgain} error={tried ? wrong.again : undefined} />
        {keyring.state === "degraded" && <Note>{t("new.degraded")}</Note>}
        {join.error && !field && <Failure error={join.error} />}
        <button className="btn primary tall" aria-busy={join.isPending}>{join.isPending ? t("join.joining") : t("join.do")}<kbd>⏎</kbd></button>
        <button type="button" className="btn plain" onClick={onBack}><ArrowLeft className="icon" />{t("new.back")}</button>
      </form>
    </main>
  );
}
