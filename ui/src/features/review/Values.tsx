// The values of one side: a single short one large, several with their names, long ones as prose.
import { Fragment } from "react";
import type { FieldInfo } from "../../bindings/commands";
import { t } from "../../lib/messages";
import { brief, clock } from "../../lib/time";
import { JsonView } from "../../parts/JsonEditor";
import { textOf } from "../../parts/shown";

/** Longest text that is shown large. */
const LARGE = 24;

/** Begin and end as one, where the group is the time of something: Sat 21 Nov, 12:30 to 13:10. */
function timesOf(values: Record<string, unknown>): { text: string; parts: string[] } | undefined {
  const { start_time: start, end_time: end } = values;
  if (typeof start !== "string" || typeof end !== "string") return undefined;
  const same = new Date(start).toDateString() === new Date(end).toDateString();
  const text = t("review.times", { from: brief(start), to: same ? clock(end) : brief(end) });
  // A line ends between day and times, never within them.
  const day = brief(start).slice(0, -clock(start).length).trim();
  return { text, parts: same ? [day, t("review.times", { from: clock(start), to: clock(end) })] : [text] };
}

/** All values in one line. */
export function headlineOf(fields: FieldInfo[], values: Record<string, unknown>, references: Record<string, string>): string {
  const times = timesOf(values);
  if (times) return times.text;
  return fields.filter((field) => field.name in values).map((field) => (fields.length > 1 ? `${field.label}: ${textOf(field, values[field.name], references)}` : textOf(field, values[field.name], references))).join(" · ");
}

export function Values({ fields, values, references }: { fields: FieldInfo[]; values: Record<string, unknown>; references: Record<string, string> }) {
  const times = timesOf(values);
  if (times) return <div className="v">{times.parts.map((part, at) => <Fragment key={at}>{at > 0 && " "}<span className={times.parts.length > 1 ? "whole" : undefined}>{part}</span></Fragment>)}</div>;
  const given = fields.filter((field) => field.name in values);
  const [only] = given;
  if (given.length === 1 && only) {
    if (only.kind === "json" && values[only.name] !== null) return <JsonView value={values[only.name]} />;
    const text = textOf(only, values[only.name], references);
    return <div className={text.length <= LARGE ? "v" : "v prose"}>{text}</div>;
  }
  return (
    <dl className="several">
      {given.map((field) => <div key={field.name}><dt>{field.label}</dt><dd className="prose">{field.kind === "json" && values[field.name] !== null ? <JsonView value={values[field.name]} /> : textOf(field, values[field.name], references)}</dd></div>)}
    </dl>
  );
}
