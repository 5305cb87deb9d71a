// Making one's own bag: a name and a passphrase.
import { ArrowLeft } from "lucide-react";
import { useState, type FormEvent } from "react";
import type { Keyring } from "../../bindings/commands";
import { setFlow } from "../../lib/flow";
import { t } from "../../lib/messages";
import { useAction, useAnswer } from "../../lib/queries";
import { LargeBag } from "../../parts/Bag";
import { SecretField, TextField } from "../../parts/Field";
import { Failure, Note } from "../../parts/States";
import { StrengthMeter } from "../../parts/Strength";

export function NewVault({ keyring, onBack }: { keyring: Keyring; onBack: () => void }) {
  const [name, setName] = useState("");
  const [passphrase, setPassphrase] = useState("");
  const [again, setAgain] = useState("");
  const [tried, setTried] = useState(false);
  const strength = useAnswer("vault.passphrase_strength", { passphrase }, passphrase.length > 0);
  const create = useAction("vault.create", (made) => setFlow({ code: made.recovery_code }));
  const field = create.error?.field;
  const wrong = {
    name: name.trim() === "" ? t("new.name_missing") : undefined,
    passphrase: passphrase === "" ? t("new.passphrase_missing") : strength.data && !strength.data.enough ? t("new.passphrase_weak") : undefined,
    again: passphrase !== again ? t("new.again_differs") : undefined,
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    if (wrong.name || wrong.passphrase || wrong.again) return;
    create.mutate({ label: name, person_name: name, passphrase });
  };
  return (
    <main className="lock">
      <LargeBag />
      <div className="centre"><h1>{t("new.title")}</h1><p className="muted">{t("new.sub")}</p></div>
      <form className="stack" onSubmit={submit} noValidate>
        <TextField label={t("new.name")} hint={t("new.name_hint")} autoFocus autoComplete="off" className="tall" value={name} onChange={setName} error={tried ? wrong.name : undefined} />
        <div className="stack-1">
          <SecretField label={t("new.passphrase")} value={passphrase} onChange={setPassphrase} error={(tried ? wrong.passphrase : undefined) ?? (field === "passphrase" ? create.error?.message : undefined)} />
          <StrengthMeter strength={passphrase ? strength.data : undefined} />
        </div>
        <SecretField label={t("new.again")} value={again} onChange={setAgain} error={tried ? wrong.again : undefined} />
        {keyring.state === "degraded" && <Note>{t("new.degraded")}</Note>}
        {create.error && !field && <Failure error={create.error} />}
        <button className="btn primary tall" aria-busy={create.isPending}>{create.isPending ? t("new.making") : t("new.make")}<kbd>⏎</kbd></button>
        <button type="button" className="btn plain" onClick={onBack}><ArrowLeft className="icon" />{t("new.back")}</button>
      </form>
    </main>
  );
}
