// The catalogues are whole: same placeholders in every language, no empty text, no key too many, none missing.
import { describe, expect, it } from "vitest";
import { de } from "./de";
import { en } from "./en";

const keys = Object.keys(en) as (keyof typeof en)[];
const placeholders = (text: string) => [...text.matchAll(/\{(\w+)(:[^}]*)?\}/g)].map((found) => `${found[1]}${found[2] ? " counted" : ""}`).sort();

const files = import.meta.glob<string>(["../**/*.{ts,tsx}", "!../**/*.test.*", "!../messages/**", "!../bindings/**"], { query: "?raw", import: "default", eager: true });
const source = Object.values(files).join("\n");

/** Keys that are put together, and the values that may stand in them. A new one belongs here. */
const composed: Record<string, string[]> = {
  "how.${one}": ["is", "not", "in", "at_least", "at_most", "contains", "starts"],
  "how.${filter.how}": [],
  "settings.${theme}": ["system", "light", "dark", "contrast"],
  "result.${scale.completeness}": ["complete", "pro_rated", "not_scorable"],
  "change.${since}_same": ["start", "last"],
  '${since}_${view.difference < 0 ? "lower" : "higher"}': [],
  "change.${view.meaning}": ["reliable_improvement", "reliable_deterioration", "too_little", "unknown"],
  "administer.size_${index}": ["0", "1", "2"],
  "calendar.kind.${one}": ["person", "group", "own", "away"],
  "calendar.kind.${appointment.kind}": [],
  "review.explain.${info.kind}": ["values", "in_error", "part_of_in_error", "addendum", "double", "notice"],
  "review.explain.${one.kind}": [],
  "review.${info.status}": ["kept_current", "took_incoming", "wrote_third", "undone", "open"],
  "review.${one.status}": [],
  "sync.phase.${phase}": ["alone", "off", "paused", "idle", "signing_in", "sending", "receiving", "offline", "disturbed", "busy", "signed_out", "revoked", "upgrade_required", "centre_older", "copy", "refused"],
  "sync.explain.${phase}": ["alone", "off", "paused", "idle", "signing_in", "sending", "receiving", "offline", "disturbed", "busy", "signed_out", "revoked", "upgrade_required", "centre_older", "copy", "refused"],
  "sync.what.${record.what}": ["created", "changed", "entered_in_error"],
  "change.${one.state}": ["waiting", "held", "acknowledged", "settled", "set_aside", "given_up", "renewed"],
  "strength.${strength.score}": ["0", "1", "2", "3", "4"],
};
/** Words of closed lists, looked up by `word(prefix, code)`. */
const words: Record<string, string[]> = {
  mode: ["self", "interviewer", "paper_key_in", "telephone"],
  mode_did: ["self", "interviewer", "paper_key_in", "telephone"],
  mode_text: ["self", "interviewer", "paper_key_in", "telephone"],
  did: ["stayed_with_person", "safety_plan", "called_crisis_line", "emergency_services", "referred", "informed_supervisor", "assessed_no_immediate_risk"],
  role: ["admin", "beneficiary", "coach", "patient", "staff", "therapist", "trainer"],
  form_status: ["draft", "archived"],
  command: ["alerts.act", "calendar.book", "calendar.cancel", "calendar.mark", "calendar.move", "files.attach", "files.remove", "people.register", "people.update", "records.create", "records.enter_in_error", "records.update", "responses.abandon", "responses.amend", "responses.answer", "responses.complete", "responses.decline", "responses.position", "responses.start", "review.decide", "review.undo", "settings.set", "team.add", "team.end", "vault.create", "vault.install_instruments"],
  file: ["at_centre", "failed", "fetching", "here_only", "not_fetched", "sending", "stopped"],
  state: ["cancelled", "completed", "handled", "no_show", "open", "scheduled"],
};

function madeKeys(): string[] {
  const made: string[] = [];
  for (const [template, values] of Object.entries(composed)) made.push(...values.map((value) => template.replace(/\$\{[^}]*\}/, value)));
  for (const [prefix, codes] of Object.entries(words)) made.push(...codes.map((code) => `${prefix}.${code}`));
  for (const since of ["start", "last"]) made.push(`change.${since}_lower`, `change.${since}_higher`);
  return made;
}

describe("the screen", () => {
  it("keeps no drawing: whatever says something says it anew when the language changes", () => {
    expect(source.match(/\b(use)?[mM]emo\(/g) ?? []).toEqual([]);
    expect(source.match(/key=\{language\b/g) ?? []).toEqual([]);
  });
});

describe("the catalogues", () => {
  it("have the same keys, in one order, each once", () => {
    expect(Object.keys(de).sort()).toEqual([...keys].sort());
  });

  it.each(keys)("%s has the same placeholders in both languages", (key) => {
    expect(placeholders(de[key])).toEqual(placeholders(en[key]));
  });

  it("have no empty text in one language where the other has one, and no stray space", () => {
    expect(keys.filter((key) => (en[key].trim() === "") !== (de[key].trim() === ""))).toEqual([]);
    expect(keys.filter((key) => [en[key], de[key]].some((text) => text !== text.trimEnd() || text.includes("  ")))).toEqual([]);
  });

  it("are well-formed: every brace is closed and every count has two forms", () => {
    for (const key of keys) {
      for (const text of [en[key], de[key]]) expect(text.replace(/\{\w+(:[^|{}]+\|[^|{}]+)?\}/g, ""), key).not.toMatch(/[{}|]/);
    }
  });

  it("hold no key that no screen uses", () => {
    const made = new Set(madeKeys());
    expect(keys.filter((key) => !source.includes(`"${key}"`) && !made.has(key))).toEqual([]);
  });

  it("hold every key that a screen asks for", () => {
    const asked = [...source.matchAll(/\bt\("([^"]+)"/g)].map((found) => found[1]);
    expect(asked.length).toBeGreaterThan(200);
    expect(asked.filter((key) => !(key! in en))).toEqual([]);
    expect(madeKeys().filter((key) => !(key in en))).toEqual([]);
  });

  it("know every key that is put together, and every list of words", () => {
    const templates = [...source.matchAll(/\bt\(`((?:[^`$]|\$\{[^}]*\})*)`/g)].map((found) => found[1]!);
    expect(templates.length).toBeGreaterThan(5);
    expect(templates.filter((template) => !Object.keys(composed).some((known) => template.includes(known)))).toEqual([]);
    const prefixes = [...source.matchAll(/\bword\("([^"]+)"/g)].map((found) => found[1]!);
    expect([...new Set(prefixes)].filter((prefix) => !(prefix in words))).toEqual([]);
  });
});
