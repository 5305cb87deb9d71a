// The calendar: the keyboard reaches everything, an overlap warns and never blocks.
import { QueryClientProvider } from "@tanstack/react-query";
import { fireEvent, render, screen, waitFor, within } from "@testing-library/react";
import { beforeEach, describe, expect, it, vi } from "vitest";
import type { Appointment, Overlap } from "../../bindings/commands";
import { setLanguage } from "../../lib/messages";
import { client } from "../../lib/queries";
import { asked, desk } from "../../test/desk";
import { Calendar } from "./Calendar";
import { instantAt, localDate, plusDays, zone } from "./week";
import { overlapText, weekTitle } from "./wording";

vi.mock("../../lib/rpc", async (original) => (await import("../../test/desk")).instead(await original()));

const monday = localDate("2026-11-23");
const at = (day: number, minutes: number) => instantAt(plusDays(monday, day), minutes).toISOString();
const visit = (more: Partial<Appointment> = {}): Appointment => ({ id: "a1", title: "Follow-up", kind: "person", start: at(1, 600), end: at(1, 660), person_id: "p1", person: "Yuki Tanaka", trainer_id: "u1", trainer: "Amara Okafor", place: "Room 3", note: "", status: "scheduled", zone: zone(), overlaps: [], ...more });
const clash: Overlap = { id: "a2", name: "Priya Raman", trainer: "Birgit Lindqvist", place: "Room 3", start: at(2, 540), end: at(2, 600), because: ["trainer", "place"] };

async function open(appointments: Appointment[], props: Partial<Parameters<typeof Calendar>[0]> = {}) {
  desk.answers["calendar.week"] = () => ({ appointments, staff: [{ id: "u1", name: "Amara Okafor", you: true }] });
  render(<QueryClientProvider client={client}><Calendar date="2026-11-23" open="" book="" {...props} /></QueryClientProvider>);
  await screen.findByRole("region", { name: "Week" });
}
// Without a browser a dialog is drawn but never shown, so what is in it counts as hidden.
const dialog = () => within(document.querySelector("dialog") as HTMLElement);

beforeEach(() => {
  setLanguage("en");
  client.clear();
  window.location.hash = "";
  desk.asked = [];
  desk.answers = { "calendar.overlaps": () => ({ overlaps: [], free: [] }), "people.find": () => ({ people: [{ id: "p1", name: "Yuki Tanaka", born: null, gender: null, email: null, phone: null, role: "patient", language: null, city: null }], total: 1 }), "calendar.move": (request) => visit({ ...(request as Partial<Appointment>) }), "calendar.book": () => visit(), "calendar.cancel": () => ({ done: true }), "calendar.mark": () => visit() };
  Element.prototype.scrollIntoView = () => undefined;
});

describe("with the keyboard", () => {
  it("exactly one stop can be reached with Tab, and arrows lead to the others", async () => {
    await open([visit()]);
    const stops = () => [...document.querySelectorAll<HTMLElement>("[data-stop]")].filter((one) => one.tabIndex === 0);
    expect(stops()).toHaveLength(1);
    stops()[0]!.focus();
    fireEvent.keyDown(document.activeElement!, { key: "ArrowRight" });
    fireEvent.keyDown(document.activeElement!, { key: "ArrowDown" });
    fireEvent.keyDown(document.activeElement!, { key: "ArrowDown" });
    expect(document.activeElement?.getAttribute("aria-label")).toContain("Yuki Tanaka");
    expect(stops()).toEqual([document.activeElement]);
  });

  it("Ctrl and an arrow move an appointment, and that can be undone", async () => {
    await open([visit()]);
    const block = screen.getByRole("button", { name: /^Yuki Tanaka/ });
    block.focus();
    fireEvent.keyDown(block, { key: "ArrowDown", ctrlKey: true });
    await waitFor(() => expect(asked("calendar.move")).toEqual([{ id: "a1", start: at(1, 615), end: at(1, 675), zone: zone() }]));
    fireEvent.click(await screen.findByRole("button", { name: "Undo" }));
    await waitFor(() => expect(asked("calendar.move")[1]).toEqual({ id: "a1", start: at(1, 600), end: at(1, 660), zone: zone() }));
  });

  it("M opens moving, with the focus on the date", async () => {
    await open([visit()]);
    fireEvent.keyDown(screen.getByRole("button", { name: /^Yuki Tanaka/ }), { key: "m" });
    expect(dialog().getByText("Move Yuki Tanaka")).toBeTruthy();
    expect(document.activeElement).toBe(dialog().getByLabelText("Date"));
  });
});

