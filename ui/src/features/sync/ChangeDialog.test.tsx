// A change that was put aside: its values are there to be changed, and only those that differ go along.
import { QueryClientProvider } from "@tanstack/react-query";
import { fireEvent, render, screen, waitFor } from "@testing-library/react";
import { beforeEach, describe, expect, it, vi } from "vitest";
import type { ChangeDetail, EntityInfo, FieldInfo } from "../../bindings/commands";
import { setLanguage } from "../../lib/messages";
import { client } from "../../lib/queries";
import { ChangeDialog } from "./ChangeDialog";

const desk = vi.hoisted(() => ({ change: undefined as unknown, asked: [] as [string, unknown][] }));
const field = (name: string, kind: FieldInfo["kind"], more: Partial<FieldInfo> = {}): FieldInfo => ({ name, label: name.charAt(0).toUpperCase() + name.slice(1), help: "", kind, max_length: 200, scale: null, required: true, managed: false, choices: [], open: false, references: null, format: null, min: null, max: null, privacy: "none", default: null, ...more });
const KIND: Partial<EntityInfo> = { name: "mood_entries", label: "Mood entry", fields: [field("mood", "integer"), field("sleep", "integer", { required: false }), field("made", "instant", { managed: true })] };

vi.mock("../../lib/rpc", async (original) => ({
  ...(await original<typeof import("../../lib/rpc")>()),
  onEvent: () => undefined,
  rpc: async (name: string, request: unknown) => {
    desk.asked.push([name, request]);
    return name === "sync.change" ? desk.change : name === "model.entities" ? [KIND] : { done: true };
  },
}));

const change = (more: Partial<ChangeDetail> = {}): ChangeDetail => ({ dseq: 7, command: "records.create", reason: null, can_mend: true, records: [{ entity: "mood_entries", label: "Mood entry", id: "m1", title: "20 November", what: "created", is_here: false, values: { mood: 3 }, stands: null, references: {}, error_reason: null }], ...more });

beforeEach(() => {
  setLanguage("en");
  client.clear();
  desk.asked = [];
});

describe("a change", () => {
  it("that was put aside goes out with what was typed, and closes", async () => {
    desk.change = change();
    const closed = vi.fn();
    render(<QueryClientProvider client={client}><ChangeDialog dseq={7} onClose={closed} /></QueryClientProvider>);
    const mood = await screen.findByLabelText<HTMLInputElement>("Mood");
    expect([mood.value, document.activeElement === mood]).toEqual(["3", true]);
    expect(screen.getByText("1 more field")).toBeTruthy();
    fireEvent.change(mood, { target: { value: "4" } });
    fireEvent.click(screen.getByText("Send it changed"));
    await waitFor(() => expect(closed).toHaveBeenCalled());
    expect(desk.asked.find(([name]) => name === "sync.mend")?.[1]).toEqual({ dseq: 7, records: [{ entity: "mood_entries", id: "m1", values: { mood: 4 } }] });
  });

  it("of what is not here can be looked at only, beside what stands", async () => {
    const [record] = change().records;
    desk.change = change({ can_mend: false, records: [{ ...record!, what: "changed", stands: { mood: 9 } }] });
    render(<QueryClientProvider client={client}><ChangeDialog dseq={7} onClose={() => undefined} /></QueryClientProvider>);
    await screen.findByText("Stands here now");
    expect(screen.getByText("9")).toBeTruthy();
    expect(screen.queryByRole("textbox")).toBeNull();
    expect(screen.getByText(/is not on this computer any more/)).toBeTruthy();
  });
});
