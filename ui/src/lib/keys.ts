// Keys: one registry, from which the palette and the sheet of keys are drawn.
import { useEffect, useRef } from "react";

export interface Action {
  id: string;
  /** What it does, in the language of the screen. */
  label: string;
  /** As printed on caps, for example "Ctrl K" or "S". */
  keys?: string;
  run: () => void;
}

const registered = new Map<string, Action>();
let letters = true;

/** Whether single letters work as shortcuts. */
export function allowLetters(allowed: boolean): void {
  letters = allowed;
}

/** Everything that can be done now. */
export function actions(): Action[] {
  return [...registered.values()];
}

/** Offers actions for as long as the component is there. */
export function useActions(offered: Action[]): void {
  const latest = useRef(offered);
  latest.current = offered;
  const ids = offered.map((action) => action.id).join();
  useEffect(() => {
    const mine = ids.split(",").filter(Boolean);
    for (const id of mine) {
      const find = () => latest.current.find((action) => action.id === id);
      const action = find();
      if (action) registered.set(id, { ...action, run: () => find()?.run() });
    }
    return () => mine.forEach((id) => registered.delete(id));
  }, [ids]);
}

/** Runs the action whose keys were pressed; single letters only outside fields and dialogs. */
export function press(event: KeyboardEvent): boolean {
  const target = event.target as HTMLElement;
  const inField = target.closest("input, textarea, select, [contenteditable], dialog") !== null;
  const name = event.key === " " ? "Space" : event.key.length === 1 ? event.key.toUpperCase() : event.key;
  const pressed = `${event.ctrlKey || event.metaKey ? "Ctrl " : ""}${name}`;
  const single = name.length === 1 && !event.ctrlKey && !event.metaKey;
  if (event.altKey || (single && (inField || !letters))) return false;
  const found = actions().findLast((action) => action.keys === pressed);
  if (!found) return false;
  event.preventDefault();
  found.run();
  return true;
}
