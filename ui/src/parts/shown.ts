// A value as people read it.
import type { FieldInfo } from "../bindings/commands";
import { choiceOf } from "../lib/labels";
import { t } from "../lib/messages";
import { fullDate, moment } from "../lib/time";

export function shown(field: FieldInfo, value: unknown): string {
  if (value === null || value === undefined || value === "") return "";
  if (field.kind === "boolean") return value ? t("widget.yes") : t("widget.no");
  if (field.kind === "date") return fullDate(String(value));
  if (field.kind === "instant") return moment(String(value));
  if (field.kind === "json") return JSON.stringify(value);
  return field.choices.length > 0 ? choiceOf(String(value)) : String(value);
}

/** The same with a word for nothing, and the name of the record that a value refers to. */
export function textOf(field: FieldInfo, value: unknown, references: Record<string, string>): string {
  if (value === null || value === undefined || value === "") return t("review.nothing");
  if (field.kind === "reference") return references[String(value)] ?? t("records.elsewhere");
  return shown(field, value);
}
