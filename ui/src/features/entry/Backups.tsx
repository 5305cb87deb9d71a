// The backups of a bag that cannot be opened, and putting one of them back.
import { useState } from "react";
import { t } from "../../lib/messages";
import { useAction, useAnswer } from "../../lib/queries";
import { madeAt, megabytes } from "../../lib/backup";
import { Answer, Empty, Failure } from "../../parts/States";

export function Backups({ vault, onBack }: { vault: { id: string; label: string }; onBack?: () => void }) {
  const backups = useAnswer("vault.backups_of", { vault_id: vault.id });
  const restore = useAction("vault.restore");
  const [sure, setSure] = useState<string>();
  return (
    <section className="stack" aria-label={t("backups.title")}>
      <Answer query={backups}>
        {(list) => list.length === 0 ? <Empty title={t("backups.none")}>{t("backups.none_text")}</Empty> : (
          <div className="card">
            {list.map((backup) => (
              <div key={backup.made} className="li">
                <span className="grow"><b>{madeAt(backup.made)}</b><span className="muted small block">{megabytes(backup.bytes)}</span></span>
                {sure === backup.made
                  ? <button className="btn primary sm" onClick={() => restore.mutate({ vault_id: vault.id, made: backup.made }, { onSuccess: () => onBack?.() })}>{t("backups.sure")}</button>
                  : <button className="btn sm" onClick={() => setSure(backup.made)}>{t("backups.restore")}</button>}
              </div>
            ))}
          </div>
        )}
      </Answer>
      <p className="muted small">{t("backups.text")}</p>
      {restore.error && <Failure error={restore.error} />}
      {onBack && <button className="btn plain" onClick={onBack}>{t("recover.back")}</button>}
    </section>
  );
}
