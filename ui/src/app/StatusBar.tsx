// The line at the foot: what is saved, what waits, when the centre last answered, and how it stands.
import { Check, ClockArrowUp, Scale, TriangleAlert } from "lucide-react";
import type { OpenVault } from "../bindings/commands";
import { t } from "../lib/messages";
import { useAnswer } from "../lib/queries";
import { to } from "../lib/route";
import { clock, when } from "../lib/time";
import { SyncSign } from "../parts/SyncSign";

export function StatusBar({ open, onKeys, onHelp }: { open: OpenVault; onKeys: () => void; onHelp: () => void }) {
  const sync = useAnswer("sync.status", {});
  const centre = sync.data?.centre;
  return (
    <footer className="status" role="status">
      <a className="status-sync" href={to.sync()} title={t("sync.title")}>
        <b className="saved"><Check className="icon" />{open.last_saved ? t("status.saved_at", { time: clock(open.last_saved) }) : t("status.saved")}</b>
        {sync.data && !centre && <>·<b>{t("status.kept", { n: sync.data.waiting })}</b></>}
        {sync.data && centre && (
          <>
            ·{sync.data.waiting > 0 ? <b className="waiting"><ClockArrowUp className="icon" />{t("status.to_send", { n: sync.data.waiting })}</b> : <b>{t("status.all_sent")}</b>}
            ·<b>{sync.data.last_sync ? t("status.last_sync", { time: when(sync.data.last_sync, "").trim() }) : t("status.never_synced")}</b>
            {sync.data.set_aside > 0 && <>·<b className="review-text"><Scale className="icon" />{t("status.set_aside", { n: sync.data.set_aside })}</b></>}
          </>
        )}
      </a>
      {open.degraded && <a className="row" href={to.settings()} title={open.degraded}><TriangleAlert className="icon" />{t("status.degraded")}</a>}
      <a className="end plain-link" href={to.sync()}><SyncSign phase={sync.data?.phase ?? "alone"} /></a>
      <button className="link-quiet" onClick={onKeys}><kbd>?</kbd> {t("status.keys")}</button>
      <button className="link-quiet" onClick={onHelp}><kbd>F1</kbd> {t("status.help")}</button>
    </footer>
  );
}
