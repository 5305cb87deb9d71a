// How the calendar puts times, lengths and overlaps into words.
import type { Appointment, Because, Overlap } from "../../bindings/commands";
import { t } from "../../lib/messages";
import { brief, clock, day, lengthName, longDate } from "../../lib/time";
import { plusDays } from "./week";

/** Whom or what an appointment is for. */
export const nameOf = (appointment: Appointment): string => appointment.person || appointment.title || t(`calendar.kind.${appointment.kind}`);

export const minutesBetween = (start: string, end: string): number => Math.round((new Date(end).getTime() - new Date(start).getTime()) / 60_000);

export function lengthOf(minutes: number): string {
  return lengthName(minutes, { minutes: (n) => t("calendar.minutes", { n }), hours: (n) => t("calendar.hours", { n }), days: (n) => t("calendar.days", { n }) });
}

/** Tuesday 25 November, 10:30 to 11:30 */
export function timesOf(start: string, end: string): string {
  const same = new Date(start).toDateString() === new Date(end).toDateString();
  return same ? t("calendar.times", { day: day(start), from: clock(start), to: clock(end) }) : t("calendar.span", { from: brief(start), to: brief(end) });
}

const SAME: Record<Because, "calendar.same_trainer" | "calendar.same_person" | "calendar.same_place"> = { trainer: "calendar.same_trainer", person: "calendar.same_person", place: "calendar.same_place" };

/** Overlaps Yuki Tanaka, 10:00 to 11:00: both are in the calendar of Birgit Lindqvist. */
export function overlapText(overlap: Overlap): string {
  const times = { name: overlap.name, from: clock(overlap.start), to: clock(overlap.end) };
  const because = overlap.because.map((one) => t(SAME[one], { trainer: overlap.trainer, place: overlap.place })).reduce((first, second) => t("calendar.and", { first, second }));
  return t("calendar.overlaps", { ...times, because });
}

/** 23 to 29 November 2026, or 30 November to 6 December 2026 */
export function weekTitle(monday: Date): string {
  const [first, last] = [monday, plusDays(monday, 6)];
  const end = longDate(last.toISOString());
  const sameYear = first.getFullYear() === last.getFullYear();
  if (sameYear && first.getMonth() === last.getMonth()) return t("calendar.week_title", { from: t("calendar.day_only", { day: first.getDate() }), to: end });
  const start = longDate(first.toISOString());
  return t("calendar.week_title", { from: sameYear ? start.replace(` ${first.getFullYear()}`, "") : start, to: end });
}
