// A desk for the tests of features: it answers each command as the test says, and notes what it was asked.
type Handler = (request: Record<string, unknown>) => unknown;

export const desk = { answers: {} as Record<string, Handler>, asked: [] as [string, Record<string, unknown>][] };

/** What a command was asked with, in order. */
export const asked = (name: string) => desk.asked.filter(([one]) => one === name).map(([, request]) => request);

/** Stands in for `lib/rpc`: `vi.mock("../../lib/rpc", async (original) => (await import("../../test/desk")).instead(await original()))`. */
export const instead = (original: object) => ({
  ...original,
  onEvent: () => undefined,
  rpc: async (name: string, request: Record<string, unknown>) => {
    desk.asked.push([name, request]);
    const handler = desk.answers[name];
    if (!handler) throw { code: "failed", message: `nobody expects ${name}` };
    return handler(request);
  },
});
