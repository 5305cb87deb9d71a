// How far it is: the first download by its parts, and what goes out where much has to.
import type { SyncStatus } from "../../bindings/commands";
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
  const { centre, waiting, phase } = status;
  const all = mostOf(waiting);
  if (!centre) return null;
  const held = phase === "paused";
  const known = knowsParts(centre);
  return (
    <>
      {centre.parts_coming > 0 && (
        <div className="stack-1">
          {known ? <div className="bar"><progress max={centre.parts + centre.parts_coming} value={centre.parts} aria-label={t("sync.first_download")} /></div> : !held && <div className="bar moving" role="progressbar" aria-label={t("sync.first_download")} />}
          <p className="small">{t(held ? "sync.downloading_held" : "sync.downloading", { done: centre.parts })}</p>
        </div>
      )}
      {all >= MANY && waiting < all && (
        <div className="stack-1">
          <div className="bar"><progress max={all} value={all - waiting} aria-label={t("sync.sent")} /></div>
          <p className="small">{t("sync.sent_of", { done: all - waiting, of: all })}</p>
        </div>
      )}
    </>
  );
}
