// How synchronizing stands, as a sign and words: each state differs in both, never by colour alone.
import { ArrowUpCircle, Check, CirclePause, ClockArrowUp, CopyX, KeyRound, Laptop, RefreshCw, TriangleAlert, WifiOff, type LucideIcon } from "lucide-react";
import type { CentreInfo, OnLine, SyncPhase } from "../bindings/commands";
import { bytes } from "../lib/bytes";
import { t } from "../lib/messages";

const SIGNS: Record<SyncPhase, [LucideIcon, string]> = {
  alone: [Laptop, ""],
  off: [Laptop, ""],
  paused: [CirclePause, "waiting"],
  idle: [Check, "saved"],
  signing_in: [RefreshCw, "syncing"],
  sending: [RefreshCw, "syncing"],
  receiving: [RefreshCw, "syncing"],
  offline: [Laptop, ""],
  disturbed: [WifiOff, ""],
  busy: [ClockArrowUp, "waiting"],
  signed_out: [KeyRound, "signed-out"],
  revoked: [KeyRound, "signed-out"],
  upgrade_required: [ArrowUpCircle, "attention-text"],
  centre_older: [ArrowUpCircle, "attention-text"],
  copy: [CopyX, "attention-text"],
  refused: [TriangleAlert, "attention-text"],
};

/** Whether nothing happens before a person acts. */
export const needsPerson = (phase: SyncPhase): boolean => ["signed_out", "revoked", "upgrade_required", "centre_older", "copy", "refused"].includes(phase);
export const isUnderWay = (phase: SyncPhase): boolean => ["signing_in", "sending", "receiving"].includes(phase);

/** Whether it is known how many parts are still to come: the centre names one after the other, so that a single one may be followed by any number. */
export const knowsParts = (centre: CentreInfo): boolean => centre.parts_coming > 1;

/** `share`: how much of a first download is here, 0 to 1. `line`: what is on the line, where that is shown. */
export function SyncSign({ phase, share, line }: { phase: SyncPhase; share?: number | undefined; line?: OnLine | null | undefined }) {
  const [Icon, tone] = SIGNS[phase];
  return <b className={`sync-sign ${tone}`}><Icon className="icon" />{t(`sync.phase.${phase}`)}{share !== undefined && ` ${Math.floor(share * 100)} %`}{line && <span className="num">{t("sync.line_of", { done: bytes(line.done), of: bytes(line.of) })}</span>}</b>;
}
