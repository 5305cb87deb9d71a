// The one way to the desk, and the only file that knows Tauri.
import { invoke } from "@tauri-apps/api/core";
import { listen } from "@tauri-apps/api/event";
import type { CommandName, Commands, DeskError, Event } from "../bindings/commands";
import { said } from "./said";

/** A request in which fields that may be null may be left out. */
export type Request<K extends CommandName> = Loose<Commands[K]["request"]>;
export type Response<K extends CommandName> = Commands[K]["response"];
type Loose<T> = { [P in keyof T as null extends T[P] ? never : P]: T[P] } & { [P in keyof T as null extends T[P] ? P : never]?: T[P] };

const inWindow = "__TAURI_INTERNALS__" in window;

/** Runs a command. Throws the desk's error: {code, message, field?}. */
export async function rpc<K extends CommandName>(name: K, request: Request<K>): Promise<Response<K>> {
  if (inWindow) {
    try {
      return await invoke<Response<K>>("rpc", { name, request });
    } catch (error) {
      throw asError(error);
    }
  }
  const answer = await fetch("/__rpc", { method: "POST", body: JSON.stringify({ name, request }) });
  const line = (await answer.json()) as { ok?: Response<K>; error?: DeskError };
  if (line.error) throw asError(line.error);
  return line.ok as Response<K>;
}

/** Calls back for every event of the desk. */
export function onEvent(callback: (event: Event) => void): void {
  if (inWindow) void listen<Event>("desk", (message) => callback(message.payload));
}

/** Whatever was thrown, as an error that can be shown. */
export function asError(error: unknown): DeskError {
  if (typeof error === "object" && error !== null && "message" in error && "code" in error) {
    const told = error as DeskError;
    return { ...told, message: said(told.message) };
  }
  return { code: "failed", message: error instanceof Error ? error.message : String(error) };
}
