// Kinds, fields and choices in the language of the screen. That none is missing, tests/tests/said.rs looks up.
import { afterEach, describe, expect, it } from "vitest";
import type { CaseInfo, QueuedChange } from "../bindings/commands";
import { choiceOf, groupOf, inWords, labelOf } from "./labels";
import { setLanguage } from "./messages";

afterEach(() => setLanguage("en"));

const change = { dseq: 1, command: "records.create", at: "2026-11-21T10:00:00Z", state: "waiting", code: null, text: null, records: [{ entity: "mood_entries", label: "Mood entry", id: "m1", title: "2026-11-20", is_here: true }, { entity: "mood_entries", label: "Mood entry", id: "m2", title: "Mood entry", is_here: true }] } satisfies QueuedChange;

describe("names of the data", () => {
  it.each([
    ["en", "Mood entry", "Follow up", "Journal"],
    ["de", "Stimmungseintrag", "Follow up", "Tagebuch"],
  ] as const)("in %s", (language, label, choice, group) => {
    setLanguage(language);
    expect([labelOf("Mood entry"), choiceOf("follow_up"), groupOf("journal")]).toEqual([label, choice, group]);
    expect(labelOf("constructor")).toBe("constructor");
  });

  it("stand in answers, with dates as people read them", () => {
    setLanguage("de");
    const [first, second] = inWords("sync.queue")?.([change])[0]?.records ?? [];
    expect([first?.label, first?.title, second?.title]).toEqual(["Stimmungseintrag", "20. November 2026", "Stimmungseintrag"]);
    const info = { label: "Appointment", record: "Visit", what: "Start time, End time" } as CaseInfo;
    expect(inWords("review.list")?.({ cases: [info], others: 0 }).cases[0]).toMatchObject({ label: "Termin", record: "Visit", what: "Beginn, Ende" });
    setLanguage("en");
    expect(inWords("sync.queue")?.([change])[0]?.records[0]?.title).toBe("20 November 2026");
  });

  it("are put into words anew in another language, and only then", () => {
    const english = inWords("sync.queue");
    expect(inWords("sync.queue")).toBe(english);
    setLanguage("de");
    expect(inWords("sync.queue")).not.toBe(english);
  });

  it("of a command that carries none are left alone", () => {
    expect(inWords("app.status")).toBeUndefined();
  });
});
