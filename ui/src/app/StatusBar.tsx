// The line at the foot: what is saved, what waits, when the centre last answered, and how it stands.
import { Check, ClockArrowUp, Scale, TriangleAlert } from "lucide-react";
import { useEffect } from "react";
import type { OpenVault } from "../bindings/commands";
import { useActions } from "../lib/keys";
import { t } from "../lib/messages";
import { client, useAction, useAnswer } from "../lib/queries";
import { to } from "../lib/route";
import { said } from "../lib/said";
import { when } from "../lib/time";
import { useSyncNow } from "../parts/SyncNow";
import { SyncSign, isUnderWay, knowsParts } from "../parts/SyncSign";

/** How often it is looked how far it is while something moves, in milliseconds. */
const LOOK = 500;

export function StatusBar({ open, onKeys, onHelp }: { open: OpenVault; onKeys: () => void; onHelp: () => void }) {
  const sync = useAnswer("sync.status", {});
  const centre = sync.data?.centre;
  const phase = sync.data?.phase ?? "alone";
  const now = useSyncNow(phase);
  const pause = useAction("sync.pause");
  const share = centre && knowsParts(centre) && isUnderWay(phase) ? centre.parts / (centre.parts + centre.parts_coming) : undefined;
  const moves = isUnderWay(phase);
  // Whatever shows how far it is asks the same question, and is told by this too.
  useEffect(() => {
    if (!moves) return undefined;
    const timer = setInterval(() => void client.invalidateQueries({ queryKey: ["sync.status"] }), LOOK);
    return () => clearInterval(timer);
  }, [moves]);
  useActions(centre ? [{ id: "sync-now", label: now.label, run: now.run }, ...(phase === "paused" ? [] : [{ id: "sync-pause", label: t("sync.pause_long"), run: () => pause.mutate({}) }])] : [], true);
  const time = (text: string) => when(text, "").trim();
  return (
    <footer className="status" aria-label={t("status.name")}>
      <a className="status-sync" href={to.sync()} title={t("sync.title")}>
        <b className="saved"><Check className="icon" />{open.last_saved ? t("status.saved_at", { time: time(open.last_saved) }) : t("status.saved")}</b>
        {sync.data && !centre && <><i>·</i><b>{t("status.kept", { n: sync.data.waiting })}</b></>}
        {sync.data && centre && (
          <>
            <i>·</i>{sync.data.waiting > 0 ? <b className="waiting"><ClockArrowUp className="icon" />{t("status.to_send", { n: sync.data.waiting })}</b> : <b>{t("status.all_sent")}</b>}
            <i>·</i><b>{sync.data.last_sync ? t("status.last_sync", { time: time(sync.data.last_sync) }) : t("status.never_synced")}</b>
            {sync.data.set_aside > 0 && <><i>·</i><b className="review-text"><Scale className="icon" />{t("status.set_aside", { n: sync.data.set_aside })}</b></>}
          </>
        )}
      </a>
      {open.degraded && <a className="row degraded" href={to.settings()} title={`${t("status.degraded")}. ${said(open.degraded)}`} aria-label={t("status.degraded")}><TriangleAlert className="icon" /><span className="roomy-only">{t("status.degraded")}</span></a>}
      <a className="end plain-link" href={to.sync()}><SyncSign phase={phase} share={share} line={moves ? sync.data?.on_line : undefined} /></a>
      <button className="link-quiet" onClick={onKeys}><kbd>?</kbd> <span className="roomy-only">{t("status.keys")}</span><span className="sr narrow-only">{t("status.keys")}</span></button>
      <button className="link-quiet" onClick={onHelp}><kbd>F1</kbd> <span className="roomy-only">{t("status.help")}</span><span className="sr narrow-only">{t("status.help")}</span></button>
      {/* What passes by in a moment is not read out, and neither is the clock. */}
      <span className="sr" role="status">{sync.data && centre && !isUnderWay(phase) ? [t(`sync.phase.${phase}`), sync.data.waiting > 0 && t("status.to_send", { n: sync.data.waiting }), sync.data.set_aside > 0 && t("status.set_aside", { n: sync.data.set_aside })].filter(Boolean).join(". ") : ""}</span>
    </footer>
  );
}
