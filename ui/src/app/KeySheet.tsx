// The keys that work now.
import { actions } from "../lib/keys";
import { t } from "../lib/messages";
import { Dialog } from "../parts/Dialog";

export function KeySheet({ onClose }: { onClose: () => void }) {
  const always: [string, string][] = [["0–9", t("keys.numbers")], ["↑ ↓ ← →", t("keys.arrows")], ["Enter", t("keys.enter")], ["Esc", t("keys.escape")]];
  return (
    <Dialog title={t("keys.title")} onClose={onClose}>
      <dl className="keys pad">
        {actions().filter((action) => action.keys).map((action) => <div key={action.id}><dt>{action.label}</dt><dd><kbd>{action.keys}</kbd></dd></div>)}
        {always.map(([keys, label]) => <div key={keys}><dt>{label}</dt><dd><kbd>{keys}</kbd></dd></div>)}
      </dl>
    </Dialog>
  );
}
