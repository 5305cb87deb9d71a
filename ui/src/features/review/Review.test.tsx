// Needs review: both values with their authors, and a decision that says what it does.
import { QueryClientProvider } from "@tanstack/react-query";
import { fireEvent, render, screen, waitFor } from "@testing-library/react";
import { beforeEach, describe, expect, it, vi } from "vitest";
import type { Case, CaseInfo, EntityInfo, FieldInfo } from "../../bindings/commands";
import { setLanguage } from "../../lib/messages";
import { client } from "../../lib/queries";
import { asked, desk } from "../../test/desk";
import { Review } from "./Review";
import { headlineOf } from "./Values";

vi.mock("../../lib/rpc", async (original) => (await import("../../test/desk")).instead(await original()));

const field = (name: string, kind: FieldInfo["kind"], more: Partial<FieldInfo> = {}): FieldInfo => ({ name, label: name.charAt(0).toUpperCase() + name.slice(1), help: "", kind, max_length: 200, scale: null, required: false, managed: false, choices: [], open: false, references: null, format: null, min: null, max: null, privacy: "none", default: null, ...more });
const KIND: Partial<EntityInfo> & { fields: FieldInfo[] } = { name: "beneficiaries", label: "Beneficiary", plural: "Beneficiaries", help: "", group: "people", append_only: false, title: [], searchable: true, fields: [field("notes", "long_text"), field("trainer_id", "reference", { references: "users" })] };

const info = (more: Partial<CaseInfo> = {}): CaseInfo => ({ id: "c1", entity: "beneficiaries", label: "Beneficiary", record_id: "r1", record: "Hannah Weiss · Staff", person_id: "p1", person: "Hannah Weiss", what: "Notes", group: "notes", kind: "values", status: "open", at: "2026-11-20T10:00:00Z", assigned_to: "Amara Okafor", yours: true, ...more });
const one = (more: Partial<Case> = {}): Case => ({
  info: info(), fields: ["notes"], before: { values: { notes: "50 mg" }, error_reason: null, by: "Samuel", you: false, at: null },
  current: { values: { notes: "75 mg" }, error_reason: null, by: "Samuel Adeyemi", you: false, at: "2026-11-19T09:20:00Z" }, incoming: { values: { notes: "100 mg" }, error_reason: null, by: "Amara Okafor", you: true, at: "2026-11-18T14:05:00Z" },
  stands: { notes: "75 mg" }, references: {}, note: null, other: null, changed_since: false, decided_by: null, decided_at: null, reason: null, can_undo: false, ...more,
});

async function open(data: Case, decided = false) {
  desk.answers["review.list"] = () => ({ cases: [data.info], others: 2 });
  desk.answers["review.get"] = () => data;
  render(<QueryClientProvider client={client}><Review decided={decided} id="" /></QueryClientProvider>);
  await screen.findByRole("heading", { level: 2 });
  await waitFor(() => expect(desk.asked.some(([name]) => name === "model.entities")).toBe(true));
  await screen.findAllByText(/.+/);
}
const decisions = () => asked("review.decide");

beforeEach(() => {
  setLanguage("en");
  client.clear();
  window.location.hash = "";
  desk.asked = [];
  desk.answers = { "model.entities": () => [KIND], "review.decide": () => one(), "review.undo": () => one() };
});

