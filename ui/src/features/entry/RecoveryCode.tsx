// The recovery code: shown once, printed or saved, and typed back before any person is stored.
import { Save } from "lucide-react";
import { useState, type FormEvent } from "react";
import { setFlow, useFlow } from "../../lib/flow";
import { t } from "../../lib/messages";
import { useAction } from "../../lib/queries";
import { SecretField, TextField } from "../../parts/Field";
import { Failure, Problem } from "../../parts/States";

export function RecoveryCode({ label }: { label: string }) {
  const { code } = useFlow();
  return code ? <Shown code={code} label={label} /> : <Forgotten />;
}

function Shown({ code, label }: { code: string; label: string }) {
  const [typing, setTyping] = useState(false);
  const [saving, setSaving] = useState(false);
  const [folder, setFolder] = useState("");
  const save = useAction("vault.save_code");
  return (
    <main className="lock wide-lock">
      <div className="centre"><h1>{t("code.title")}</h1><p className="muted">{t("code.sub")}</p></div>
      {typing ? <Typed onBack={() => setTyping(false)} /> : (
        <div className="stack">
          <section className="card sheet" aria-label={t("code.title")}>
            <p className="muted small">{t("code.sheet", { label })}</p>
            <p className="code" data-code={code}>{code}</p>
            <p className="muted small">{t("code.keep")}</p>
          </section>
          <div className="row">
            <button className="btn" aria-expanded={saving} onClick={() => setSaving(!saving)}><Save className="icon" />{t("code.save")}</button>
            <button className="btn primary end" onClick={() => setTyping(true)}>{t("code.have")}</button>
          </div>
          {saving && (
            <form className="stack" onSubmit={(event) => { event.preventDefault(); save.mutate({ code, folder: folder || null }); }}>
              <TextField label={t("code.folder")} hint={t("code.folder_hint")} value={folder} onChange={setFolder} error={save.error?.message} trailing={<button className="btn sm">{t("code.save_do")}</button>} />
              {save.data && <p className="small" role="status">{t("code.saved", { path: save.data.path })}</p>}
            </form>
          )}
        </div>
      )}
    </main>
  );
}

function Typed({ onBack }: { onBack?: () => void }) {
  const [typed, setTyped] = useState("");
  const confirm = useAction("vault.confirm_recovery", () => setFlow({ code: undefined }));
  const submit = (event: FormEvent) => {
    event.preventDefault();
    confirm.mutate({ code: typed });
  };
  return (
    <form className="stack" onSubmit={submit}>
      <TextField label={t("code.type")} hint={t("code.type_hint")} className="tall code-input" autoFocus autoComplete="off" spellCheck={false} value={typed} onChange={setTyped} error={confirm.error?.message} />
      <div className="row">
        {onBack && <button type="button" className="btn" onClick={onBack}>{t("code.look")}</button>}
        <button className="btn primary end" aria-busy={confirm.isPending}>{t("code.confirm")}<kbd>⏎</kbd></button>
      </div>
    </form>
  );
}

/** The app was closed before the code was confirmed: confirm it now, or make a new one. */
function Forgotten() {
  const [renew, setRenew] = useState(false);
  const [passphrase, setPassphrase] = useState("");
  const change = useAction("vault.change_passphrase", (made) => setFlow({ code: made.recovery_code }));
  const submit = (event: FormEvent) => {
    event.preventDefault();
    change.mutate({ passphrase, new_passphrase: passphrase });
  };
  return (
    <main className="lock">
      <div className="centre"><h1>{t("code.unconfirmed")}</h1><p className="muted">{t("code.unconfirmed_text")}</p></div>
      {renew ? (
        <form className="stack" onSubmit={submit}>
          <SecretField label={t("unlock.passphrase")} autoFocus value={passphrase} onChange={setPassphrase} error={change.error?.message} />
          <button className="btn primary tall" aria-busy={change.isPending}>{t("code.new")}</button>
        </form>
      ) : (
        <>
          <Typed />
          <p className="centre"><button className="link" onClick={() => setRenew(true)}>{t("code.lost")}</button></p>
        </>
      )}
      {change.isPending && <Problem>{t("code.renewing")}</Problem>}
      {change.error && change.error.code !== "wrong_secret" && <Failure error={change.error} />}
    </main>
  );
}
