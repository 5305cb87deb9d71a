// Settings: what is chosen counts at once, also before the answer to what was chosen before.
import { QueryClientProvider } from "@tanstack/react-query";
import { fireEvent, render, screen, waitFor } from "@testing-library/react";
import { beforeEach, expect, it, vi } from "vitest";
import type { Settings as Kept } from "../../bindings/commands";
import { setLanguage } from "../../lib/messages";
import { client } from "../../lib/queries";
import { asked, desk } from "../../test/desk";
import { Settings } from "./Settings";

vi.mock("../../lib/rpc", async (original) => (await import("../../test/desk")).instead(await original()));

let kept: Kept;

beforeEach(() => {
  setLanguage("en");
  client.clear();
  kept = { theme: "light", language: "en", text_percent: 100, lock_minutes: 5, letter_keys: true };
  desk.asked = [];
  desk.answers = { "settings.get": () => kept, "app.status": () => ({ open: null }), "vault.backups": () => [], "sync.status": () => ({ centre: null, phase: "alone" }) };
});

it("two choices made one after the other are both kept", async () => {
  desk.answers["settings.set"] = (request) => { kept = request as unknown as Kept; return kept; };
  render(<QueryClientProvider client={client}><Settings /></QueryClientProvider>);
  fireEvent.click(await screen.findByRole("button", { name: "Dark" }));
  fireEvent.change(screen.getByLabelText("Lock after"), { target: { value: "10" } });
  await waitFor(() => expect(asked("settings.set")).toHaveLength(2));
  expect(kept).toMatchObject({ theme: "dark", lock_minutes: 10 });
});

it("a choice that is refused is taken back and says why", async () => {
  desk.answers["settings.set"] = () => { throw { code: "failed", message: "The disk is full." }; };
  render(<QueryClientProvider client={client}><Settings /></QueryClientProvider>);
  fireEvent.click(await screen.findByRole("button", { name: "Dark" }));
  expect(await screen.findByText("The disk is full.")).toBeTruthy();
  await waitFor(() => expect(screen.getByRole("button", { name: "Light" }).getAttribute("aria-pressed")).toBe("true"));
});