describe("booking", () => {
  it("warns with both names, proposes a free time, and books all the same", async () => {
    desk.answers["calendar.overlaps"] = (request) => (request.start === at(2, 540) ? { overlaps: [clash], free: [{ start: at(2, 660), end: at(2, 720) }] } : { overlaps: [], free: [] });
    await open([], { book: "" });
    fireEvent.click(screen.getByRole("button", { name: "Wednesday 25 November, 09:00, free" }));
    expect(await dialog().findByText(/^Overlaps Priya Raman, 09:00 to 10:00/)).toBeTruthy();
    fireEvent.click(dialog().getByRole("radio", { hidden: true }));
    expect((dialog().getByLabelText("Start") as HTMLInputElement).value).toBe("11:00");
    await waitFor(() => expect(dialog().queryByText(/^Overlaps/)).toBeNull());
    expect(dialog().getByRole("radio", { hidden: true }), "another choice stays possible").toBeTruthy();
    fireEvent.change(dialog().getByLabelText("Start"), { target: { value: "9" } });
    await dialog().findByText(/^Overlaps/);
    fireEvent.focus(dialog().getByRole("combobox", { name: "Person", hidden: true }));
    fireEvent.change(dialog().getByRole("combobox", { name: "Person", hidden: true }), { target: { value: "Yuki" } });
    await dialog().findByRole("option", { name: "Yuki Tanaka", hidden: true });
    fireEvent.keyDown(dialog().getByRole("combobox", { name: "Person", hidden: true }), { key: "Enter" });
    fireEvent.click(dialog().getByRole("button", { name: /^Book Wed 25 Nov, 09:00/, hidden: true }));
    await waitFor(() => expect(asked("calendar.book")[0]).toMatchObject({ kind: "person", person_id: "p1", title: "Appointment", start: at(2, 540), end: at(2, 600), zone: zone() }));
  });

  it("says what is missing and sends nothing", async () => {
    await open([]);
    fireEvent.click(screen.getByRole("button", { name: "Monday 23 November, 09:00, free" }));
    fireEvent.change(dialog().getByLabelText("Date"), { target: { value: "31.2.2026" } });
    fireEvent.change(dialog().getByLabelText("Start"), { target: { value: "nine" } });
    fireEvent.submit(document.querySelector("dialog form")!);
    for (const text of ["Choose whom the appointment is for.", "This is no date. Write it like 26 November 2026.", "Write it like 09:30."]) expect(dialog().getByText(text)).toBeTruthy();
    expect(asked("calendar.book")).toEqual([]);
  });

  it("own time needs no person but a name", async () => {
    await open([]);
    fireEvent.click(screen.getByRole("button", { name: "Monday 23 November, 09:00, free" }));
    fireEvent.click(dialog().getByRole("button", { name: "Own time", hidden: true }));
    fireEvent.submit(document.querySelector("dialog form")!);
    expect(dialog().getByText("Write what it is for.")).toBeTruthy();
    fireEvent.change(dialog().getByLabelText("What for"), { target: { value: "Team meeting" } });
    fireEvent.submit(document.querySelector("dialog form")!);
    await waitFor(() => expect(asked("calendar.book")[0]).toMatchObject({ kind: "own", person_id: null, title: "Team meeting" }));
  });
});

