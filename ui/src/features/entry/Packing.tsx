// Packs the sample bag, with progress, and can be stopped.
import { useEffect, useRef, useState } from "react";
import type { DeskError, JobProgress } from "../../bindings/commands";
import { setFlow } from "../../lib/flow";
import { t } from "../../lib/messages";
import { client } from "../../lib/queries";
import { asError, rpc } from "../../lib/rpc";
import { LargeBag } from "../../parts/Bag";
import { Failure } from "../../parts/States";
import { SAMPLE_LABEL, SAMPLE_PASSPHRASE, SAMPLE_PERSON } from "../../lib/sample";

async function pack(): Promise<void> {
  const made = await rpc("vault.create", { label: SAMPLE_LABEL, person_name: SAMPLE_PERSON, passphrase: SAMPLE_PASSPHRASE });
  await rpc("vault.confirm_recovery", { code: made.recovery_code });
  await rpc("sample.generate", { seed: 1, scale: 1 });
}

export function Packing() {
  const [progress, setProgress] = useState<JobProgress>();
  const [error, setError] = useState<DeskError>();
  const begun = useRef(false);
  const leave = () => {
    setFlow({ packing: false });
    void client.invalidateQueries();
  };
  useEffect(() => {
    if (begun.current) return;
    begun.current = true;
    pack().then(leave, (thrown: unknown) => setError(asError(thrown)));
  }, []);
  useEffect(() => {
    const timer = setInterval(() => void rpc("jobs.progress", {}).then(setProgress, () => undefined), 150);
    return () => clearInterval(timer);
  }, []);
  return (
    <main className="lock">
      <LargeBag />
      <div className="centre"><h1>{t("packing.title")}</h1><p className="muted">{t("packing.text")}</p></div>
      {error ? <Failure error={error} retry={leave} /> : (
        <div className="stack">
          <div className="bar"><progress value={progress?.done ?? 0} max={Math.max(1, progress?.of ?? 1)} aria-label={t("packing.title")} /></div>
          <div className="row"><span className="muted small num">{progress && progress.of > 0 ? `${progress.done} / ${progress.of}` : ""}</span>
            <button className="btn sm end" onClick={() => void rpc("jobs.cancel", {})}>{t("packing.stop")}</button></div>
        </div>
      )}
    </main>
  );
}
