// Says what was done and offers to undo it; goes after ten seconds, but waits while it has the focus.
import { Undo2, X } from "lucide-react";
import { useEffect, useState } from "react";
import { t } from "../lib/messages";

/** How long an undo is offered. */
export const OFFERED = 10_000;

export function Toast({ text, onUndo, onGone }: { text: string; onUndo: () => void; onGone: () => void }) {
  const [held, setHeld] = useState(false);
  useEffect(() => {
    if (held) return undefined;
    const timer = setTimeout(onGone, OFFERED);
    return () => clearTimeout(timer);
  }, [held, text, onGone]);
  return (
    <div className="toast" role="status" onFocus={() => setHeld(true)} onBlur={() => setHeld(false)} onPointerEnter={() => setHeld(true)} onPointerLeave={() => setHeld(false)}>
      <span className="grow">{text}</span>
      <button type="button" className="btn sm" onClick={() => { onGone(); onUndo(); }}><Undo2 className="icon" />{t("toast.undo")}</button>
      <button type="button" className="btn plain square sm" aria-label={t("dialog.close")} onClick={onGone}><X className="icon" /></button>
    </div>
  );
}
