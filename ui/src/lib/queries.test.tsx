// Answers that are asked for again: what was asked for before something changed is not shown after it.
import { QueryClientProvider } from "@tanstack/react-query";
import { render, screen } from "@testing-library/react";
import { expect, it, vi } from "vitest";
import type { Event } from "../bindings/commands";
import { client, useAnswer } from "./queries";

const desk = vi.hoisted(() => ({ tell: (_: Event) => undefined as void, answers: [] as ((phase: string) => void)[] }));

vi.mock("./rpc", () => ({
  onEvent: (callback: (event: Event) => void) => { desk.tell = callback; },
  rpc: () => new Promise((resolve) => { desk.answers.push((phase) => resolve({ phase })); }),
}));

function Phase() {
  const status = useAnswer("sync.status", {});
  return <p>{status.data ? `it is ${status.data.phase}` : "nothing yet"}</p>;
}

it("asks again when something happens while the first answer is still on its way", async () => {
  render(<QueryClientProvider client={client}><Phase /></QueryClientProvider>);
  expect(desk.answers.length).toBe(1);
  desk.tell({ kind: "sync" });
  await vi.waitFor(() => expect(desk.answers.length).toBe(2));
  desk.answers[1]?.("revoked");
  desk.answers[0]?.("sending");
  expect(await screen.findByText("it is revoked")).toBeTruthy();
});
