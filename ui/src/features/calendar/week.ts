// Days of a week and where things lie in it, by the clock of this computer.
import type { Appointment } from "../../bindings/commands";

export { isoDate, localDate } from "../../lib/time";

export const HOUR = 60;
export const DAY = 24 * HOUR;
/** Minutes between two stops of the keyboard. */
export const STOP = 30;
/** Minutes to which what is dragged snaps. */
export const SNAP = 15;

/** The time zone of this computer. */
export const zone = (): string => Intl.DateTimeFormat().resolvedOptions().timeZone;

/** Some days later by the calendar, whatever the clocks do between. */
export function plusDays(date: Date, days: number): Date {
  return new Date(date.getFullYear(), date.getMonth(), date.getDate() + days);
}

/** The Monday of the week of a date. */
export function mondayOf(date: Date): Date {
  return plusDays(date, -((date.getDay() + 6) % 7));
}

/** The instant of a date and minutes of its clock. */
export function instantAt(date: Date, minutes: number): Date {
  return new Date(date.getFullYear(), date.getMonth(), date.getDate(), 0, minutes);
}

/** Minutes since midnight by the clock. */
export function minutesOf(at: Date): number {
  return at.getHours() * HOUR + at.getMinutes();
}

/** Number of the week, as ISO 8601 counts. */
export function weekNumber(monday: Date): number {
  const thursday = plusDays(monday, 3);
  const first = mondayOf(new Date(thursday.getFullYear(), 0, 4));
  return 1 + Math.round((plusDays(monday, 0).getTime() - first.getTime()) / (7 * DAY * 60_000));
}

/** How far the clock is ahead of UTC, as UTC+1 or UTC-3:30. */
export function offsetName(at: Date): string {
  const minutes = -at.getTimezoneOffset();
  const [hours, rest] = [Math.floor(Math.abs(minutes) / HOUR), Math.abs(minutes) % HOUR];
  return `UTC${minutes < 0 ? "−" : "+"}${hours}${rest ? `:${String(rest).padStart(2, "0")}` : ""}`;
}

/** The day of a week on which the clocks change, if they do. */
export function clockChange(monday: Date): Date | undefined {
  return Array.from({ length: 7 }, (_, at) => plusDays(monday, at)).find((day) => day.getTimezoneOffset() !== plusDays(day, 1).getTimezoneOffset());
}

/** A piece of an appointment on one day, in minutes of that day, with its place beside others. */
export interface Piece {
  appointment: Appointment;
  start: number;
  end: number;
  /** Which of `lanes` columns. */
  lane: number;
  lanes: number;
}

/** The pieces of each of the seven days; what overlaps lies side by side. */
export function piecesOf(monday: Date, appointments: Appointment[]): Piece[][] {
  return Array.from({ length: 7 }, (_, index) => {
    const [day, next] = [plusDays(monday, index), plusDays(monday, index + 1)];
    const pieces = appointments.flatMap((appointment) => {
      const [start, end] = [new Date(appointment.start), new Date(appointment.end)];
      if (end <= day || start >= next) return [];
      return [{ appointment, start: start < day ? 0 : minutesOf(start), end: end >= next ? DAY : minutesOf(end), lane: 0, lanes: 1 }];
    });
    // What is cancelled takes no room; it lies behind what takes place.
    const off = (piece: Piece) => piece.appointment.status === "cancelled";
    return [...inLanes(pieces.filter(off)), ...inLanes(pieces.filter((piece) => !off(piece)))].sort((a, b) => a.start - b.start);
  });
}

/** Puts pieces that share time into lanes of their own. */
export function inLanes(pieces: Piece[]): Piece[] {
  const sorted = pieces.toSorted((a, b) => a.start - b.start || b.end - a.end || a.appointment.id.localeCompare(b.appointment.id));
  let group: Piece[] = [];
  let until = -1;
  const close = () => {
    const lanes = Math.max(0, ...group.map((piece) => piece.lane)) + 1;
    for (const piece of group) piece.lanes = lanes;
    group = [];
  };
  for (const piece of sorted) {
    if (piece.start >= until) close();
    // A very short one is drawn taller than it is, so what follows at once still gets a lane of its own.
    const taken = new Set(group.filter((other) => Math.max(other.end, other.start + SNAP) > piece.start).map((other) => other.lane));
    piece.lane = 0;
    while (taken.has(piece.lane)) piece.lane += 1;
    group.push(piece);
    until = Math.max(until, piece.end, piece.start + SNAP);
  }
  close();
  return sorted;
}

/** How many pairs of appointments overlap; a pair counts once, whichever of the two is shown. */
export function overlapCount(appointments: Appointment[]): number {
  return new Set(appointments.flatMap((one) => one.overlaps.map((other) => [one.id, other.id].sort().join(" ")))).size;
}

/** First and last hour that the week shows: the working day, or more when something lies outside. */
export function hoursOf(days: Piece[][]): { from: number; to: number } {
  const all = days.flat().filter((piece) => piece.end - piece.start < DAY);
  const from = Math.min(8, ...all.map((piece) => Math.floor(piece.start / HOUR)));
  const to = Math.max(18, ...all.map((piece) => Math.ceil(piece.end / HOUR)));
  return { from, to };
}

/** Something that can have the focus: an appointment, or a free half hour. */
export interface Stop {
  day: number;
  start: number;
  end: number;
  appointment?: Appointment;
}

/** All stops of a day in their order: appointments, and the half hours between them. */
export function stopsOf(day: number, pieces: Piece[], hours: { from: number; to: number }): Stop[] {
  const stops: Stop[] = pieces.map(({ appointment, start, end }) => ({ day, start, end, appointment }));
  for (let start = hours.from * HOUR; start < hours.to * HOUR; start += STOP) {
    if (!pieces.some((piece) => piece.start < start + STOP && piece.end > start)) stops.push({ day, start, end: start + STOP });
  }
  return stops.sort((a, b) => a.start - b.start || (a.appointment?.id ?? "").localeCompare(b.appointment?.id ?? ""));
}

export const sameStop = (a: Stop, b: Stop): boolean => a.day === b.day && a.appointment?.id === b.appointment?.id && (a.appointment !== undefined || a.start === b.start);

/** Where an arrow key leads. */
export function nextStop(stops: Stop[][], from: Stop, key: string): Stop | undefined {
  const day = stops[from.day] ?? [];
  const at = day.findIndex((stop) => sameStop(stop, from));
  if (key === "ArrowDown") return day[at + 1];
  if (key === "ArrowUp") return at > 0 ? day[at - 1] : undefined;
  if (key === "Home") return day[0];
  if (key === "End") return day[day.length - 1];
  const beside = key === "ArrowLeft" ? stops[from.day - 1] : key === "ArrowRight" ? stops[from.day + 1] : undefined;
  return beside?.find((stop) => stop.end > from.start) ?? beside?.[beside.length - 1];
}
