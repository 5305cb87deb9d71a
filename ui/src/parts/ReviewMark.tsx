// The mark "Needs review": on whatever a case waits about, wherever it is shown, with the way to the case. It
// goes away with the decision.
import { Scale } from "lucide-react";
import type { MouseEvent } from "react";
import type { CaseInfo } from "../bindings/commands";
import { subjectOf } from "../lib/case";
import { t } from "../lib/messages";
import { useAnswer } from "../lib/queries";
import { to } from "../lib/route";

/** A record; or a person, with everything in their record. */
type About = { entity: string; id: string } | { person: string };

/** The open cases about something, the newest first. */
export function useCases(about: About): CaseInfo[] {
  const marks = useAnswer("review.marks", {});
  const meant = (marks.data ?? []).filter(({ info, other }) => ("person" in about ? info.person_id === about.person : info.entity === about.entity && (info.record_id === about.id || other === about.id)));
  return meant.map(({ info }) => info);
}

/** What a mark says to whoever hears it: it may stand beside many others. */
const saidOf = (cases: CaseInfo[]): string => `${t("nav.review")}: ${cases.map(subjectOf).join(", ")}`;

/** The mark as a link to the case. */
export function ReviewMark({ onOpen, ...about }: About & { onOpen?: () => void }) {
  const cases = useCases(about);
  const [first] = cases;
  if (!first) return null;
  const open = (event: MouseEvent) => {
    // A row that opens its record by a click does not do so as well.
    event.stopPropagation();
    onOpen?.();
  };
  return <a className="badge attention review-mark" href={to.review(first.id)} aria-label={saidOf(cases)} title={saidOf(cases)} onClick={open}><Words n={cases.length} /></a>;
}

/** The mark where it stands within a link or a button already. */
export function ReviewSign(about: About) {
  const cases = useCases(about);
  return cases.length > 0 && <span className="badge attention" title={saidOf(cases)}><Words n={cases.length} /></span>;
}

function Words({ n }: { n: number }) {
  return <><Scale className="icon" />{t("nav.review")}{n > 1 && ` (${n})`}</>;
}

/** What the mark means, on the page or in the dialogue of the record itself. */
export function ReviewNote({ onOpen, ...about }: About & { onOpen?: () => void }) {
  const cases = useCases(about);
  return cases.map((one) => (
    <div key={one.id} className="banner attention review-note">
      <Scale className="icon icon-lg" />
      <div className="grow">
        <b>{t("nav.review")}</b>
        <p className="small">{subjectOf(one)}. {one.kind !== "values" ? t(`review.explain.${one.kind}`) : one.yours ? t("review.note_yours") : t("review.note_other", { name: one.assigned_to || t("review.somebody") })}</p>
        <a className="small" href={to.review(one.id)} onClick={onOpen}>{t("review.look")}</a>
      </div>
    </div>
  ));
}
