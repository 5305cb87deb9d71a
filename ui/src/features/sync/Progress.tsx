// How far it is: the first download by its parts, what goes out where much has to, and what is on the line now.
import type { OnLine, SyncStatus } from "../../bindings/commands";
import { bytes } from "../../lib/bytes";
import { t } from "../../lib/messages";
import { knowsParts } from "../../parts/SyncSign";

/** From how many changes on it is told how far sending is. */
const MANY = 20;

/** The most that waited since nothing did. Kept while the bag is open, whichever page is shown. */
let most = 0;

function mostOf(waiting: number): number {
  most = waiting === 0 ? 0 : Math.max(most, waiting);
  return most;
}

export function Progress({ status }: { status: SyncStatus }) {
  const { centre, waiting, phase, on_line: line } = status;
  const all = mostOf(waiting);
  if (!centre) return null;
  const held = phase === "paused";
  const known = knowsParts(centre);
  return (
    <>
      {centre.parts_coming > 0 && (
        <div className="stack-1">
          {known ? <div className="bar"><progress max={centre.parts + centre.parts_coming} value={centre.parts} aria-label={t("sync.first_download")} /></div> : !held && (line ? <Line line={line} label={t("sync.first_download")} /> : <div className="bar moving" role="progressbar" aria-label={t("sync.first_download")} />)}
          <p className="small">{t(held ? "sync.downloading_held" : "sync.downloading", { done: centre.parts })}{line && ` ${textOf(line)}.`}</p>
        </div>
      )}
      {all >= MANY && waiting < all && (
        <div className="stack-1">
          <div className="bar"><progress max={all} value={all - waiting} aria-label={t("sync.sent")} /></div>
          <p className="small">{t("sync.sent_of", { done: all - waiting, of: all })}</p>
        </div>
      )}
      {centre.parts_coming === 0 && line && (
        <div className="stack-1">
          <Line line={line} label={t(line.sends ? "sync.line_sent" : "sync.line_fetched")} />
          <p className="small">{textOf(line)}</p>
        </div>
      )}
    </>
  );
}

/** How far what is on the line is, as a bar. */
function Line({ line, label }: { line: OnLine; label: string }) {
  return <div className="bar" role="progressbar" aria-label={label} aria-valuemin={0} aria-valuemax={line.of} aria-valuenow={line.done} aria-valuetext={textOf(line)}><progress aria-hidden="true" max={line.of} value={line.done} /></div>;
}

const textOf = (line: OnLine): string => t(line.sends ? "sync.sending_now" : "sync.fetching_now", { done: bytes(line.done), of: bytes(line.of) });
