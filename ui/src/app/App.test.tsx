// Another language is drawn in place: the field that has the focus keeps it, and what was typed stays.
import { QueryClientProvider } from "@tanstack/react-query";
import { act, render, screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, expect, it, vi } from "vitest";
import type { AppStatus, OpenVault, Settings } from "../bindings/commands";
import { language, setLanguage } from "../lib/messages";
import { client } from "../lib/queries";
import { App } from "./App";

const desk = vi.hoisted(() => ({ status: undefined as unknown, settings: undefined as unknown }));

vi.mock("../lib/rpc", async (original) => ({
  ...(await original<typeof import("../lib/rpc")>()),
  onEvent: () => undefined,
  rpc: async (name: string, request: unknown) => {
    if (name === "app.status") return desk.status;
    if (name === "settings.set") desk.settings = request;
    if (name.startsWith("settings.")) return desk.settings;
    if (name === "responses.state") return new Promise(() => undefined);
    if (name === "sync.status") return { centre: null, phase: "alone", waiting: 0, oldest: null, set_aside: 0, on_line: null, files: { waiting: 0, bytes: 0, failed: 0 }, last_sync: null, paused_since: null, message: null };
    return [];
  },
}));

const vault = { id: "v1", label: "Amara Okafor", created: "2026-11-01T10:00:00Z" };
const open = { label: "Amara Okafor", person_name: "Amara Okafor", lease: { state: "alone", ends: null, glass: [] }, open_alerts: 0, to_review: 0, recovery_confirmed: true, degraded: null } as unknown as OpenVault;
const draw = () => render(<QueryClientProvider client={client}><App /></QueryClientProvider>);

beforeEach(() => {
  setLanguage("en");
  client.clear();
  window.location.hash = "";
  desk.settings = { theme: "light", language: "en", text_percent: 100, letter_keys: true, lock_minutes: 5 } satisfies Settings;
});

it("on the lock screen a half-typed passphrase and the focus outlive the language", async () => {
  desk.status = { state: "locked", open: null, vaults: [vault], version: "0.1.0" } as unknown as AppStatus;
  draw();
  const field = await screen.findByLabelText<HTMLInputElement>("Passphrase");
  await userEvent.type(field, "copper lan");
  act(() => setLanguage("de"));
  expect(screen.getByText("Öffnen Sie Ihre Tasche")).toBeTruthy();
  expect(screen.getByLabelText("Passphrase")).toBe(field);
  expect([field.value, document.activeElement]).toEqual(["copper lan", field]);
});

it("in the settings the choice keeps the focus, and no letter reaches the page as a command", async () => {
  desk.status = { state: "open", open, vaults: [vault], version: "0.1.0" } as unknown as AppStatus;
  window.location.hash = "#/settings";
  draw();
  const choice = await screen.findByLabelText<HTMLSelectElement>("Language");
  choice.focus();
  await userEvent.selectOptions(choice, "de");
  expect(await screen.findByLabelText("Sprache")).toBe(choice);
  expect(document.activeElement).toBe(choice);
  await userEvent.keyboard("eutsch");
  expect(document.querySelector("dialog")).toBeNull();
  await userEvent.selectOptions(choice, "en");
  expect(await screen.findByLabelText("Language")).toBe(choice);
  expect(document.activeElement).toBe(choice);
});

it("a language that somebody chose to answer in stays as long as they answer", async () => {
  desk.status = { state: "open", open, vaults: [vault], version: "0.1.0" } as unknown as AppStatus;
  window.location.hash = "#/settings";
  draw();
  await screen.findByLabelText("Language");
  act(() => { window.location.hash = "#/administer/r1"; });
  await waitFor(() => expect(screen.queryByLabelText("Language")).toBeNull());
  act(() => setLanguage("de"));
  expect(language()).toBe("de");
  act(() => { window.location.hash = "#/settings"; });
  await screen.findByLabelText("Language");
  expect(language()).toBe("en");
});
