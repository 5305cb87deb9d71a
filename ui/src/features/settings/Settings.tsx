// Settings of this person and this bag: screen, lock, passphrase, backups, proof.
import { useState, type FormEvent, type ReactNode } from "react";
import type { Settings as Kept, Theme, VerifyReport } from "../../bindings/commands";
import { setFlow } from "../../lib/flow";
import { languages, t } from "../../lib/messages";
import { said } from "../../lib/said";
import { client, useAction, useAnswer } from "../../lib/queries";
import { to } from "../../lib/route";
import { Dialog } from "../../parts/Dialog";
import { Erase } from "../../parts/Erase";
import { Check, ChoiceField, SecretField, Segment } from "../../parts/Field";
import { Answer, Failure, Note } from "../../parts/States";
import { StrengthMeter } from "../../parts/Strength";
import { madeAt, megabytes } from "../../lib/backup";

/** Where the answer about the settings lies. */
const KEPT = ["settings.get", {}];

export function Settings() {
  const settings = useAnswer("settings.get", {});
  const status = useAnswer("app.status", {});
  const keep = useAction("settings.set");
  const [over, setOver] = useState<"passphrase" | "erase">();
  return (
    <>
      <div className="head"><h1>{t("nav.settings")}</h1></div>
      <Answer query={settings}>
        {(data) => {
          const set = (change: Partial<Kept>) => {
            // What is chosen next, before this is answered, goes on from here; what was refused stands as it was.
            const next = { ...(client.getQueryData<Kept>(KEPT) ?? data), ...change };
            client.setQueryData(KEPT, next);
            keep.mutate(next, { onError: () => void client.invalidateQueries({ queryKey: KEPT }) });
          };
          return (
            <div className="body scroll settings">
              {keep.error && <Failure error={keep.error} />}
              <Part title={t("settings.screen")}>
                <div className="field"><span className="label">{t("settings.theme")}</span><Segment<Theme> label={t("settings.theme")} value={data.theme} onChange={(theme) => set({ theme })} choices={(["system", "light", "dark", "contrast"] as const).map((theme) => ({ value: theme, text: t(`settings.${theme}`) }))} /></div>
                <ChoiceField label={t("settings.language")} value={data.language} onChange={(language) => set({ language })} choices={Object.entries(languages).map(([value, text]) => ({ value, text }))} />
                <div className="field"><span className="label">{t("settings.text")}</span><Segment label={t("settings.text")} value={String(data.text_percent)} onChange={(percent) => set({ text_percent: Number(percent) })} choices={["100", "125", "150"].map((percent) => ({ value: percent, text: `${percent} %` }))} /></div>
                <Check checked={data.letter_keys} onChange={(letter_keys) => set({ letter_keys })} hint={t("settings.letters_hint")}>{t("settings.letters")}</Check>
              </Part>
              <Part title={t("settings.lock")}>
                <ChoiceField label={t("settings.lock_after")} hint={t("settings.lock_hint")} value={String(data.lock_minutes)} onChange={(minutes) => set({ lock_minutes: Number(minutes) })} choices={[...new Set([1, 2, 5, 10, 15, data.lock_minutes])].sort((a, b) => a - b).map((n) => ({ value: String(n), text: t("settings.minutes", { n }) }))} />
                <div><button className="btn" onClick={() => setOver("passphrase")}>{t("settings.passphrase")}</button></div>
                {status.data?.open?.degraded && <Note>{t("settings.degraded")} {said(status.data.open.degraded)}</Note>}
              </Part>
              <CentrePart />
              <BackupPart />
              <ProofPart />
              <Part title={t("settings.erase")}>
                <p className="muted small">{t("settings.erase_text")}</p>
                <div><button className="btn" onClick={() => setOver("erase")}>{t("settings.erase_do")}</button></div>
              </Part>
            </div>
          );
        }}
      </Answer>
      {over === "passphrase" && <ChangePassphrase onClose={() => setOver(undefined)} />}
      {over === "erase" && status.data?.open && <Erase label={status.data.open.label} onClose={() => setOver(undefined)} />}
    </>
  );
}