describe("an appointment", () => {
  it("that overlaps says so by sign and words on the week and in its page", async () => {
    await open([visit({ overlaps: [clash] })]);
    expect(screen.getByRole("button", { name: /overlaps 1 other$/ })).toBeTruthy();
    expect(screen.getAllByText("1 overlap").length).toBeGreaterThan(0);
    fireEvent.click(screen.getByRole("button", { name: /^Yuki Tanaka/ }));
    expect(dialog().getByText(overlapText(clash))).toBeTruthy();
  });

  it("about which a case waits says so by sign and words on the week and in its page, with the way to it", async () => {
    const info = { id: "c1", entity: "appointments", label: "Appointment", record_id: "a1", record: "Visit", person_id: "p1", person: "Yuki Tanaka", what: "Starts", group: "start_time", kind: "values", status: "open", at: at(0, 600), assigned_to: "Amara Okafor", yours: true };
    desk.answers["review.marks"] = () => [{ info, other: null }];
    await open([visit(), visit({ id: "a2", start: at(2, 600), end: at(2, 660) })]);
    const block = await screen.findByRole("button", { name: /^Yuki Tanaka, .*, Needs review$/ });
    expect(block.querySelector(".lucide-scale")).toBeTruthy();
    expect(within(block).getByText("Needs review")).toBeTruthy();
    expect(screen.getAllByRole("button", { name: /^Yuki Tanaka/ }), "the other one has none").toHaveLength(2);
    expect(screen.getAllByText("Needs review")).toHaveLength(1);
    fireEvent.click(block);
    expect(dialog().getByRole("link", { name: "Look at the case", hidden: true }).getAttribute("href")).toBe("#/review/open/c1");
  });

  it("is cancelled with a reason, and that can be undone", async () => {
    await open([visit()]);
    fireEvent.click(screen.getByRole("button", { name: /^Yuki Tanaka/ }));
    fireEvent.click(dialog().getByRole("button", { name: /^Cancel it/, hidden: true }));
    fireEvent.change(dialog().getByLabelText("Reason"), { target: { value: "The road is closed" } });
    fireEvent.click(dialog().getByRole("button", { name: "Cancel the appointment", hidden: true }));
    fireEvent.click(await screen.findByRole("button", { name: "Undo" }));
    await waitFor(() => expect(asked("calendar.mark")).toEqual([{ id: "a1", to: "planned" }]));
    expect(asked("calendar.cancel")).toEqual([{ id: "a1", reason: "The road is closed" }]);
  });

  it("is noted as missed, and planned again", async () => {
    await open([visit()]);
    fireEvent.click(screen.getByRole("button", { name: /^Yuki Tanaka/ }));
    fireEvent.click(dialog().getByRole("button", { name: "Did not come", hidden: true }));
    await waitFor(() => expect(asked("calendar.mark")).toEqual([{ id: "a1", to: "missed" }]));
  });

  it("in a state that only a newer version knows is shown and cannot be changed", async () => {
    await open([visit({ status: "rescheduled" })]);
    fireEvent.click(screen.getByRole("button", { name: /^Yuki Tanaka/ }));
    expect(dialog().getByText(/Needs a newer version of Gladstone \(“rescheduled”\)/)).toBeTruthy();
    expect(dialog().queryByRole("button", { name: /^(Move|Cancel it|Plan|Took place|Did not come)/, hidden: true })).toBeNull();
  });

  it("from the address is open at once", async () => {
    await open([visit()], { open: "a1" });
    expect(dialog().getByText("Follow-up")).toBeTruthy();
  });
});

describe("words", () => {
  it.each([["2026-11-23", "23 to 29 November 2026"], ["2026-11-30", "30 November to 6 December 2026"], ["2026-12-28", "28 December 2026 to 3 January 2027"]])("the week of %s is “%s”", (date, title) => expect(weekTitle(localDate(date))).toBe(title));
  it("an overlap names the other appointment and both reasons", () => expect(overlapText(clash)).toBe("Overlaps Priya Raman, 09:00 to 10:00: both are in the calendar of Birgit Lindqvist and the same room, Room 3."));
});
