// The lock screen: whose bag, and the passphrase.
import { Laptop } from "lucide-react";
import { useState, type FormEvent } from "react";
import type { AppStatus, VaultInfo } from "../../bindings/commands";
import { setFlow, useFlow } from "../../lib/flow";
import { t } from "../../lib/messages";
import { useAction } from "../../lib/queries";
import { longDate } from "../../lib/time";
import { Avatar } from "../../parts/Avatar";
import { LargeBag } from "../../parts/Bag";
import { SecretField } from "../../parts/Field";
import { LanguageChoice } from "../../parts/LanguageChoice";
import { Failure, Note } from "../../parts/States";
import { NewVault } from "./NewVault";
import { SAMPLE_LABEL, SAMPLE_PASSPHRASE } from "../../lib/sample";
import { Backups } from "./Backups";
import { Recover } from "./Recover";

type Way = "passphrase" | "recover" | "choose" | "new" | "backups";

export function Unlock({ status }: { status: AppStatus }) {
  const last = window.localStorage.getItem("vault");
  const [chosen, setChosen] = useState<VaultInfo>(status.vaults.find((vault) => vault.id === last) ?? (status.vaults[0] as VaultInfo));
  const [way, setWay] = useState<Way>(useFlow().backups ? "backups" : "passphrase");
  const back = () => {
    setFlow({ backups: false });
    setWay("passphrase");
  };
  const pick = (vault: VaultInfo) => {
    window.localStorage.setItem("vault", vault.id);
    setChosen(vault);
    setWay("passphrase");
  };
  if (way === "new") return <NewVault keyring={status.keyring} onBack={() => setWay("passphrase")} />;
  return (
    <div className="lock-page">
      <main className="lock">
        <LargeBag />
        <div className="centre"><h1>{t("unlock.title")}</h1></div>
        {way === "choose" ? (
          <div className="card">
            {status.vaults.map((vault) => <button key={vault.id} className="li pick" onClick={() => pick(vault)}><Avatar name={vault.label} /><span className="grow"><b>{vault.label}</b></span></button>)}
            <button className="li pick" onClick={() => setWay("new")}>{t("unlock.new")}</button>
          </div>
        ) : (
          <div className="whois">
            <Avatar name={chosen.label} />
            <span className="grow"><b>{chosen.label}</b><br /><span className="small muted">{t("unlock.since", { time: longDate(chosen.created) })}</span></span>
            <button className="link small" onClick={() => setWay("choose")}>{t("unlock.other")}</button>
          </div>
        )}
        {way === "passphrase" && <Passphrase key={chosen.id} vault={chosen} onForgotten={() => setWay("recover")} onBackups={() => setWay("backups")} />}
        {way === "recover" && <Recover vault={chosen} onBack={() => setWay("passphrase")} />}
        {way === "backups" && <Backups vault={chosen} onBack={back} />}
      </main>
      <footer className="lock-foot"><span className="row"><Laptop className="icon" />{t("unlock.foot")}</span><LanguageChoice /></footer>
    </div>
  );
}

function Passphrase({ vault, onForgotten, onBackups }: { vault: VaultInfo; onForgotten: () => void; onBackups: () => void }) {
  const [passphrase, setPassphrase] = useState("");
  const unlock = useAction("vault.unlock");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (unlock.isPending) return;
    window.localStorage.setItem("vault", vault.id);
    unlock.mutate({ vault_id: vault.id, passphrase }, { onError: () => setPassphrase("") });
  };
  const wrong = unlock.error && ["wrong_secret", "wait"].includes(unlock.error.code);
  return (
    <form className="stack" onSubmit={submit}>
      <SecretField label={t("unlock.passphrase")} autoFocus value={passphrase} onChange={setPassphrase} error={wrong ? unlock.error.message : undefined} />
      {vault.label === SAMPLE_LABEL && <Note>{t("unlock.sample")} <b className="select">{SAMPLE_PASSPHRASE}</b></Note>}
      <button className="btn primary tall" aria-busy={unlock.isPending}>{unlock.isPending ? t("unlock.opening") : t("unlock.do")}<kbd>⏎</kbd></button>
      {unlock.error && !wrong && (
        <div className="stack-1"><Failure error={unlock.error} /><button type="button" className="btn" onClick={onBackups}>{t("unlock.backups")}</button></div>
      )}
      <p className="centre small"><button type="button" className="link" onClick={onForgotten}>{t("unlock.forgot")}</button></p>
    </form>
  );
}
