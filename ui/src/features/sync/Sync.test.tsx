// Synchronizing as a person meets it: what is offered in which state, and how far it is.
import { QueryClientProvider } from "@tanstack/react-query";
import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { SyncPhase, SyncStatus } from "../../bindings/commands";
import { setLanguage } from "../../lib/messages";
import { client } from "../../lib/queries";
import { Sync } from "./Sync";

const desk = vi.hoisted(() => ({ status: undefined as unknown, asked: [] as string[] }));

vi.mock("../../lib/rpc", async (original) => ({
  ...(await original<typeof import("../../lib/rpc")>()),
  onEvent: () => undefined,
  rpc: async (name: string) => {
    desk.asked.push(name);
    if (name.startsWith("sync.")) return ["sync.queue", "sync.log", "sync.departed"].includes(name) ? [] : desk.status;
    return { open: null };
  },
}));

const centre = { organization: "Ashcombe", role: "trainer", server: "https://c", joined_at: "2026-11-01T10:00:00Z", works_until: "2026-11-28T10:00:00Z", parts: 40, parts_coming: 0 };
const status = (phase: SyncPhase, more: Partial<SyncStatus> = {}): SyncStatus => ({ centre, phase, waiting: 0, oldest: null, set_aside: 0, on_line: null, files: { waiting: 0, bytes: 0, failed: 0 }, last_sync: "2026-11-21T10:00:00Z", paused_since: null, message: null, ...more });
const open = () => render(<QueryClientProvider client={client}><Sync /></QueryClientProvider>);

beforeEach(() => {
  setLanguage("en");
  client.clear();
  desk.asked = [];
});
afterEach(cleanup);

describe("synchronizing", () => {
  it.each<[SyncPhase, boolean, string | null]>([
    ["idle", true, "Synchronize now"],
    ["sending", true, "Synchronize now"],
    ["offline", true, "Synchronize now"],
    ["paused", false, "Resume"],
    ["signed_out", false, "Synchronize now"],
    ["refused", false, "Synchronize now"],
    ["revoked", false, null],
    ["copy", false, null],
    ["upgrade_required", false, null],
  ])("that is %s offers what helps", async (phase, pauses, primary) => {
    desk.status = status(phase, { paused_since: phase === "paused" ? "2026-11-21T10:00:00Z" : null });
    open();
    await screen.findByLabelText("How it stands");
    expect(screen.queryByText("Pause") !== null).toBe(pauses);
    expect(["Synchronize now", "Resume"].find((words) => screen.queryByText(words)) ?? null).toBe(primary);
  });

  it.each<[boolean, number, string, string]>([
    [true, 0, "What is on its way to the centre", "On the line now: 1.2 MB of 3.4 MB sent"],
    [false, 0, "What is on its way from the centre", "On the line now: 1.2 MB of 3.4 MB fetched"],
    [false, 1, "First download", "On the line now: 1.2 MB of 3.4 MB fetched"],
  ])("shows how far one long body is: sent %s, with %s parts to come", async (sends, parts_coming, label, words) => {
    desk.status = status(sends ? "sending" : "receiving", { centre: { ...centre, parts_coming }, on_line: { sends, done: 1_258_291, of: 3_565_158 } });
    open();
    const bar = await screen.findByRole("progressbar", { name: label });
    expect([bar.getAttribute("aria-valuenow"), bar.getAttribute("aria-valuemax"), bar.getAttribute("aria-valuetext")]).toEqual(["1258291", "3565158", words]);
    expect(screen.getByText((text) => text.includes(words))).toBeTruthy();
    expect(screen.getAllByRole("progressbar")).toHaveLength(1);
  });

  it("is paused and goes on by one button each", async () => {
    desk.status = status("sending", { waiting: 120 });
    open();
    fireEvent.click(await screen.findByText("Pause"));
    await waitFor(() => expect(desk.asked).toContain("sync.pause"));
    desk.status = status("paused", { waiting: 80, paused_since: "2026-11-21T10:00:00Z" });
    await client.invalidateQueries();
    fireEvent.click(await screen.findByText("Resume"));
    await waitFor(() => expect(desk.asked).toContain("sync.resume"));
    expect(screen.getByText("40 of 120 sent")).toBeTruthy();
    expect(desk.asked).not.toContain("sync.now");
  });

  it("says how far the first download is, and that it stands still while it is paused", async () => {
    desk.status = status("receiving", { centre: { ...centre, parts: 18, parts_coming: 22 } });
    const { unmount } = open();
    expect((await screen.findByLabelText<HTMLProgressElement>("First download")).value).toBe(18);
    expect(screen.getByText(/goes on by itself/)).toBeTruthy();
    unmount();
    client.clear();
    desk.status = status("paused", { centre: { ...centre, parts: 18, parts_coming: 22 }, paused_since: "2026-11-21T10:00:00Z" });
    open();
    expect(await screen.findByText(/stands still/)).toBeTruthy();
  });

  it("promises no share of a first download whose end it does not know", async () => {
    desk.status = status("receiving", { centre: { ...centre, parts: 18, parts_coming: 1 } });
    const { unmount } = open();
    const bar = await screen.findByRole("progressbar", { name: "First download" });
    expect(bar.getAttribute("aria-valuenow") ?? bar.getAttribute("value")).toBeNull();
    expect(screen.getByText(/18 parts are here, the rest is still to come/)).toBeTruthy();
    unmount();
    client.clear();
    desk.status = status("paused", { centre: { ...centre, parts: 18, parts_coming: 1 }, paused_since: "2026-11-21T10:00:00Z" });
    open();
    expect(await screen.findByText(/stands still: 18 parts are here/)).toBeTruthy();
    expect(screen.queryByRole("progressbar"), "nothing moves").toBeNull();
  });

  it("says why it was refused, and says nothing twice", async () => {
    const message = "The disk of this computer is full.";
    desk.status = status("refused", { message });
    const { unmount } = open();
    expect(await screen.findByText(message)).toBeTruthy();
    unmount();
    client.clear();
    desk.status = status("centre_older", { message });
    open();
    await screen.findByLabelText("How it stands");
    expect(screen.queryByText(message)).toBeNull();
  });
});
