// What the vault and the centre said in English, in the language of the screen.
import { SAID, WARNINGS } from "../messages/said";
import { faults } from "./faults";
import { labelOf, smallLabelsOf } from "./labels";
import { fill, language } from "./messages";

interface Sentence {
  pattern: RegExp;
  names: string[];
  in: Record<"en" | "de", string>;
}

/** Places that hold a count. */
const COUNTS = ["n", "sent", "received"];
/** Places that hold names of kinds or fields, as they stand within a sentence. */
const NAMES = ["kind", "kinds", "fields"];
const PLACE = /\{(\w+)(?::[^}]*)?\}/g;

const sentences: Sentence[] = SAID.map(([en, de]) => {
  const names = [...en.matchAll(PLACE)].map((found) => found[1] as string);
  const parts = en.split(PLACE).filter((_, at) => at % 2 === 0).map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  const source = parts.map((part, at) => (at < names.length ? `${part}(${COUNTS.includes(names[at] ?? "") ? "\\d+" : ".+?"})` : part)).join("");
  return { pattern: new RegExp(`^${source}$`, "s"), names, in: { en, de } };
});

/** The same sentence in the language of the screen; a sentence that nobody knows stays as it is. */
export function said(text: string): string {
  for (const sentence of sentences) {
    const found = sentence.pattern.exec(text);
    if (!found) continue;
    const values = Object.fromEntries(sentence.names.map((name, at) => [name, valueOf(name, found[at + 1] ?? "")]));
    return fill(language() === "en" ? english(sentence.in.en) : sentence.in[language()], values);
  }
  return faults(text) ?? text;
}

/** What stands in a place: a sentence of its own, a count, names of the data, or a text as it is. */
function valueOf(name: string, text: string): string | number {
  if (name === "why") return said(text);
  if (name === "field") return labelOf(text);
  if (name === "tries") return language() === "de" ? `${text.split(" ")[0]} ${text.startsWith("1 ") ? "Versuch" : "Versuche"}` : text;
  if (name === "warning") return language() === "de" ? (WARNINGS[text] ?? text) : text;
  if (NAMES.includes(name)) return smallLabelsOf(text);
  return COUNTS.includes(name) ? Number(text) : text;
}

/** The program says “1 changes”; the screen does not. */
const english = (text: string) => text.replace("Sent {sent}", "Sent {sent:change|changes}").replace("eceived {received}", "eceived {received:record|records}").replace("{n} changes were not accepted and are", "{n:change was not accepted and is|changes were not accepted and are}").replace("{n} records", "{n:record|records}");
