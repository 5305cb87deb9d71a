// The week as seven columns of hours: appointments, free half hours for the keyboard, the line of now.
import { Plus, TriangleAlert } from "lucide-react";
import { useEffect, useRef, useState, type KeyboardEvent, type PointerEvent, type SyntheticEvent } from "react";
import type { Appointment } from "../../bindings/commands";
import { t } from "../../lib/messages";
import { clock, day as dayName, isToday, weekday } from "../../lib/time";
import { Block, placed } from "./Block";
import { useDrag, type Drag } from "./drag";
import { HOUR, SNAP, STOP, hoursOf, instantAt, minutesOf, nextStop, overlapCount, piecesOf, plusDays, sameStop, stopsOf, type Stop } from "./week";
import { minutesBetween } from "./wording";

/** Something that may come to lie there: what is typed in the dialog. */
export interface Ghost {
  start: string;
  end: string;
  name: string;
}

interface Props {
  monday: Date;
  appointments: Appointment[];
  ghost: Ghost | undefined;
  onOpen: (appointment: Appointment) => void;
  onBook: (start: Date, length: number | undefined) => void;
  onMove: (appointment: Appointment) => void;
  onMoveTo: (appointment: Appointment, start: Date) => void;
}

export function WeekGrid({ monday, appointments, ghost, onOpen, onBook, onMove, onMoveTo }: Props) {
  const pieces = piecesOf(monday, appointments);
  const hours = hoursOf(pieces);
  const stops = pieces.map((day, index) => stopsOf(index, day, hours));
  const columns = useRef<(HTMLElement | null)[]>([]);
  const now = useNow();
  const [at, setAt] = useState<Stop>(() => firstStop(monday, now));
  const here = findStop(stops, at);
  // What was moved is drawn anew on another day; the focus goes with it.
  const follow = useRef<string>(undefined);
  const moveTo = (appointment: Appointment, start: Date) => {
    follow.current = appointment.id;
    onMoveTo(appointment, start);
  };
  useEffect(() => {
    const elsewhere = document.activeElement !== document.body && document.activeElement?.closest(".cal") === null;
    if (follow.current && !elsewhere) document.querySelector<HTMLElement>(`[data-stop="${follow.current}"]`)?.focus();
  }, [appointments]);
  const reached = (stop: Stop) => {
    if (stop.appointment?.id !== follow.current) follow.current = undefined;
    setAt(stop);
  };
  const whole = (hours.to - hours.from) * HOUR;
  const thisWeek = now >= monday && now < plusDays(monday, 7);
  const nowAt = thisWeek && minutesOf(now) >= hours.from * HOUR && minutesOf(now) < hours.to * HOUR ? `${((minutesOf(now) - hours.from * HOUR) / whole) * 100}%` : undefined;
  const dropped = (drag: Drag) => {
    const start = instantAt(plusDays(monday, drag.day), drag.start);
    if (drag.appointment) moveTo(drag.appointment, start);
    else onBook(start, drag.end - drag.start);
  };
  const { drag, grab, justDragged } = useDrag(() => columns.current.filter((one) => one !== null), hours, dropped);

  const focus = (stop: Stop | undefined) => {
    if (!stop) return;
    setAt(stop);
    document.querySelector<HTMLElement>(`[data-stop="${keyOf(stop)}"]`)?.focus();
  };
  const press = (event: KeyboardEvent, stop: Stop) => {
    const { appointment } = stop;
    if (appointment && (event.key === "m" || event.key === "M") && !event.ctrlKey) {
      event.preventDefault();
      return onMove(appointment);
    }
    if (!event.key.startsWith("Arrow") && event.key !== "Home" && event.key !== "End") return;
    event.preventDefault();
    if (event.ctrlKey && appointment) {
      const start = new Date(appointment.start);
      const days = event.key === "ArrowLeft" ? -1 : event.key === "ArrowRight" ? 1 : 0;
      const minutes = event.key === "ArrowUp" ? -SNAP : event.key === "ArrowDown" ? SNAP : 0;
      if (days !== 0 || minutes !== 0) moveTo(appointment, instantAt(plusDays(start, days), minutesOf(start) + minutes));
      return;
    }
    focus(nextStop(stops, stop, event.key));
  };
  const busyWeekend = [5, 6].some((day) => pieces[day]?.length) || [5, 6].some((day) => isToday(plusDays(monday, day).toISOString()));
  return (
    <div className={busyWeekend ? "cal" : "cal quiet-weekend"} role="region" aria-label={t("calendar.week")}>
      <div className="cal-days">
        <span />
        {pieces.map((day, index) => {
          const date = plusDays(monday, index);
          const clashes = overlapCount(day.map((piece) => piece.appointment));
          return (
            <span key={index} className={isToday(date.toISOString()) ? "cal-day today" : "cal-day"}>
              <span>{weekday(date.toISOString())} <b>{date.getDate()}</b></span>
              {clashes > 0 && <span className="flag" title={t("calendar.n_overlap", { n: clashes })}><TriangleAlert className="icon" /><span className="long">{t("calendar.n_overlap", { n: clashes })}</span><span className="short" aria-hidden="true">{clashes}</span></span>}
            </span>
          );
        })}
      </div>
      <div className="cal-grid" style={{ ["--hours" as string]: hours.to - hours.from }} onPointerMove={pointAt} onPointerDown={forgetPointer} onKeyDown={forgetPointer} onPointerLeave={forgetPointer}>
        <div className="hours" aria-hidden="true">{Array.from({ length: hours.to - hours.from }, (_, index) => index).filter((index) => nowAt === undefined || Math.abs((hours.from + index) * HOUR + 11 - minutesOf(now)) > 20).map((index) => <span key={index} style={{ top: `${(index * HOUR * 100) / whole}%` }}>{`${String(hours.from + index).padStart(2, "0")}:00`}</span>)}{nowAt !== undefined && <span className="now-time" style={{ top: nowAt }}>{clock(now.toISOString())}</span>}</div>
        {pieces.map((day, index) => {
          const date = plusDays(monday, index);
          const name = dayName(date.toISOString());
          return (
            <div key={index} className="day" role="group" aria-label={t("calendar.day", { day: name, n: day.length })} ref={(element) => { columns.current[index] = element; }}>
              {(stops[index] ?? []).filter((stop) => !stop.appointment).map((stop) => {
                const start = instantAt(date, stop.start);
                const time = clock(start.toISOString());
                return (
                  <button
                    key={stop.start} type="button" className="free" data-stop={keyOf(stop)} style={placed(stop.start, stop.end, hours)} aria-label={t("calendar.free_at", { day: name, time })} tabIndex={here && sameStop(here, stop) ? 0 : -1}
                    onFocus={() => reached(stop)} onKeyDown={(event) => press(event, stop)} onPointerDown={(event) => grab(event)} onClick={() => { if (!justDragged.current) onBook(start, undefined); }}
                  ><Plus className="icon" />{time}</button>
                );
              })}
              {day.map((piece) => {
                const stop: Stop = { day: index, start: piece.start, end: piece.end, appointment: piece.appointment };
                return (
                  <Block
                    key={piece.appointment.id} piece={piece} hours={hours} dragged={drag?.appointment?.id === piece.appointment.id} tabIndex={here && sameStop(here, stop) ? 0 : -1} onFocus={() => reached(stop)} onKeyDown={(event) => press(event, stop)}
                    onOpen={() => { if (!justDragged.current) onOpen(piece.appointment); }}
                    onGrab={(event) => { if (piece.appointment.status !== "cancelled") grab(event, piece.appointment, minutesBetween(piece.appointment.start, piece.appointment.end), piece.start); }}
                  />
                );
              })}
              {drag?.day === index && <div className="ev ghost" style={placed(drag.start, drag.end, hours)}><b>{clock(instantAt(date, drag.start).toISOString())}–{clock(instantAt(date, drag.end).toISOString())}</b></div>}
              {ghostOn(ghost, date).map((part) => <div key="ghost" className="ev ghost" style={placed(part.start, part.end, hours)}><b>{part.name}</b></div>)}
              {isToday(date.toISOString()) && nowAt !== undefined && <div className="now-line" style={{ top: nowAt }} />}
            </div>
          );
        })}
      </div>
    </div>
  );
}

