// Where things lie in a week, and where the arrow keys lead.
import { describe, expect, it } from "vitest";
import type { Appointment } from "../../bindings/commands";
import { DAY, clockChange, hoursOf, inLanes, instantAt, isoDate, localDate, minutesOf, mondayOf, nextStop, offsetName, overlapCount, piecesOf, plusDays, stopsOf, weekNumber, type Piece, type Stop } from "./week";

const monday = localDate("2026-11-23");

function appointment(id: string, from: Date, to: Date): Appointment {
  return { id, title: id, kind: "person", start: from.toISOString(), end: to.toISOString(), person_id: null, person: "", trainer_id: null, trainer: "", place: "", note: "", status: "scheduled", zone: "", overlaps: [] };
}
const on = (id: string, day: number, from: number, to: number) => appointment(id, instantAt(plusDays(monday, day), from), instantAt(plusDays(monday, day), to));
const piece = (id: string, start: number, end: number): Piece => ({ appointment: on(id, 0, start, end), start, end, lane: 0, lanes: 1 });

describe("days", () => {
  it.each([["2026-11-23", "2026-11-23"], ["2026-11-29", "2026-11-23"], ["2026-11-25", "2026-11-23"], ["2027-01-01", "2026-12-28"], ["2024-02-29", "2024-02-26"]])("the Monday of %s is %s", (date, first) => expect(isoDate(mondayOf(localDate(date)))).toBe(first));
  it.each([["2026-11-23", 48], ["2026-12-28", 53], ["2027-01-04", 1], ["2024-12-30", 1], ["2020-12-28", 53], ["2026-01-05", 2]])("the week of %s is number %i", (date, number) => expect(weekNumber(localDate(date))).toBe(number));
  it("days are counted by the calendar and not by hours", () => {
    for (let days = 0; days < 370; days++) expect(minutesOf(plusDays(monday, days))).toBe(0);
  });
  it("a clock change is told on its day only", () => {
    const changes = Array.from({ length: 53 }, (_, at) => clockChange(plusDays(monday, 7 * at))).filter((day) => day !== undefined);
    for (const day of changes) expect(offsetName(day)).not.toBe(offsetName(plusDays(day, 1)));
  });
});

describe("pieces", () => {
  it("an appointment over midnight has a piece on both days", () => {
    const days = piecesOf(monday, [appointment("night", instantAt(monday, 22 * 60), instantAt(plusDays(monday, 1), 6 * 60))]);
    expect(days.map((day) => day.map(({ start, end }) => [start, end]))).toEqual([[[1320, DAY]], [[0, 360]], [], [], [], [], []]);
  });
  it("leave over the whole week fills every day and leaves the hours as they are", () => {
    const days = piecesOf(monday, [appointment("leave", plusDays(monday, -3), plusDays(monday, 9))]);
    expect(days.every((day) => day.length === 1 && day[0]?.end === DAY)).toBe(true);
    expect(hoursOf(days)).toEqual({ from: 8, to: 18 });
  });
  it("what is cancelled takes no room from what takes place", () => {
    const days = piecesOf(monday, [{ ...on("off", 0, 540, 600), status: "cancelled" }, on("held", 0, 540, 600)]);
    expect(days[0]?.map((one) => [one.appointment.id, one.lanes])).toEqual([["off", 1], ["held", 1]]);
  });
  it("a pair that overlaps counts once, also when only one of the two is shown", () => {
    const clash = (id: string, ...others: string[]) => ({ ...on(id, 0, 540, 600), overlaps: others.map((other) => ({ id: other, name: "", trainer: "", place: "", start: "", end: "", because: [] })) });
    expect([overlapCount([clash("a", "b"), clash("b", "a")]), overlapCount([clash("a", "b")]), overlapCount([clash("a", "b", "c"), clash("b", "a", "c"), clash("c", "a", "b")]), overlapCount([])]).toEqual([1, 1, 3, 0]);
  });
  it("what lies outside the working day widens what is shown", () => expect(hoursOf([[piece("early", 6 * 60 + 30, 7 * 60)], [piece("late", 19 * 60, 20 * 60 + 5)]])).toEqual({ from: 6, to: 21 }));
  it.each<[string, [number, number][], [number, number][]]>([
    ["back to back shares a lane", [[540, 600], [600, 660]], [[0, 1], [0, 1]]],
    ["an overlap has two lanes", [[540, 600], [570, 630]], [[0, 2], [1, 2]]],
    ["a chain goes back to the first lane", [[540, 600], [570, 630], [600, 660]], [[0, 2], [1, 2], [0, 2]]],
    ["three at once have three lanes, and what comes later has the whole width", [[540, 600], [540, 600], [540, 600], [700, 760]], [[0, 3], [1, 3], [2, 3], [0, 1]]],
    ["a very short one does not hide the next", [[540, 545], [545, 600]], [[0, 2], [1, 2]]],
  ])("%s", (_, spans, lanes) => expect(inLanes(spans.map(([start, end], at) => piece(String(at), start, end))).map(({ lane, lanes: of }) => [lane, of])).toEqual(lanes));
});

describe("arrow keys", () => {
  const days = piecesOf(monday, [on("nine", 0, 540, 600), on("ten", 1, 600, 660), on("beside", 1, 630, 690)]);
  const hours = hoursOf(days);
  const stops = days.map((pieces, day) => stopsOf(day, pieces, hours));
  const name = (stop: Stop | undefined) => stop && (stop.appointment?.id ?? `${stop.day} ${stop.start}`);
  const start = stops[0]![0]!;
  it.each([
    ["free half hours are stops", ["ArrowDown"], "0 510"],
    ["an appointment is one stop", ["ArrowDown", "ArrowDown"], "nine"],
    ["the next one comes after its end", ["ArrowDown", "ArrowDown", "ArrowDown"], "0 600"],
    ["beside an appointment lies the same time of the next day", ["ArrowDown", "ArrowDown", "ArrowRight"], "1 540"],
    ["overlapping ones are reached one after the other", ["ArrowRight", "ArrowDown", "ArrowDown", "ArrowDown", "ArrowDown", "ArrowDown"], "beside"],
    ["the left edge ends the way", ["ArrowLeft"], undefined],
    ["the upper edge ends the way", ["ArrowUp"], undefined],
    ["End leads to the end of the day", ["End"], "0 1050"],
    ["Home leads to its begin", ["End", "Home"], "0 480"],
  ])("%s", (_, keys, reached) => {
    let at: Stop | undefined = start;
    for (const key of keys) at = at && nextStop(stops, at, key);
    expect(name(at)).toBe(reached);
  });
  it("every stop is reached by going down", () => {
    for (const day of stops) {
      let [at, count] = [day[0], 0];
      while (at) [at, count] = [nextStop(stops, at, "ArrowDown"), count + 1];
      expect(count).toBe(day.length);
    }
  });
});
