// What a case of "Needs review" is about, in a line.
import type { CaseInfo } from "../bindings/commands";
import { t } from "./messages";

export function subjectOf(one: CaseInfo): string {
  // A record that is named after its person only is told by its kind.
  const record = one.record && !(one.person && one.record.includes(one.person)) ? one.record : one.label;
  if (one.kind === "in_error") return t("review.about_error", { record });
  if (one.kind === "part_of_in_error") return t("review.about_part", { record });
  return [record, one.group === "start_time" ? t("review.time") : one.what].filter(Boolean).join(": ");
}
