// The widget of a field, from its declaration.
import { useState } from "react";
import type { FieldInfo } from "../bindings/commands";
import { choiceOf } from "../lib/labels";
import { t } from "../lib/messages";
import { fresh, useAnswer } from "../lib/queries";
import { fullDate, readDate } from "../lib/time";
import { Combo } from "./Combo";
import { AreaField, Check, ChoiceField, TextField } from "./Field";
import { JsonEditor } from "./JsonEditor";

interface Props {
  field: FieldInfo;
  value: unknown;
  /** The name of the record that is referred to. */
  name: string;
  error: string | undefined;
  onChange: (value: unknown) => void;
}

export function Widget({ field, value, name, error, onChange }: Props) {
  const label = field.required ? field.label : <>{field.label} <span className="muted">{t("widget.optional")}</span></>;
  const text = value === null || value === undefined ? "" : String(value);
  const common = { label, error, hint: field.help || undefined };
  if (field.kind === "reference") return <Reference field={field} name={name} error={error} onChange={onChange} />;
  if (field.kind === "boolean") return <Check checked={value === true} onChange={onChange} hint={field.help}>{field.label}</Check>;
  if (field.kind === "json") return <JsonEditor label={field.label} value={value} onChange={onChange} error={error} />;
  if (field.choices.length > 0 && !field.open) {
    const none = field.required && text !== "" ? [] : [{ value: "", text: t("widget.none") }];
    return <ChoiceField {...common} value={text} onChange={(chosen) => onChange(chosen === "" ? null : field.kind === "integer" ? Number(chosen) : chosen)} choices={[...none, ...field.choices.map((one) => ({ value: one, text: choiceOf(one) }))]} />;
  }
  if (field.kind === "date") return <DateWidget {...common} value={text} onChange={onChange} />;
  if (field.kind === "instant") return <TextField {...common} type="datetime-local" step={60} value={localOf(text)} onChange={(typed) => onChange(typed === "" ? null : new Date(typed).toISOString())} />;
  if (field.kind === "integer") return <TextField {...common} inputMode="numeric" value={text} onChange={(typed) => onChange(typed === "" ? null : /^-?\d+$/.test(typed) ? Number(typed) : typed)} hint={rangeOf(field) || common.hint} />;
  if (field.kind === "decimal") return <TextField {...common} inputMode="decimal" value={text} onChange={(typed) => onChange(typed === "" ? null : typed.replace(",", "."))} hint={rangeOf(field) || common.hint} />;
  const keep = (typed: string) => onChange(typed === "" ? null : typed);
  if (field.kind === "long_text" || (field.max_length === null && field.kind === "text" && !field.format)) return <AreaField {...common} rows={3} value={text} onChange={keep} />;
  return <TextField {...common} value={text} onChange={keep} maxLength={field.max_length ?? undefined} list={field.choices.length > 0 ? `list-${field.name}` : undefined} trailing={field.choices.length > 0 && <datalist id={`list-${field.name}`}>{field.choices.map((one) => <option key={one} value={one} />)}</datalist>} />;
}


function rangeOf(field: FieldInfo): string {
  if (field.min !== null && field.max !== null) return t("widget.range", { min: field.min, max: field.max });
  if (field.min !== null) return t("widget.at_least", { min: field.min });
  return field.max === null ? "" : t("widget.at_most", { max: field.max });
}

/** An instant as the browser's own widget takes it, in local time. */
function localOf(text: string): string {
  if (text === "") return "";
  const at = new Date(text);
  return Number.isNaN(at.getTime()) ? "" : new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

function DateWidget({ value, onChange, label, error, hint }: { value: string; onChange: (value: unknown) => void; label: React.ReactNode; error: string | undefined; hint: string | undefined }) {
  const [typed, setTyped] = useState(value ? fullDate(value) : "");
  const read = typed.trim() === "" ? null : readDate(typed);
  const change = (text: string) => {
    setTyped(text);
    const date = text.trim() === "" ? null : readDate(text);
    onChange(date === undefined ? text : date);
  };
  return <TextField label={label} hint={read ? fullDate(read) : (hint ?? t("person.birth_hint"))} error={error ?? (read === undefined && typed.length > 9 ? t("person.birth_wrong") : undefined)} value={typed} onChange={change} />;
}

function Reference({ field, name, error, onChange }: { field: FieldInfo; name: string; error: string | undefined; onChange: (value: unknown) => void }) {
  const [text, setText] = useState("");
  const [picked, setChosen] = useState<string>();
  const chosen = picked ?? name;
  const [asked, setAsked] = useState(false);
  const found = useAnswer("records.references", { entity: field.references ?? "", text }, asked);
  return (
    <Combo
      label={field.required ? field.label : `${field.label} ${t("widget.optional")}`} chosen={chosen} options={fresh(found) ?? []} name={(one) => one.title || t("records.unnamed")} error={error} hint={field.help || undefined}
      nothing={t("widget.nothing_found")} onType={(typed) => { setAsked(true); setText(typed); }} onChoose={(one) => { setChosen(one.title || t("records.unnamed")); onChange(one.id); }} onClear={field.required ? undefined : () => { setChosen(""); onChange(null); }}
    />
  );
}
