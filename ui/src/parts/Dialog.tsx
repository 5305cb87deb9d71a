// A modal over the browser's own dialog: focus stays inside, Esc leaves, what is behind cannot be reached.
import { X } from "lucide-react";
import { useEffect, useRef, type ReactNode } from "react";
import { t } from "../lib/messages";

export function Dialog({ title, children, footer, onClose, wide = false, className = "" }: { title: string; children: ReactNode; footer?: ReactNode; onClose: () => void; wide?: boolean; className?: string }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const shown = dialog.current;
    const before = document.activeElement as HTMLElement | null;
    shown?.showModal?.();
    // The browser would put the focus on the button that closes.
    (shown?.querySelector<HTMLElement>("[data-first]") ?? shown?.querySelector<HTMLElement>("input, select, textarea"))?.focus();
    return () => {
      shown?.close?.();
      // What opened it may be gone by what it did.
      (before?.isConnected ? before : document.querySelector<HTMLElement>("main"))?.focus?.();
    };
  }, []);
  return (
    <dialog
      ref={dialog} className={`dialog${wide ? " wide" : ""} ${className}`} aria-label={title}
      onCancel={(event) => { event.preventDefault(); onClose(); }}
      onPointerDown={(event) => { if (event.target === dialog.current) onClose(); }}
    >
      <header>
        <h2>{title}</h2>
        <button type="button" className="btn plain square sm end" aria-label={t("dialog.close")} onClick={onClose}><X className="icon" /></button>
      </header>
      {children}
      {footer && <footer>{footer}</footer>}
    </dialog>
  );
}
