// Help without a network: how the main job goes, and what to do when something is wrong.
import { t, type Key } from "../lib/messages";
import { Dialog } from "../parts/Dialog";

const SECTIONS: [Key, Key][] = [
  ["help.start", "help.start_text"],
  ["help.saved", "help.saved_text"],
  ["help.alert", "help.alert_text"],
  ["help.score", "help.score_text"],
  ["help.error", "help.error_text"],
  ["help.lost", "help.lost_text"],
  ["help.backup", "help.backup_text"],
];

export function Help({ onClose, version }: { onClose: () => void; version: string }) {
  return (
    <Dialog title={t("help.title")} onClose={onClose} wide>
      <div className="pad stack help-text">
        {SECTIONS.map(([title, text]) => <section key={title}><h3>{t(title)}</h3><p>{t(text)}</p></section>)}
        <p className="muted small">Gladstone {version}. {t("help.none")}</p>
      </div>
    </Dialog>
  );
}
