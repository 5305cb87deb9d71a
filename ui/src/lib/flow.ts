// What the start of the app carries from one screen to the next: a recovery code that is shown once,
// whether the sample bag is being packed, and
// whether backups are wanted. Held in memory only.
import { useSyncExternalStore } from "react";

interface Flow {
  /** The code that was just made; gone when confirmed. */
  code?: string | undefined;
  packing: boolean;
  /** Whether the lock screen shall open with the backups. */
  backups?: boolean;
}

let flow: Flow = { packing: false };
const listeners = new Set<() => void>();

export function setFlow(change: Partial<Flow>): void {
  flow = { ...flow, ...change };
  listeners.forEach((listener) => listener());
}

export function useFlow(): Flow {
  return useSyncExternalStore((listener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }, () => flow);
}