// A free time is offered only under a pointer that moves there: not where one was left lying when a
// dialog closed, and not beside the keyboard. Told to the element itself, so that nothing is drawn anew.
const pointAt = (event: PointerEvent<HTMLElement>) => { if (event.movementX !== 0 || event.movementY !== 0) event.currentTarget.dataset.pointed = ""; };
const forgetPointer = (event: SyntheticEvent<HTMLElement>) => { delete event.currentTarget.dataset.pointed; };

const keyOf = (stop: Stop) => stop.appointment?.id ?? `${stop.day}-${stop.start}`;

/** The stop that has the place of the focus: the same appointment wherever it was moved, or the same time. */
function findStop(stops: Stop[][], at: Stop): Stop | undefined {
  const all = stops.flat();
  return all.find((stop) => sameStop(stop, at)) ?? (at.appointment && all.find((stop) => stop.appointment?.id === at.appointment?.id)) ?? stops[at.day]?.find((stop) => stop.end > at.start) ?? all[0];
}

function firstStop(monday: Date, now: Date): Stop {
  const day = Array.from({ length: 7 }, (_, index) => plusDays(monday, index)).findIndex((date) => isToday(date.toISOString()));
  const start = day < 0 ? 9 * HOUR : Math.ceil(minutesOf(now) / STOP) * STOP;
  return { day: Math.max(0, day), start, end: start + STOP };
}

function ghostOn(ghost: Ghost | undefined, date: Date): { start: number; end: number; name: string }[] {
  if (!ghost) return [];
  const [start, end, next] = [new Date(ghost.start), new Date(ghost.end), plusDays(date, 1)];
  if (end <= date || start >= next) return [];
  return [{ start: start < date ? 0 : minutesOf(start), end: end >= next ? 24 * HOUR : minutesOf(end), name: ghost.name }];
}

/** The time, renewed each half minute. */
function useNow(): Date {
  const [now, setNow] = useState(() => new Date());
  useEffect(() => {
    const timer = setInterval(() => setNow(new Date()), 30_000);
    return () => clearInterval(timer);
  }, []);
  return now;
}
