// The mark "Needs review": on the record that is meant and on no other, by words and sign, until it is decided.
import { QueryClientProvider } from "@tanstack/react-query";
import { act, fireEvent, render, screen, waitFor } from "@testing-library/react";
import type { ReactNode } from "react";
import { beforeEach, describe, expect, it, vi } from "vitest";
import type { CaseInfo, Mark } from "../bindings/commands";
import { setLanguage } from "../lib/messages";
import { client } from "../lib/queries";
import { asked, desk } from "../test/desk";
import { ReviewMark, ReviewNote, ReviewSign } from "./ReviewMark";

vi.mock("../lib/rpc", async (original) => (await import("../test/desk")).instead(await original()));

const mark = (info: Partial<CaseInfo> = {}, other: string | null = null): Mark => ({ info: { id: "c1", entity: "appointments", label: "Appointment", record_id: "r1", record: "Visit", person_id: "p1", person: "Hannah Weiss", what: "Starts, Ends", group: "start_time", kind: "values", status: "open", at: "2026-11-20T10:00:00Z", assigned_to: "Amara Okafor", yours: true, ...info }, other });
let marks: Mark[] = [];

/** Draws, and waits until it is known which records are meant. */
async function draw(...parts: ReactNode[]) {
  const drawn = render(<QueryClientProvider client={client}>{parts.map((part, at) => <div key={at} data-testid={at}>{part}</div>)}</QueryClientProvider>);
  await waitFor(() => expect(client.getQueryData(["review.marks", {}])).toBeDefined());
  return drawn;
}

beforeEach(() => {
  setLanguage("en");
  client.clear();
  window.location.hash = "";
  marks = [mark()];
  desk.asked = [];
  desk.answers = { "review.marks": () => marks };
});

describe("the mark", () => {
  it("stands on the record and on its person, leads to the case, and is asked for once", async () => {
    await draw(<ReviewMark entity="appointments" id="r1" />, <ReviewMark entity="appointments" id="r2" />, <ReviewMark entity="responses" id="r1" />, <ReviewMark person="p1" />, <ReviewSign person="p2" />);
    const links = await screen.findAllByRole("link", { name: "Needs review: Visit: when it is" });
    expect(links.map((link) => [link.closest("[data-testid]")?.getAttribute("data-testid"), link.getAttribute("href")])).toEqual([["0", "#/review/open/c1"], ["3", "#/review/open/c1"]]);
    expect(links.every((link) => link.textContent === "Needs review" && link.querySelector("svg") !== null), "words and a sign").toBe(true);
    for (const none of ["1", "2", "4"]) expect(screen.getByTestId(none).textContent).toBe("");
    expect(asked("review.marks")).toHaveLength(1);
  });

  it("counts several cases, and means both of two records that may be the same", async () => {
    marks = [mark(), mark({ id: "c2", entity: "users", record_id: "p1", record: "Hannah Weiss", kind: "double", what: "Name" }, "p9")];
    await draw(<ReviewSign person="p1" />, <ReviewMark entity="users" id="p9" />);
    await waitFor(() => expect(screen.getByTestId("0").textContent).toBe("Needs review (2)"));
    expect(screen.getByTestId("1").querySelector("a")?.getAttribute("href")).toBe("#/review/open/c2");
  });

  it("goes away when it is decided", async () => {
    await draw(<ReviewMark entity="appointments" id="r1" />);
    await screen.findByRole("link");
    marks = [];
    await client.invalidateQueries();
    await waitFor(() => expect(screen.queryByRole("link")).toBeNull());
  });

  it("within a row that opens its record does not open that as well", async () => {
    const open = vi.fn();
    await draw(<div onClick={open}><ReviewMark entity="appointments" id="r1" /></div>);
    fireEvent.click(await screen.findByRole("link"));
    expect(open).not.toHaveBeenCalled();
  });

  it("is not there where the cases may not be read", async () => {
    desk.answers = { "review.marks": () => { throw { code: "lease_over", message: "Too long without contact." }; } };
    render(<QueryClientProvider client={client}><div data-testid="0"><ReviewMark entity="appointments" id="r1" /></div></QueryClientProvider>);
    await waitFor(() => expect(asked("review.marks")).toHaveLength(1));
    expect(screen.getByTestId("0").textContent).toBe("");
  });
});

describe("what the mark means", () => {
  it.each<[string, Partial<CaseInfo>, string]>([
    ["yours", {}, "Visit: when it is. Another value was written as well. What stands here counts until you decide."],
    ["somebody else’s", { yours: false }, "Visit: when it is. Another value was written as well. What stands here counts until Amara Okafor decides."],
    ["an addendum", { kind: "addendum", group: "notes", what: "Notes" }, "Visit: Notes. The record was finished when this was written. It stays as it is; what was written stands beside it."],
  ])("is told in words when it is %s, in English and in German", async (_, info, words) => {
    marks = [mark(info)];
    await draw(<ReviewNote entity="appointments" id="r1" />);
    expect(await screen.findByText(words)).toBeTruthy();
    act(() => setLanguage("de"));
    expect(await screen.findByRole("link", { name: "Fall ansehen" })).toBeTruthy();
    expect(screen.getByText("Zu prüfen")).toBeTruthy();
  });
});
