// Dragging in the week: an appointment to another time, or a stretch of free time to book.
import { useEffect, useRef, useState, type PointerEvent as ReactPointer } from "react";
import type { Appointment } from "../../bindings/commands";
import { HOUR, SNAP } from "./week";

/** What is being dragged, and where it lies now. */
export interface Drag {
  appointment?: Appointment;
  day: number;
  start: number;
  end: number;
}

interface Begun {
  appointment?: Appointment;
  day: number;
  /** Minutes that were grabbed: of an appointment below its begin, of free time of the day. */
  at: number;
  length: number;
  x: number;
  y: number;
  moved: boolean;
}

/** Pixels after which a press is a drag and no longer a click. */
const THRESHOLD = 5;

export function useDrag(columns: () => HTMLElement[], hours: { from: number; to: number }, onDrop: (drag: Drag) => void) {
  const [drag, setDrag] = useState<Drag>();
  const begun = useRef<Begun | undefined>(undefined);
  const latest = useRef<Drag | undefined>(undefined);
  const justDragged = useRef(false);
  const state = useRef({ columns, hours, onDrop });
  state.current = { columns, hours, onDrop };

  useEffect(() => {
    const show = (next: Drag | undefined) => {
      latest.current = next;
      setDrag(next);
    };
    const move = (event: PointerEvent) => {
      const from = begun.current;
      if (!from) return;
      if (!from.moved && Math.hypot(event.clientX - from.x, event.clientY - from.y) < THRESHOLD) return;
      from.moved = true;
      const { day, minutes } = under(event, state.current.columns(), state.current.hours);
      const [first, last] = [state.current.hours.from * HOUR, state.current.hours.to * HOUR];
      if (from.appointment) {
        const start = Math.max(first, Math.min(snap(minutes - from.at), last - SNAP));
        return show({ appointment: from.appointment, day, start, end: start + from.length });
      }
      const [low, high] = [Math.min(from.at, snap(minutes)), Math.max(from.at + SNAP, snap(minutes))];
      show({ day: from.day, start: Math.max(first, low), end: Math.min(last, high) });
    };
    const drop = () => {
      const [from, dropped] = [begun.current, latest.current];
      begun.current = undefined;
      show(undefined);
      if (!from?.moved || !dropped) return;
      justDragged.current = true;
      setTimeout(() => { justDragged.current = false; });
      state.current.onDrop(dropped);
    };
    const give = (event: KeyboardEvent) => {
      if (event.key !== "Escape" || !begun.current) return;
      begun.current = undefined;
      show(undefined);
    };
    window.addEventListener("pointermove", move);
    window.addEventListener("pointerup", drop);
    window.addEventListener("keydown", give);
    return () => {
      window.removeEventListener("pointermove", move);
      window.removeEventListener("pointerup", drop);
      window.removeEventListener("keydown", give);
    };
  }, []);

  const grab = (event: ReactPointer, appointment?: Appointment, length = 0, start = 0) => {
    if (event.button !== 0) return;
    const { day, minutes } = under(event, columns(), hours);
    begun.current = { ...(appointment ? { appointment } : {}), day, at: appointment ? minutes - start : snap(minutes), length, x: event.clientX, y: event.clientY, moved: false };
  };
  return { drag, grab, justDragged };
}

const snap = (minutes: number) => Math.round(minutes / SNAP) * SNAP;

/** The day and the minute under the pointer. */
function under(event: { clientX: number; clientY: number }, columns: HTMLElement[], hours: { from: number; to: number }): { day: number; minutes: number } {
  const boxes = columns.map((column) => column.getBoundingClientRect());
  const found = boxes.findIndex((box) => event.clientX >= box.left && event.clientX < box.right);
  const nearest = event.clientX < (boxes[0]?.left ?? 0) ? 0 : boxes.length - 1;
  const day = found >= 0 ? found : nearest;
  const box = boxes[day];
  const share = box && box.height > 0 ? (event.clientY - box.top) / box.height : 0;
  return { day, minutes: hours.from * HOUR + share * (hours.to - hours.from) * HOUR };
}
