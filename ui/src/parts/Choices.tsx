// The widget of one item: choices as large rows, numbers, texts, dates.
import { useState, type KeyboardEvent } from "react";
import type { FormItem } from "../bindings/commands";
import { t } from "../lib/messages";
import { readDate } from "../lib/time";

export interface ChoiceProps {
  item: FormItem;
  value: unknown;
  onAnswer: (value: unknown) => void;
  labelledBy: string;
}

/** The choices of an item; yes and no for items without a list. */
export function optionsOf(item: FormItem): { value: string; text: string; answer: unknown }[] {
  if (["true_false", "boolean", "yes_no"].includes(item.kind)) return [{ value: "1", text: t("widget.yes"), answer: true }, { value: "0", text: t("widget.no"), answer: false }];
  if (item.options.length > 0) return item.options.map((option) => ({ ...option, answer: option.value }));
  const range = item.range as { min?: number; max?: number } | null;
  if (range && typeof range.min === "number" && typeof range.max === "number" && range.max - range.min <= 10) {
    return Array.from({ length: range.max - range.min + 1 }, (_, at) => ({ value: String((range.min ?? 0) + at), text: String((range.min ?? 0) + at), answer: (range.min ?? 0) + at }));
  }
  return [];
}

export function isMultiple(item: FormItem): boolean {
  return item.kind === "multiple_choice" || item.kind === "checkbox";
}

export function isChosen(item: FormItem, value: unknown, answer: unknown): boolean {
  return isMultiple(item) ? Array.isArray(value) && value.includes(answer) : value === answer || (value !== null && value !== undefined && String(value) === String(answer));
}

/** The new answer after a choice was pressed. */
export function pressed(item: FormItem, value: unknown, answer: unknown): unknown {
  if (!isMultiple(item)) return answer;
  const list = Array.isArray(value) ? value : [];
  return list.includes(answer) ? list.filter((one) => one !== answer) : [...list, answer];
}

export function Choices({ item, value, onAnswer, labelledBy }: ChoiceProps) {
  const options = optionsOf(item);
  if (options.length === 0) return <Written item={item} value={value} onAnswer={onAnswer} labelledBy={labelledBy} />;
  const multiple = isMultiple(item);
  const any = options.some((option) => isChosen(item, value, option.answer));
  const move = (event: KeyboardEvent) => {
    const step = event.key === "ArrowDown" || event.key === "ArrowRight" ? 1 : event.key === "ArrowUp" || event.key === "ArrowLeft" ? -1 : 0;
    if (step === 0) return;
    event.preventDefault();
    const rows = [...(event.currentTarget as HTMLElement).querySelectorAll<HTMLElement>("[role]")];
    const now = rows.indexOf(document.activeElement as HTMLElement);
    rows[(now + step + rows.length) % rows.length]?.focus();
  };
  return (
    <div className="ans" role={multiple ? "group" : "radiogroup"} aria-labelledby={labelledBy} onKeyDown={move}>
      {options.map((option, at) => {
        const on = isChosen(item, value, option.answer);
        return (
          <button
            key={option.value} type="button" role={multiple ? "checkbox" : "radio"} aria-checked={on} className={on ? "on" : undefined} tabIndex={multiple || on || (!any && at === 0) ? 0 : -1} data-value={option.value}
            onClick={() => onAnswer(pressed(item, value, option.answer))}
          >
            <span className="dot" /><span className="grow">{option.text}</span><kbd>{option.value}</kbd>
          </button>
        );
      })}
    </div>
  );
}

function Written({ item, value, onAnswer, labelledBy }: ChoiceProps) {
  const [text, setText] = useState(value === null || value === undefined ? "" : String(value));
  const [wrong, setWrong] = useState(false);
  const number = ["number", "numeric", "integer", "scale", "slider", "rating", "likert"].includes(item.kind);
  const date = item.kind === "date";
  const done = () => {
    if (text.trim() === "" || text === String(value ?? "")) return;
    const read = number ? Number(text.replace(",", ".")) : date ? readDate(text) : text;
    const bad = read === undefined || (number && !Number.isFinite(read));
    setWrong(bad);
    if (!bad) onAnswer(read);
  };
  return (
    <div className="ans">
      {number || date
        ? <span className={wrong ? "input tall bad" : "input tall"}><input aria-labelledby={labelledBy} inputMode={number ? "decimal" : undefined} value={text} onChange={(event) => setText(event.target.value)} onBlur={done} onKeyDown={(event) => { if (event.key === "Enter") done(); }} /></span>
        : <textarea className="input" rows={5} aria-labelledby={labelledBy} value={text} onChange={(event) => setText(event.target.value)} onBlur={done} />}
      {wrong && <span className="err">{number ? t("widget.number_wrong") : t("person.birth_wrong")}</span>}
    </div>
  );
}
