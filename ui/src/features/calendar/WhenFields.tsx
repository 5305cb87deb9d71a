// Date, time and length, with what stands in the way and the free times nearby. Warns and never blocks.
import { TriangleAlert } from "lucide-react";
import { useState } from "react";
import type { OverlapsRequest, Slot } from "../../bindings/commands";
import { t } from "../../lib/messages";
import { useAnswer } from "../../lib/queries";
import { brief, clock, dayShort, fullDate, readDate, readTime } from "../../lib/time";
import { ChoiceField, TextField } from "../../parts/Field";
import { clockChange, instantAt, isoDate, localDate, mondayOf, offsetName, zone } from "./week";
import { lengthOf, minutesBetween, overlapText } from "./wording";

const LENGTHS = [15, 30, 45, 50, 60, 90, 120, 180, 240, 480];
const DAYS = [1_440, 2_880, 4_320, 7_200, 10_080, 20_160];

/** What is typed, and the time it means. */
export interface When {
  date: string;
  time: string;
  length: number;
}

export function whenOf(start: Date, length: number): When {
  return { date: fullDate(isoDate(start)), time: clock(start.toISOString()), length };
}

/** Begin and end as instants; undefined while the text is no date or no time. */
export function slotOf(when: When): Slot | undefined {
  const [date, minutes] = [readDate(when.date), readTime(when.time)];
  if (date === undefined || minutes === undefined) return undefined;
  const start = instantAt(localDate(date), minutes);
  // Whole days are counted by the calendar, so that a change of the clocks does not shift the end.
  const end = when.length % 1_440 === 0 ? instantAt(localDate(date), minutes + when.length) : new Date(start.getTime() + when.length * 60_000);
  return { start: start.toISOString(), end: end.toISOString() };
}

interface Props {
  when: When;
  onChange: (when: When) => void;
  tried: boolean;
  /** Whose time it takes; what else stands in the way is asked from these. */
  needs: Omit<OverlapsRequest, "start" | "end" | "zone">;
  wholeDays?: boolean;
  /** Whether the first field shall have the focus. */
  first?: boolean;
}

export function WhenFields({ when, onChange, tried, needs, wholeDays = false, first = false }: Props) {
  const slot = slotOf(when);
  const room = useAnswer("calendar.overlaps", { ...needs, start: slot?.start ?? "", end: slot?.end ?? "", zone: zone() }, slot !== undefined);
  const [offered, setOffered] = useState<Slot[]>();
  const overlaps = slot && room.data ? room.data.overlaps : [];
  // What was offered stays while one of it is chosen, so that a choice can be changed again.
  const chosen = offered?.find((one) => one.start === slot?.start && one.end === slot?.end);
  const free = chosen ? offered : overlaps.length > 0 && !room.isPlaceholderData ? room.data?.free : undefined;
  const take = (one: Slot) => {
    setOffered(free);
    onChange(whenOf(new Date(one.start), minutesBetween(one.start, one.end)));
  };
  const dateWrong = readDate(when.date) === undefined;
  const timeWrong = readTime(when.time) === undefined;
  const lengths = [...new Set([...(wholeDays ? [...LENGTHS.slice(4), ...DAYS] : LENGTHS), when.length])].sort((a, b) => a - b);
  return (
    <>
      <div className="three">
        <TextField label={t("calendar.date")} autoFocus={first} autoComplete="off" value={when.date} onChange={(date) => onChange({ ...when, date })} error={dateWrong && (tried || when.date.length > 9) ? t("calendar.date_wrong") : undefined} />
        <TextField label={t("calendar.start")} autoComplete="off" value={when.time} onChange={(time) => onChange({ ...when, time })} error={timeWrong && tried ? t("calendar.time_wrong") : undefined} />
        <ChoiceField label={t("calendar.length")} value={String(when.length)} onChange={(length) => onChange({ ...when, length: Number(length) })} choices={lengths.map((minutes) => ({ value: String(minutes), text: lengthOf(minutes) }))} />
      </div>
      {overlaps.length > 0 && (
        <div className="banner attention small" role="status">
          <TriangleAlert className="icon" />
          <div className="grow">{overlaps.slice(0, 3).map((overlap) => <p key={overlap.id}>{overlapText(overlap)}</p>)}{overlaps.length > 3 && <p>{t("calendar.more_overlaps", { n: overlaps.length - 3 })}</p>}<p>{t("calendar.may_book")}</p></div>
        </div>
      )}
      {free && free.length > 0 && (
        <fieldset className="field">
          <legend className="label">{t("calendar.free")}</legend>
          <div className="slots">
            {free.map((one) => (
              <label key={one.start} className={one === chosen ? "slot on" : "slot"}>
                <input type="radio" name="free" checked={one === chosen} onChange={() => take(one)} /><span className="grow num">{t("calendar.free_slot", { day: dayShort(one.start), from: clock(one.start), to: clock(one.end) })}</span>
              </label>
            ))}
          </div>
        </fieldset>
      )}
      <p className="small muted">{slot ? zoneText(new Date(slot.start)) : zoneName(new Date())}</p>
    </>
  );
}

/** Times of Europe/Madrid, UTC+1. Where the zone is UTC itself, that says it all. */
function zoneName(at: Date): string {
  const offset = offsetName(at);
  const says = /^(Etc\/)?(UTC|GMT)([+−-]?0)?$/.test(zone()) && offset === "UTC+0";
  return says ? t("calendar.zone_utc") : t("calendar.zone", { zone: zone().replaceAll("_", " "), offset });
}

/** Times of Europe/Madrid, UTC+1; and that the clocks change in that week, if they do. */
export function zoneText(at: Date): string {
  const change = clockChange(mondayOf(at));
  const text = zoneName(at);
  return change ? `${text} ${t("calendar.clock_change", { day: brief(change.toISOString()).split(",")[0] ?? "" })}` : text;
}

