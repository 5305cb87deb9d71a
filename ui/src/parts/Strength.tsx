// How hard a passphrase is to guess: a word and a meter.
import type { Strength } from "../bindings/commands";
import { t, type Key } from "../lib/messages";
import { said } from "../lib/said";

export function StrengthMeter({ strength }: { strength: Strength | undefined }) {
  if (!strength) return <p className="hint muted small">{t("strength.hint")}</p>;
  return (
    <div className="strength" role="status" data-n={strength.score}>
      <span className="steps" aria-hidden="true">{[0, 1, 2, 3].map((step) => <i key={step} className={step < strength.score ? "done" : ""} />)}</span>
      <b>{t(`strength.${strength.score}` as Key)}</b>
      {strength.score < 4 && strength.hint && <span className="muted small">{said(strength.hint)}</span>}
    </div>
  );
}
