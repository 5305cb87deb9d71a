// Giving answers: what is shown as given is saved, and what could not be saved is not.
import { QueryClientProvider } from "@tanstack/react-query";
import { act, fireEvent, render, screen, waitFor, within } from "@testing-library/react";
import { beforeEach, describe, expect, it, vi } from "vitest";
import type { Administration, DeskError, FormItem } from "../../bindings/commands";
import { setLanguage } from "../../lib/messages";
import { client } from "../../lib/queries";
import { asked, desk } from "../../test/desk";
import { Administer } from "./Administer";

vi.mock("../../lib/rpc", async (original) => (await import("../../test/desk")).instead(await original()));

const FULL: DeskError = { code: "disk_full", message: "The disk is full. Nothing was saved." };
const OFTEN = ["Not at all", "Several days", "More than half the days", "Nearly every day"].map((text, at) => ({ value: String(at), text }));
const ITEMS: FormItem[] = ["Little interest", "Feeling down", "Trouble sleeping"].map((text, at) => ({ question_id: `q${at + 1}`, code: `i${at + 1}`, text, kind: "single_choice", required: true, scored: true, alerts: false, options: OFTEN, range: null }));

function begun(more: Partial<Administration> = {}): Administration {
  return {
    id: "r1", person: { id: "p1", name: "Tomasz Wieczorek", born: null, gender: null, email: null, phone: null, role: "patient", language: null, city: null },
    form: { info: { id: "f1", code: "phq-9", short_title: "PHQ-9", title: "Patient Health Questionnaire-9", description: "Over the last 2 weeks", items: 3, minutes: 4, version: 1, language: "en", status: "published" }, licence: "", sources: [], items: ITEMS, bands: [], cut_offs: [], max: 27 },
    status: "in_progress", mode: "self", answers: [], current_question_id: "q1", started_at: "2026-11-21T10:00:00Z", saved_at: null, resumed: false, ...more,
  };
}

const saved = (alert: unknown = null) => ({ saved_at: "2026-11-21T10:42:00Z", alert });
const fails = (error: DeskError) => () => Promise.reject(error);

async function open(state: Administration = begun(), shows = 0) {
  desk.answers["responses.state"] = () => state;
  const drawn = render(<QueryClientProvider client={client}><Administer id={state.id} /></QueryClientProvider>);
  await screen.findByText(state.form.items[shows]!.text);
  return drawn;
}

const chosen = () => screen.getAllByRole("radio").filter((one) => one.getAttribute("aria-checked") === "true").map((one) => one.dataset.value);
const press = (name: string | RegExp) => fireEvent.click(screen.getByRole("button", { name }));

// The page of the tests neither escapes nor scrolls.
vi.stubGlobal("CSS", { escape: (text: string) => text });
Element.prototype.scrollIntoView = () => undefined;

beforeEach(() => {
  setLanguage("en");
  client.clear();
  window.location.hash = "";
  desk.asked = [];
  desk.answers = {
    "settings.get": () => ({ theme: "system", language: "en", text_percent: 100, lock_minutes: 5, letter_keys: true }),
    "responses.position": () => ({ done: true }),
    "responses.answer": () => saved(),
    "responses.decline": () => saved(),
  };
});

