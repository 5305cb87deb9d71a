// A forgotten passphrase: the recovery code opens the bag and a new passphrase is set.
import { useState, type FormEvent } from "react";
import type { VaultInfo } from "../../bindings/commands";
import { setFlow } from "../../lib/flow";
import { t } from "../../lib/messages";
import { useAction, useAnswer } from "../../lib/queries";
import { SecretField, TextField } from "../../parts/Field";
import { Failure } from "../../parts/States";
import { StrengthMeter } from "../../parts/Strength";

export function Recover({ vault, onBack }: { vault: VaultInfo; onBack: () => void }) {
  const [code, setCode] = useState("");
  const [passphrase, setPassphrase] = useState("");
  const strength = useAnswer("vault.passphrase_strength", { passphrase }, passphrase.length > 0);
  const recover = useAction("vault.unlock_with_recovery", (made) => setFlow({ code: made.recovery_code }));
  const submit = (event: FormEvent) => {
    event.preventDefault();
    recover.mutate({ vault_id: vault.id, code, new_passphrase: passphrase });
  };
  const atCode = recover.error && ["wrong_secret", "wait"].includes(recover.error.code);
  const atNew = recover.error?.field === "new_passphrase";
  return (
    <form className="stack" onSubmit={submit}>
      <TextField label={t("recover.code")} hint={t("recover.code_hint")} className="tall code-input" autoFocus autoComplete="off" spellCheck={false} value={code} onChange={setCode} error={atCode ? recover.error?.message : undefined} />
      <div className="stack-1">
        <SecretField label={t("recover.new")} value={passphrase} onChange={setPassphrase} error={atNew ? recover.error?.message : undefined} />
        <StrengthMeter strength={passphrase ? strength.data : undefined} />
      </div>
      {recover.error && !atCode && !atNew && <Failure error={recover.error} />}
      <button className="btn primary tall" aria-busy={recover.isPending}>{t("recover.do")}</button>
      <button type="button" className="btn plain" onClick={onBack}>{t("recover.back")}</button>
    </form>
  );
}
