// Times and dates as people read them, in the language of the screen.
import { language, t } from "./messages";

/** Day before month in every language that we have. */
const locale = () => (language() === "en" ? "en-GB" : language());

const format = (options: Intl.DateTimeFormatOptions) => (text: string) => new Intl.DateTimeFormat(locale(), options).format(new Date(text));

/** 10:42 */
export const clock = format({ hour: "2-digit", minute: "2-digit", hour12: false });
/** Thursday 20 November */
export const day = (text: string) => format({ weekday: "long", day: "numeric", month: "long" })(text).replace(language() === "en" ? "," : /$^/, "");
/** 20 November 2026 */
export const longDate = format({ day: "numeric", month: "long", year: "numeric" });
/** 20 Nov */
export const shortDay = format({ day: "numeric", month: "short" });
/** 12 March 1979 */
export const fullDate = (text: string) => new Intl.DateTimeFormat(locale(), { day: "numeric", month: "long", year: "numeric", timeZone: "UTC" }).format(new Date(`${text}T00:00:00Z`));
/** 20 Nov 2026, 10:42 */
export const moment = format({ day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", hour12: false });

export const isToday = (text: string) => new Date(text).toDateString() === new Date().toDateString();

/** "today 10:42" or "23 Oct 2026, 10:48" */
export const when = (text: string, today: string) => (isToday(text) ? `${today} ${clock(text)}` : moment(text));

/** Whole years since a date. */
export function age(born: string): number {
  const [birth, now] = [new Date(born), new Date()];
  const before = now.getMonth() < birth.getUTCMonth() || (now.getMonth() === birth.getUTCMonth() && now.getDate() < birth.getUTCDate());
  return now.getFullYear() - birth.getUTCFullYear() - (before ? 1 : 0);
}

/** Reads 1979-03-12, 12.3.1979, 12/03/1979 or 12 March 1979 as an ISO date; undefined when it is none. */
export function readDate(text: string): string | undefined {
  const trimmed = text.trim();
  const iso = /^(\d{4})-(\d{1,2})-(\d{1,2})$/.exec(trimmed);
  const european = /^(\d{1,2})[./ ](\d{1,2})[./ ](\d{4})$/.exec(trimmed);
  const words = /^(\d{1,2})\.? ([\p{L}]+) (\d{4})$/u.exec(trimmed);
  const parts = iso ? [iso[1], iso[2], iso[3]] : european ? [european[3], european[2], european[1]] : words ? [words[3], String(monthNumber(words[2] ?? "")), words[1]] : undefined;
  if (!parts) return undefined;
  const [year, month, date] = parts.map(Number) as [number, number, number];
  const read = new Date(Date.UTC(year, month - 1, date));
  const exists = read.getUTCFullYear() === year && read.getUTCMonth() === month - 1 && read.getUTCDate() === date;
  return exists ? read.toISOString().slice(0, 10) : undefined;
}

function monthNumber(name: string): number {
  for (let month = 0; month < 12; month++) {
    for (const tongue of ["en", language()]) {
      const full = new Intl.DateTimeFormat(tongue, { month: "long" }).format(new Date(2000, month, 1)).toLowerCase();
      if (full.startsWith(name.toLowerCase()) && name.length >= 3) return month + 1;
    }
  }
  return 0;
}

/** Mon */
export const weekday = format({ weekday: "short" });
/** Tuesday 24 Nov */
export const dayShort = (text: string) => format({ weekday: "long", day: "numeric", month: "short" })(text).replace(language() === "en" ? "," : /$^/, "");
/** Wed 26 Nov, 09:00 */
export const brief = (text: string) => `${format({ weekday: "short", day: "numeric", month: "short" })(text).replace(language() === "en" ? "," : /$^/, "")}, ${clock(text)}`;

/** Reads 9, 9:30, 09.30, 0930, 9h30 or 9 Uhr as minutes since midnight; undefined when it is no time. */
export function readTime(text: string): number | undefined {
  const trimmed = text.trim().toLowerCase().replace(/\s*(uhr|h)$/, "");
  const parts = /^(\d{1,2})(?:[:.h ]?([0-5]\d))?$/.exec(trimmed);
  if (!parts) return undefined;
  const [hours, minutes] = [Number(parts[1]), Number(parts[2] ?? 0)];
  return hours < 24 ? hours * 60 + minutes : undefined;
}

/** 45 min, 1 h 30 min, 2 days */
export function lengthName(minutes: number, words: { minutes: (n: number) => string; hours: (n: number) => string; days: (n: number) => string }): string {
  if (minutes >= 1_440 && minutes % 1_440 === 0) return words.days(minutes / 1_440);
  const [hours, rest] = [Math.floor(minutes / 60), minutes % 60];
  return [hours > 0 ? words.hours(hours) : "", rest > 0 ? words.minutes(rest) : ""].filter(Boolean).join(" ");
}

/** A date as 2026-11-23, by the local clock. */
export function isoDate(date: Date): string {
  return `${date.getFullYear()}-${String(date.getMonth() + 1).padStart(2, "0")}-${String(date.getDate()).padStart(2, "0")}`;
}

/** Midnight of 2026-11-23, by the local clock. */
export function localDate(text: string): Date {
  const [year = 1970, month = 1, date = 1] = text.split("-").map(Number);
  return new Date(year, month - 1, date);
}

/** How long ago an instant was, in one unit: 5 minutes, 3 hours, 12 days. */
export function ago(text: string): string {
  const minutes = Math.max(0, Math.floor((Date.now() - new Date(text).getTime()) / 60_000));
  if (minutes < 60) return t("time.minutes", { n: Math.max(1, minutes) });
  return minutes < 1_440 ? t("time.hours", { n: Math.floor(minutes / 60) }) : t("time.days", { n: Math.floor(minutes / 1_440) });
}