describe("a case", () => {
  it("shows what was before, what stands and what was also written, with who wrote it", async () => {
    await open(one());
    for (const text of ["50 mg", "75 mg", "100 mg", "Samuel Adeyemi", "You, Amara Okafor", "Counts until you decide"]) expect(await screen.findByText(text)).toBeTruthy();
    expect(screen.getByText("Waiting for others: 2. They are not counted here.")).toBeTruthy();
    expect(document.querySelectorAll(".case .btn.primary").length, "both values weigh the same").toBe(0);
  });

  it.each([["1", "keep"], ["2", "take"]])("is decided with the key %s", async (key, choice) => {
    await open(one());
    fireEvent.keyDown(document.body, { key });
    await waitFor(() => expect(decisions()).toEqual([{ id: "c1", choice, reason: "", values: null }]));
    expect(window.location.hash, "what is decided stays in sight").toBe("#/review/open/c1");
  });

  it("is not decided by a number in the reason, and the reason goes along", async () => {
    await open(one());
    const why = screen.getByLabelText(/^Why/);
    fireEvent.keyDown(why, { key: "2" });
    fireEvent.change(why, { target: { value: "Spoke with Samuel" } });
    expect(decisions()).toEqual([]);
    fireEvent.click(screen.getByRole("button", { name: /^Keep this/ }));
    await waitFor(() => expect(decisions()).toEqual([{ id: "c1", choice: "keep", reason: "Spoke with Samuel", values: null }]));
  });

  it("takes a third value from the field’s own widget, beginning with what stands", async () => {
    await open(one());
    await screen.findByText("75 mg");
    fireEvent.click(screen.getByRole("button", { name: /Enter another value/ }));
    const widget = screen.getByLabelText(/^Notes/) as HTMLTextAreaElement;
    expect([widget.tagName, widget.value]).toEqual(["TEXTAREA", "75 mg"]);
    fireEvent.change(widget, { target: { value: "80 mg" } });
    fireEvent.click(screen.getByText("This shall count"));
    await waitFor(() => expect(decisions()).toEqual([{ id: "c1", choice: "third", reason: "", values: { notes: "80 mg" } }]));
  });

  it("of a record in error offers to leave it or to register it anew, and nothing else", async () => {
    await open(one({ info: info({ kind: "in_error" }), current: { ...one().current, values: {}, error_reason: "Typed twice" } }));
    expect(screen.getByText("“Typed twice”")).toBeTruthy();
    expect(screen.getAllByRole("button").map((button) => button.textContent?.replace(/\d$/, ""))).toEqual(["Leave it as entered in error", "Register it anew with this"]);
    fireEvent.keyDown(document.body, { key: "3" });
    expect(screen.queryByRole("dialog")).toBeNull();
  });

  it("that is decided offers to undo only while that is possible", async () => {
    const decided = { info: info({ status: "took_incoming" }), decided_by: "Amara Okafor", decided_at: "2026-11-20T11:00:00Z", reason: "Spoke" };
    await open(one({ ...decided, can_undo: true }), true);
    fireEvent.click(screen.getByRole("button", { name: "Undo the decision" }));
    await waitFor(() => expect(desk.asked.some(([name, request]) => name === "review.undo" && request.id === "c1")).toBe(true));
    fireEvent.keyDown(document.body, { key: "1" });
    expect(decisions(), "a decided case takes no decision").toEqual([]);
  });

  it("tells when the record was changed since", async () => {
    await open(one({ changed_since: true, stands: { notes: "77 mg" } }));
    expect(await screen.findByText("It was changed again since. Now it is: 77 mg")).toBeTruthy();
  });
});

describe("values in one line", () => {
  it.each<[string, FieldInfo[], Record<string, unknown>, string]>([
    ["one value stands alone", [field("notes", "text")], { notes: "75 mg" }, "75 mg"],
    ["several have their names", [field("dose", "text"), field("unit", "text")], { dose: "75", unit: "mg" }, "Dose: 75 · Unit: mg"],
    ["nothing is said", [field("notes", "text")], { notes: null }, "Nothing"],
    ["a reference is its name", KIND.fields.slice(1), { trainer_id: "u1" }, "Samuel"],
    ["a reference that is not here says so", KIND.fields.slice(1), { trainer_id: "u2" }, "Not on this computer"],
    ["a time is one", [field("start_time", "instant"), field("end_time", "instant")], { start_time: new Date(2026, 10, 21, 12, 30).toISOString(), end_time: new Date(2026, 10, 21, 13, 10).toISOString() }, "Sat 21 Nov, 12:30 to 13:10"],
  ])("%s", (_, fields, values, text) => expect(headlineOf(fields, values, { u1: "Samuel" })).toBe(text));
});
