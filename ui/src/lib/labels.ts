// Kinds, fields and choices of the data in the language of the screen. The declaration says them in English;
// answers that carry them are put into words here, once, so that no screen has to.
import type { CommandName, EntityInfo, FieldInfo } from "../bindings/commands";
import { CHOICES, GROUPS, HELPS, LABELS } from "../messages/labels.de";
import { language, languages, readable, type Language } from "./messages";
import { fullDate, moment } from "./time";
import type { Response } from "./rpc";

const german = (words: Readonly<Record<string, string>>, text: string): string => (language() === "de" && Object.hasOwn(words, text) ? (words[text] ?? text) : text);

const SMALL = new Map(Object.entries(LABELS).map(([english, word]) => [english.toLowerCase(), word]));

/** The name of a kind or a field. */
export const labelOf = (text: string): string => german(LABELS, text);
/** Names as they stand within a sentence, small and put together by commas and “and”. */
export const smallLabelsOf = (text: string): string => (language() === "de" ? text.split(", ").map((part) => part.split(" and ").map((one) => SMALL.get(one) ?? one).join(" und ")).join(", ") : text);
/** A value of a closed list: `follow_up` as “Follow up”. */
export const choiceOf = (code: string): string => (language() === "de" && Object.hasOwn(CHOICES, code) ? (CHOICES[code] ?? code) : readable(code));
/** A group of kinds. */
export const groupOf = (name: string): string => (language() === "de" && Object.hasOwn(GROUPS, name) ? (GROUPS[name] ?? name) : readable(name));

const field = (one: FieldInfo): FieldInfo => ({ ...one, label: labelOf(one.label), help: german(HELPS, one.help) });
const kind = (one: EntityInfo): EntityInfo => ({ ...one, label: labelOf(one.label), plural: labelOf(one.plural), help: german(HELPS, one.help), fields: one.fields.map(field) });

/** Dates within the name of a record, as people read them. */
const titleOf = (title: string): string => title.replace(/\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g, moment).replace(/\b\d{4}-\d\d-\d\d\b/g, fullDate);

/** What has a kind; a record without a name of its own is called by it. */
interface Named { label: string; title?: string }
const named = <T extends Named>(one: T): T => ({ ...one, label: labelOf(one.label), ...(one.title === undefined ? {} : { title: one.title === one.label ? labelOf(one.label) : titleOf(one.title) }) });
const about = <T extends { label: string; what: string; record: string }>(one: T): T => ({ ...one, label: labelOf(one.label), record: one.record === one.label ? labelOf(one.label) : titleOf(one.record), what: one.what.split(", ").map(labelOf).join(", ") });

type Shapes = { [K in CommandName]?: (answer: Response<K>) => Response<K> };
const SHAPES: Shapes = {
  "model.entities": (kinds) => kinds.map(kind),
  "search.find": (hits) => hits.map(named),
  "sync.queue": (changes) => changes.map((one) => ({ ...one, records: one.records.map(named) })),
  "sync.change": (change) => ({ ...change, records: change.records.map(named) }),
  "review.list": (inbox) => ({ ...inbox, cases: inbox.cases.map(about) }),
  "review.marks": (marks) => marks.map((mark) => ({ ...mark, info: about(mark.info) })),
  "review.get": (one) => ({ ...one, info: about(one.info) }),
};

/** The same functions for each language, each time others: an answer that was put into words is so anew in another one. */
const IN_LANGUAGE = Object.fromEntries(Object.keys(languages).map((code) => [code, Object.fromEntries(Object.entries(SHAPES).map(([name, shape]) => [name, (answer: never) => shape(answer)]))])) as Record<Language, Shapes>;

/** An answer with its names in the language of the screen; the function for a command and a language is always the same. */
export function inWords<K extends CommandName>(name: K): ((answer: Response<K>) => Response<K>) | undefined {
  return IN_LANGUAGE[language()][name];
}