describe("an answer", () => {
  it("is not said to be saved before it is", async () => {
    let store = (): void => undefined;
    desk.answers["responses.answer"] = () => new Promise((resolve) => (store = () => resolve(saved())));
    await open(begun({ answers: [{ question_id: "q2", value: 1, status: "given" }], saved_at: "2026-11-21T10:41:00Z" }));
    fireEvent.keyDown(document.body, { key: "2" });
    await waitFor(() => expect(chosen()).toEqual(["2"]));
    expect(screen.queryByText(/Saved on this computer/)).toBeNull();
    await waitFor(() => expect(asked("responses.answer")).not.toHaveLength(0));
    await act(async () => store());
    await screen.findByText(/Saved on this computer \d\d:42/);
  });
  it("is saved by a number key, shown as given, and said to be saved", async () => {
    await open();
    fireEvent.keyDown(document.body, { key: "2" });
    await screen.findByText(/Saved on this computer \d\d:42/);
    expect(chosen()).toEqual(["2"]);
    expect(asked("responses.answer")).toEqual([{ id: "r1", question_id: "q1", value: "2" }]);
  });

  it("that cannot be saved is not shown as given, and the error is shown", async () => {
    desk.answers["responses.answer"] = fails(FULL);
    await open();
    fireEvent.keyDown(document.body, { key: "1" });
    expect((await screen.findByRole("alert")).textContent).toContain(FULL.message);
    expect(chosen()).toEqual([]);
    expect(screen.queryByText(/Saved on this computer/)).toBeNull();
  });

  it("that cannot be saved leaves the one before as it was", async () => {
    desk.answers["responses.answer"] = fails(FULL);
    await open(begun({ answers: [{ question_id: "q1", value: 3, status: "given" }] }));
    fireEvent.keyDown(document.body, { key: "1" });
    await screen.findByRole("alert");
    expect(chosen()).toEqual(["3"]);
  });

  it("given again after a failure is saved, and the error goes", async () => {
    desk.answers["responses.answer"] = fails(FULL);
    await open();
    fireEvent.keyDown(document.body, { key: "1" });
    await screen.findByRole("alert");
    desk.answers["responses.answer"] = () => saved();
    fireEvent.keyDown(document.body, { key: "1" });
    await screen.findByText(/Saved on this computer/);
    expect(screen.queryByRole("alert")).toBeNull();
    expect(chosen()).toEqual(["1"]);
  });

  it("changed while the first one is still failing is shown as it was saved at last", async () => {
    let refuse = (_: DeskError) => {};
    desk.answers["responses.answer"] = ({ value }) => (value === "1" ? new Promise((_, reject) => { refuse = reject; }) : saved());
    await open();
    fireEvent.keyDown(document.body, { key: "1" });
    await waitFor(() => expect(asked("responses.answer")).toHaveLength(1));
    fireEvent.keyDown(document.body, { key: "3" });
    await act(async () => refuse(FULL));
    await waitFor(() => expect(asked("responses.answer")).toHaveLength(2));
    await screen.findByText(/Saved on this computer/);
    expect(chosen()).toEqual(["3"]);
  });

  it("of two that both fail neither is shown as given", async () => {
    desk.answers["responses.answer"] = fails(FULL);
    await open();
    fireEvent.keyDown(document.body, { key: "1" });
    fireEvent.keyDown(document.body, { key: "3" });
    await waitFor(() => expect(asked("responses.answer")).toHaveLength(2));
    await screen.findByRole("alert");
    expect(chosen()).toEqual([]);
  });

  it("that declines is shown as such; when it cannot be saved it is not", async () => {
    await open();
    press("I would rather not answer this");
    await screen.findByText("Not answered by choice");
    expect(asked("responses.decline")).toEqual([{ id: "r1", question_id: "q1" }]);
    desk.answers["responses.decline"] = fails(FULL);
    press("Next");
    await screen.findByText("Feeling down");
    press("I would rather not answer this");
    await screen.findByRole("alert");
    expect(screen.queryByText("Not answered by choice")).toBeNull();
  });

  it("that raises an alert opens its page, and comes back to the questionnaire", async () => {
    desk.answers["responses.answer"] = () => saved({ id: "a1" });
    await open();
    fireEvent.keyDown(document.body, { key: "1" });
    await waitFor(() => expect(window.location.hash).toBe(`#/alerts/a1?back=${encodeURIComponent("#/administer/r1")}`));
  });
});

describe("the way through", () => {
  it("Enter goes on, Page Up goes back, and the place is kept", async () => {
    await open();
    fireEvent.keyDown(document.body, { key: "Enter" });
    await screen.findByText("Feeling down");
    fireEvent.keyDown(document.body, { key: "PageUp" });
    await screen.findByText("Little interest");
    await waitFor(() => expect(asked("responses.position")).toEqual([{ id: "r1", question_id: "q2" }, { id: "r1", question_id: "q1" }]));
  });

  it("begins where it was left, and Esc pauses", async () => {
    await open(begun({ current_question_id: "q2" }), 1);
    expect(screen.getByText("Question 2 of 3")).toBeTruthy();
    fireEvent.keyDown(document.body, { key: "Escape" });
    expect(window.location.hash).toBe("#/today");
  });

  it("ends with what is missing, and finishes with it only when that is said", async () => {
    desk.answers["responses.complete"] = ({ with_missing }) => (with_missing ? {} : Promise.reject({ code: "incomplete", message: "Without an answer: 1, 2." }));
    await open(begun({ answers: [{ question_id: "q3", value: 0, status: "given" }] }));
    press("Next");
    press("Next");
    press("Finish");
    const check = await screen.findByRole("alert");
    expect(check.textContent).toContain("2 questions have no answer yet");
    expect(within(check).getAllByRole("button", { name: /^Question/ }).map((one) => one.textContent)).toEqual(["Question 1", "Question 2"]);
    expect(window.location.hash).toBe("");
    fireEvent.click(within(check).getByText("Finish as it is"));
    await waitFor(() => expect(window.location.hash).toBe("#/result/r1"));
    expect(asked("responses.complete").map((request) => request.with_missing)).toEqual([false, true]);
  });

  it("a finish that fails for another reason says so and stays", async () => {
    desk.answers["responses.complete"] = fails(FULL);
    await open(begun({ current_question_id: "q1", form: { ...begun().form, items: ITEMS.slice(0, 1) } }));
    press("Finish");
    expect((await screen.findByRole("alert")).textContent).toContain(FULL.message);
    expect(window.location.hash).toBe("");
  });
});

describe("the compact list", () => {
  it("a number answers and moves on; a failure is shown there too", async () => {
    await open(begun({ mode: "telephone" }));
    fireEvent.keyDown(document.body, { key: "2" });
    fireEvent.keyDown(document.body, { key: "0" });
    await waitFor(() => expect(asked("responses.answer").map((request) => [request.question_id, request.value])).toEqual([["q1", "2"], ["q2", "0"]]));
    await screen.findByText(/2 of 3 answered/);
    desk.answers["responses.answer"] = fails(FULL);
    fireEvent.keyDown(document.body, { key: "1" });
    expect((await screen.findByRole("alert")).textContent).toContain(FULL.message);
    await screen.findByText(/2 of 3 answered/);
    fireEvent.keyDown(document.body, { key: "-" });
    await screen.findByText(/3 of 3 answered/);
  });
});