function Part({ title, children }: { title: string; children: ReactNode }) {
  return <section className="card part" aria-label={title}><header><h2>{title}</h2></header><div className="pad stack">{children}</div></section>;
}

function CentrePart() {
  const sync = useAnswer("sync.status", {});
  const centre = sync.data?.centre;
  return (
    <Part title={t("settings.centre")}>
      <p className="muted small">{centre ? t("settings.centre_joined", { organization: centre.organization, server: centre.server }) : t("settings.centre_alone")}</p>
      <div><a className="btn" href={to.sync()}>{centre ? t("settings.centre_look") : t("sync.join")}</a></div>
    </Part>
  );
}

function BackupPart() {
  const backups = useAnswer("vault.backups", {});
  const make = useAction("vault.back_up");
  const test = useAction("vault.test_restore");
  return (
    <Part title={t("settings.backups")}>
      <p className="muted small">{t("settings.backups_text")}</p>
      {backups.data?.map((backup) => (
        <div key={backup.made} className="row backup">
          <span className="grow"><b>{madeAt(backup.made)}</b> <span className="muted small">{megabytes(backup.bytes)}</span></span>
          {test.variables?.made === backup.made && test.data && <span className="badge saved">{t("settings.restores", { n: test.data.entries })}</span>}
          <button className="btn sm" aria-busy={test.isPending} onClick={() => test.mutate({ made: backup.made })}>{t("settings.test")}</button>
        </div>
      ))}
      {backups.data?.length === 0 && <p>{t("settings.no_backup")}</p>}
      {(make.error ?? test.error) && <Failure error={(make.error ?? test.error) as NonNullable<typeof make.error>} />}
      <div><button className="btn" aria-busy={make.isPending} onClick={() => make.mutate({})}>{t("settings.back_up")}</button></div>
    </Part>
  );
}

function ProofPart() {
  const verify = useAction("vault.verify");
  const report: VerifyReport | undefined = verify.data;
  return (
    <Part title={t("settings.proof")}>
      <p className="muted small">{t("settings.proof_text")}</p>
      {report && <p role="status">{t("settings.proved", { n: report.entries })}</p>}
      {verify.error && <Failure error={verify.error} />}
      <div><button className="btn" aria-busy={verify.isPending} onClick={() => verify.mutate({})}>{t("settings.prove")}</button></div>
    </Part>
  );
}

function ChangePassphrase({ onClose }: { onClose: () => void }) {
  const [present, setPresent] = useState("");
  const [next, setNext] = useState("");
  const [again, setAgain] = useState("");
  const [tried, setTried] = useState(false);
  const strength = useAnswer("vault.passphrase_strength", { passphrase: next }, next.length > 0);
  const change = useAction("vault.change_passphrase", (made) => setFlow({ code: made.recovery_code }));
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    if (next !== again || !next) return;
    change.mutate({ passphrase: present, new_passphrase: next }, { onSuccess: onClose });
  };
  return (
    <Dialog title={t("settings.passphrase")} onClose={onClose} className="roomy">
      <form className="pad stack" onSubmit={submit}>
        <p className="muted">{t("settings.passphrase_text")}</p>
        <SecretField label={t("settings.present")} autoFocus value={present} onChange={setPresent} error={change.error && ["wrong_secret", "wait"].includes(change.error.code) ? change.error.message : undefined} />
        <div className="stack-1"><SecretField label={t("recover.new")} value={next} onChange={setNext} error={change.error?.field === "new_passphrase" ? change.error.message : undefined} /><StrengthMeter strength={next ? strength.data : undefined} /></div>
        <SecretField label={t("new.again")} value={again} onChange={setAgain} error={tried && next !== again ? t("new.again_differs") : undefined} />
        {change.error && !change.error.field && !["wrong_secret", "wait"].includes(change.error.code) && <Failure error={change.error} />}
        <div className="row"><button type="button" className="btn" onClick={onClose}>{t("dialog.cancel")}</button><button className="btn primary end" aria-busy={change.isPending}>{change.isPending ? t("settings.renewing") : t("settings.passphrase")}</button></div>
      </form>
    </Dialog>
  );
}
