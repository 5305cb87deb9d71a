// What a person asks of synchronizing by hand: that it happens now, or goes on after a pause.
import { Play, RefreshCw } from "lucide-react";
import type { DeskError, SyncPhase } from "../bindings/commands";
import { t } from "../lib/messages";
import { useAction } from "../lib/queries";
import { isUnderWay } from "./SyncSign";

interface SyncNow {
  label: string;
  busy: boolean;
  error: DeskError | null;
  run: () => void;
}

/** Where it was paused, asking for it lets it go on. */
export function useSyncNow(phase: SyncPhase): SyncNow {
  const now = useAction("sync.now");
  const resume = useAction("sync.resume");
  const paused = phase === "paused";
  return {
    label: paused ? t("sync.resume") : t("sync.now"),
    busy: now.isPending || resume.isPending || isUnderWay(phase),
    error: now.error ?? resume.error,
    run: () => (paused ? resume.mutate({}) : now.mutate({ wait: false })),
  };
}

/** The button for it; `keys`: what stands on it as its key. */
export function SyncNowButton({ phase, sync, primary = false, keys }: { phase: SyncPhase; sync: SyncNow; primary?: boolean; keys?: string }) {
  return <button className={primary ? "btn primary" : "btn"} aria-busy={sync.busy} onClick={sync.run}>{phase === "paused" ? <Play className="icon" /> : <RefreshCw className="icon" />}{sync.label}{keys && <kbd>{keys}</kbd>}</button>;
}
