// Dates as people write and read them.
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { setLanguage } from "./messages";
import { age, clock, day, fullDate, lengthName, moment, readDate, readTime, shortDay, when } from "./time";

beforeEach(() => setLanguage("en"));
afterEach(() => vi.useRealTimers());

const at = (...parts: [number, number, number, number?, number?]) => new Date(...(parts as [number, number, number])).toISOString();

describe("readDate", () => {
  it.each([
    ["1979-03-12", "1979-03-12"],
    ["1979-3-2", "1979-03-02"],
    ["12.3.1979", "1979-03-12"],
    ["12.03.1979", "1979-03-12"],
    ["12/03/1979", "1979-03-12"],
    ["12 3 1979", "1979-03-12"],
    ["12 March 1979", "1979-03-12"],
    ["12 mar 1979", "1979-03-12"],
    ["1. January 2000", "2000-01-01"],
    ["31 DECEMBER 1999", "1999-12-31"],
    ["3 Sept 1981", "1981-09-03"],
    ["  12.3.1979  ", "1979-03-12"],
    ["29.2.2024", "2024-02-29"],
  ])("reads “%s”", (text, date) => expect(readDate(text)).toBe(date));

  it.each(["", " ", "yesterday", "1979", "3.1979", "12.3.79", "31.2.1979", "29.2.2026", "0.1.1979", "32.1.1979", "12.13.1979", "1979-00-10", "1979-13-01", "12 Foo 1979", "12 Ma 1979", "12 März 1979", "March 12 1979", "12-3-1979", "12.3.1979x", "0000-01-01", "1e3.1.1979"])("refuses “%s”", (text) => expect(readDate(text)).toBeUndefined());

  it.each([["12. März 1979", "1979-03-12"], ["12 Mär 1979", "1979-03-12"], ["1. Dezember 1999", "1999-12-01"], ["5 Mai 1990", "1990-05-05"], ["12 March 1979", "1979-03-12"]])("reads “%s” in German", (text, date) => {
    setLanguage("de");
    expect(readDate(text)).toBe(date);
  });

  it("reads back what it shows, in every language and month", () => {
    for (const language of ["en", "de"] as const) {
      setLanguage(language);
      for (let month = 1; month <= 12; month++) {
        const date = `1984-${String(month).padStart(2, "0")}-09`;
        expect(readDate(fullDate(date)), `${language} ${fullDate(date)}`).toBe(date);
      }
    }
  });
});

describe("age", () => {
  it.each([
    ["1979-03-12", at(2026, 2, 11, 23, 59), 46],
    ["1979-03-12", at(2026, 2, 12, 0, 0), 47],
    ["1979-03-12", at(2026, 2, 13), 47],
    ["1979-12-31", at(2026, 0, 1), 46],
    ["2000-02-29", at(2026, 1, 28), 25],
    ["2000-02-29", at(2026, 2, 1), 26],
    ["2026-11-21", at(2026, 10, 21, 8), 0],
  ])("of a person born %s is on %s: %i", (born, now, years) => {
    vi.useFakeTimers({ now: new Date(now) });
    expect(age(born)).toBe(years);
  });
});

describe("times", () => {
  it("name the day in the language of the screen", () => {
    expect(day(at(2026, 10, 20, 12))).toBe("Friday 20 November");
    expect(shortDay(at(2026, 10, 20, 12))).toBe("20 Nov");
    setLanguage("de");
    expect(day(at(2026, 10, 20, 12))).toBe("Freitag, 20. November");
  });

  it("say today by its name and every other day by its date", () => {
    vi.useFakeTimers({ now: new Date(2026, 10, 21, 18, 0) });
    expect(when(at(2026, 10, 21, 10, 42), "today")).toBe("today 10:42");
    expect(when(at(2026, 10, 20, 10, 42), "today")).toBe("20 Nov 2026, 10:42");
    expect(when(at(2025, 10, 21, 10, 42), "today")).toBe(moment(at(2025, 10, 21, 10, 42)));
  });

  it("count midnight as 00 and never as 24", () => {
    for (const language of ["en", "de"] as const) {
      setLanguage(language);
      expect(clock(at(2026, 10, 20, 0, 5))).toBe("00:05");
      expect(clock(at(2026, 10, 20, 15, 30))).toBe("15:30");
    }
  });

  it("show a date of birth as it was given, wherever the computer stands", () => expect(fullDate("1979-03-12")).toBe("12 March 1979"));
});

describe("readTime", () => {
  it.each([["9", 540], ["09:00", 540], ["9:30", 570], ["9.30", 570], ["0930", 570], ["930", 570], ["9h30", 570], ["14h", 840], ["9 Uhr", 540], ["9:30 Uhr", 570], ["0:05", 5], ["23:59", 1439], [" 8 ", 480]])("reads “%s”", (text, minutes) => expect(readTime(text)).toBe(minutes));
  it.each(["", " ", "24:00", "25", "9:60", "9:5", "morning", "-1", "9:30:00", "12345", "9:30 pm"])("refuses “%s”", (text) => expect(readTime(text)).toBeUndefined());
  it("reads back what it shows", () => {
    for (let minutes = 0; minutes < 1_440; minutes++) expect(readTime(clock(new Date(2026, 10, 20, 0, minutes).toISOString()))).toBe(minutes);
  });
});

describe("lengths", () => {
  const words = { minutes: (n: number) => `${n} min`, hours: (n: number) => `${n} h`, days: (n: number) => `${n} days` };
  it.each([[15, "15 min"], [60, "1 h"], [90, "1 h 30 min"], [1_440, "1 days"], [1_500, "25 h"], [7_200, "5 days"]])("%i minutes are “%s”", (minutes, text) => expect(lengthName(minutes, words)).toBe(text));
});
