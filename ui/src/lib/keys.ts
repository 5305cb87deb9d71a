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

/** What the screens offer now, the latest last; what the frame offers comes before all of it. */
let sources: { frame: boolean; offered: { current: Action[] } }[] = [];
let letters = true;

/** Whether single letters work as shortcuts. */
export function allowLetters(allowed: boolean): void {
  letters = allowed;
}

/** Everything that can be done now; of several with the same id the latest. */
export function actions(): Action[] {
  const all = [...sources.filter((source) => source.frame), ...sources.filter((source) => !source.frame)].flatMap((source) => source.offered.current);
  return all.filter((action, at) => all.findLastIndex((other) => other.id === action.id) === at);
}

/** Offers actions for as long as the component is there. Those of the frame yield to those of the
 * screen inside it. */
export function useActions(offered: Action[], frame = false): void {
  const latest = useRef(offered);
  latest.current = offered;
  useEffect(() => {
    const source = { frame, offered: latest };
    sources.push(source);
    return () => {
      sources = sources.filter((other) => other !== source);
    };
  }, [frame]);
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
