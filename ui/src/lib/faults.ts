// Why values are refused, found again in what the program says and put into the language of the screen.
import { REMEDIES, RULES } from "../messages/faults.de";
import { CHOICES } from "../messages/labels.de";
import { labelOf, smallLabelsOf } from "./labels";
import { fill, language } from "./messages";

const PLACE = /\{(\w+)\}/g;

/** A remedy with its full stop, perhaps with the name of its field before it, at the beginning of a text. */
const remedies = Object.entries(REMEDIES).map(([english, german]) => {
  const names = [...english.matchAll(PLACE)].map((found) => found[1] as string);
  const parts = english.split(PLACE).filter((_, at) => at % 2 === 0).map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return { pattern: new RegExp(`^(?:([^:.]+): )?${parts.join("(.+?)")}\\.(?: |$)`, "s"), names, german };
});

/** One reason or several behind each other; nothing when a part of the text is none that is known. */
export function faults(text: string): string | undefined {
  if (language() === "en") return undefined;
  const found: string[] = [];
  for (let rest = text; rest !== ""; ) {
    const [german, length] = first(rest);
    if (german === undefined) return undefined;
    found.push(german);
    rest = rest.slice(length);
  }
  return found.join(" ");
}

/** The first reason of a text in German, and how much of the text it is. */
function first(text: string): [string, number] | [undefined, 0] {
  for (const [english, german] of Object.entries(RULES)) {
    if (text === english || text.startsWith(`${english} `)) return [german, english.length + 1];
  }
  for (const { pattern, names, german } of remedies) {
    const found = pattern.exec(text);
    if (!found) continue;
    const values = Object.fromEntries(names.map((name, at) => [name, valueOf(name, found[at + 2] ?? "")]));
    return [`${found[1] ? `${labelOf(found[1])}: ` : ""}${fill(german, values)}.`, found[0].length];
  }
  return [undefined, 0];
}

function valueOf(name: string, text: string): string {
  switch (name) {
    case "choice":
    case "choices":
      return text.split(", ").map((one) => (Object.hasOwn(CHOICES, one) ? (CHOICES[one] ?? one) : one)).join(", ");
    case "type":
      return REMEDIES[text] ?? text;
    case "kind":
    case "fields":
      return smallLabelsOf(text);
    case "min":
    case "max":
      return text.replace(".", ",");
    default:
      return text;
  }
}
