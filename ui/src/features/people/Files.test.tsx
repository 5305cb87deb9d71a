// The files of a person: where each is in words, what can be done with it, and how one is added.
import { QueryClientProvider } from "@tanstack/react-query";
import { fireEvent, render, screen, waitFor, within } from "@testing-library/react";
import { beforeEach, expect, it, vi } from "vitest";
import type { FileInfo, FilePlace, Person } from "../../bindings/commands";
import { setLanguage } from "../../lib/messages";
import { client } from "../../lib/queries";
import { asked, desk } from "../../test/desk";
import { Files } from "./Files";

vi.mock("../../lib/rpc", async (original) => (await import("../../test/desk")).instead(await original()));

const PERSON: Person = { id: "p1", name: "Hannah Weiss", born: null, gender: null, email: null, phone: null, role: "patient", language: null, city: null };
const file = (place: FilePlace, more: Partial<FileInfo> = {}): FileInfo => ({ id: place, name: `${place}.pdf`, media_type: "application/pdf", size: 1_468_006, by: "Amara Okafor", by_me: false, at: "2026-11-20T10:00:00Z", place, here: place !== "not_fetched" && place !== "fetching", percent: 0, note: null, ...more });

async function open(files: FileInfo[]) {
  desk.answers["files.list"] = () => files;
  render(<QueryClientProvider client={client}><Files person={PERSON} /></QueryClientProvider>);
  await screen.findByRole("button", { name: "Add a file" });
}
const row = (name: string) => within(screen.getByText(name).closest<HTMLElement>(".li")!);
const names = (of: ReturnType<typeof row>) => of.queryAllByRole("button").map((button) => button.getAttribute("aria-label")?.replace(/ [^ ]+\.pdf$/, ""));

beforeEach(() => {
  setLanguage("en");
  client.clear();
  desk.asked = [];
  desk.answers = {};
});

it("says that there is none yet, and how one comes", async () => {
  await open([]);
  expect(screen.getByText(/No files yet/)).toBeTruthy();
});

it.each<[FilePlace, Partial<FileInfo>, string, string[]]>([
  ["here_only", {}, "Only on this computer so far", ["Save a copy of", "Remove"]],
  ["sending", { percent: 40 }, "On its way to the centre · 40 %", ["Stop", "Save a copy of", "Remove"]],
  ["at_centre", {}, "At the centre", ["Save a copy of", "Remove"]],
  ["not_fetched", {}, "Not fetched yet", ["Fetch", "Remove"]],
  ["fetching", { percent: 7 }, "Being fetched · 7 %", ["Stop", "Remove"]],
  ["stopped", { here: false }, "Stopped", ["Go on with", "Remove"]],
  ["failed", { here: true, note: "There is no room." }, "Could not be moved: There is no room.", ["Go on with", "Save a copy of", "Remove"]],
])("a file that is %s says so and offers what helps", async (place, more, words, actions) => {
  await open([file(place, more)]);
  const shown = row(`${place}.pdf`);
  expect(shown.getByText((text, element) => element?.tagName === "SPAN" && element.textContent === `1.4 MB · ${words}` && text !== "")).toBeTruthy();
  expect(names(shown)).toEqual(actions);
  const bar = shown.queryByRole("progressbar");
  expect(bar?.getAttribute("value") ?? null).toBe(place === "sending" || place === "fetching" ? String(more.percent) : null);
});

it("fetches, stops and goes on with the file that is meant", async () => {
  desk.answers["files.fetch"] = () => file("fetching");
  desk.answers["files.stop"] = () => file("stopped");
  await open([file("not_fetched"), file("fetching")]);
  fireEvent.click(screen.getByRole("button", { name: "Fetch not_fetched.pdf" }));
  fireEvent.click(screen.getByRole("button", { name: "Stop fetching.pdf" }));
  await waitFor(() => expect([asked("files.fetch"), asked("files.stop")]).toEqual([[{ id: "not_fetched" }], [{ id: "fetching" }]]));
});

it("hands a chosen file over piece by piece and hangs it on the person", async () => {
  const pieces: unknown[] = [];
  desk.answers["files.begin"] = () => ({ ticket: "t1", piece: 4 });
  desk.answers["files.append"] = (request) => { pieces.push(request); return { received: 0 }; };
  desk.answers["files.attach"] = () => file("here_only");
  await open([]);
  fireEvent.change(screen.getByLabelText("Choose files"), { target: { files: [new File(["abcdefghij"], "scan.pdf")] } });
  await waitFor(() => expect(asked("files.attach")).toEqual([{ person: "p1", name: "scan.pdf", ticket: "t1" }]));
  expect(pieces).toEqual([{ ticket: "t1", offset: 0, data: btoa("abcd") }, { ticket: "t1", offset: 4, data: btoa("efgh") }, { ticket: "t1", offset: 8, data: btoa("ij") }]);
});

it("a file that is refused is told with its name, and nothing of it stays", async () => {
  desk.answers["files.begin"] = () => { throw { code: "invalid", message: "This file is too large: at most 25 MB are allowed.", field: "file" }; };
  await open([]);
  fireEvent.change(screen.getByLabelText("Choose files"), { target: { files: [new File(["x"], "film.mp4")] } });
  expect((await screen.findByRole("alert")).textContent).toContain("film.mp4 was not added. This file is too large");
  desk.answers["files.begin"] = () => ({ ticket: "t2", piece: 4 });
  desk.answers["files.append"] = () => { throw { code: "disk_full", message: "The disk is full." }; };
  desk.answers["files.give_up"] = () => ({ done: true });
  fireEvent.change(screen.getByLabelText("Choose files"), { target: { files: [new File(["x"], "scan.pdf")] } });
  await waitFor(() => expect(asked("files.give_up")).toEqual([{ ticket: "t2" }]));
  expect((await screen.findByRole("alert")).textContent).toContain("The disk is full.");
});

it("is removed with a reason and not without", async () => {
  desk.answers["files.remove"] = () => ({ done: true });
  await open([file("at_centre")]);
  fireEvent.click(screen.getByRole("button", { name: "Remove at_centre.pdf" }));
  fireEvent.click(screen.getByText("Remove it"));
  expect(asked("files.remove")).toEqual([]);
  fireEvent.change(screen.getByLabelText("Reason"), { target: { value: "of another person" } });
  fireEvent.click(screen.getByText("Remove it"));
  await waitFor(() => expect(asked("files.remove")).toEqual([{ id: "at_centre", reason: "of another person" }]));
});
