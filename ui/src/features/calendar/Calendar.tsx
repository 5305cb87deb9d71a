// The calendar: one week, whose calendars it shows, and what is open beside it.
import { ChevronLeft, ChevronRight, Plus, UsersRound } from "lucide-react";
import { useCallback, useState } from "react";
import type { Appointment } from "../../bindings/commands";
import { useActions } from "../../lib/keys";
import { t } from "../../lib/messages";
import { useAction, useAnswer } from "../../lib/queries";
import { go, to } from "../../lib/route";
import { brief } from "../../lib/time";
import { ChoiceField } from "../../parts/Field";
import { Answer, Failure } from "../../parts/States";
import { Toast } from "../../parts/Toast";
import { AppointmentDialog } from "./AppointmentDialog";
import { BookDialog } from "./BookDialog";
import { MoveDialog } from "./MoveDialog";
import { WeekGrid, type Ghost } from "./WeekGrid";
import { slotOf, zoneText, type When } from "./WhenFields";
import { HOUR, instantAt, isoDate, localDate, minutesOf, mondayOf, overlapCount, plusDays, weekNumber, zone } from "./week";
import { nameOf, weekTitle } from "./wording";

type Over = { kind: "book"; start: Date; length: number; person: string } | { kind: "open" | "move"; id: string } | undefined;
interface Undo {
  text: string;
  run: () => void;
}

/** Minutes of an appointment until another length is chosen. */
const USUAL = 60;

export function Calendar({ date, open, book }: { date: string; open: string; book: string }) {
  const monday = mondayOf(/^\d{4}-\d\d-\d\d$/.test(date) ? localDate(date) : new Date());
  const [trainer, setTrainer] = useState("");
  const [over, setOver] = useState<Over>(() => (book ? { kind: "book", start: nextHour(monday), length: USUAL, person: book } : open ? { kind: "open", id: open } : undefined));
  const [ghost, setGhost] = useState<Ghost>();
  const [undo, setUndo] = useState<Undo>();
  const week = useAnswer("calendar.week", { monday: isoDate(monday), zone: zone(), trainer: trainer || null });
  const move = useAction("calendar.move");
  const mark = useAction("calendar.mark");
  const show = (day: Date) => go(to.calendar(isoDate(day)));
  const bookAt = (start: Date, length = USUAL) => setOver({ kind: "book", start, length, person: "" });
  useActions([
    { id: "book", label: t("calendar.book"), keys: "B", run: () => bookAt(nextHour(monday)) },
    { id: "week-before", label: t("calendar.before"), keys: "PageUp", run: () => show(plusDays(monday, -7)) },
    { id: "week-next", label: t("calendar.next"), keys: "PageDown", run: () => show(plusDays(monday, 7)) },
    { id: "week-this", label: t("calendar.this_week"), keys: "T", run: () => show(new Date()) },
  ]);
  const appointments = week.data?.appointments ?? [];
  const shown = over && over.kind !== "book" ? appointments.find((one) => one.id === over.id) : undefined;
  const close = () => {
    setOver(undefined);
    setGhost(undefined);
    if (open || book) go(to.calendar(isoDate(monday)));
  };
  const preview = (name: string) => (when: When) => {
    const slot = slotOf(when);
    setGhost(slot && { ...slot, name });
  };
  const moved = (before: Appointment) => (after: Appointment) => {
    close();
    if (mondayOf(new Date(after.start)).getTime() !== monday.getTime()) show(new Date(after.start));
    setUndo({ text: t("calendar.moved", { name: nameOf(after), when: brief(after.start) }), run: () => move.mutate({ id: before.id, start: before.start, end: before.end, zone: before.zone || zone() }) });
  };
  const moveTo = (appointment: Appointment, start: Date) => {
    const length = new Date(appointment.end).getTime() - new Date(appointment.start).getTime();
    if (start.toISOString() === new Date(appointment.start).toISOString()) return;
    move.mutate({ id: appointment.id, start: start.toISOString(), end: new Date(start.getTime() + length).toISOString(), zone: zone() }, { onSuccess: moved(appointment) });
  };
  const gone = useCallback(() => setUndo(undefined), []);
  const places = mostUsed(appointments.map((one) => one.place).filter(Boolean));
  const overlapping = overlapCount(appointments);
  return (
    <>
      <div className="head cal-head">
        <div className="grow">
          <h1>{weekTitle(monday)}</h1>
          <p className="sub">{[t("calendar.week_number", { n: weekNumber(monday) }), week.data && t("calendar.count", { n: appointments.length }), overlapping > 0 && t("calendar.n_overlap", { n: overlapping }), zoneText(monday)].filter(Boolean).join(" · ")}</p>
        </div>
        <button className="btn quiet square" aria-label={t("calendar.before")} title={t("calendar.before")} onClick={() => show(plusDays(monday, -7))}><ChevronLeft className="icon" /></button>
        <button className="btn quiet" onClick={() => show(new Date())}>{t("calendar.this_week")}</button>
        <button className="btn quiet square" aria-label={t("calendar.next")} title={t("calendar.next")} onClick={() => show(plusDays(monday, 7))}><ChevronRight className="icon" /></button>
        <span className="whose"><UsersRound className="icon" /><ChoiceField label={<span className="sr">{t("calendar.whose")}</span>} value={trainer} onChange={setTrainer} choices={[{ value: "", text: t("calendar.everybody") }, ...(week.data?.staff ?? []).map((one) => ({ value: one.id, text: one.you ? t("calendar.you", { name: one.name }) : one.name }))]} /></span>
        <button className="btn primary" onClick={() => bookAt(nextHour(monday))}><Plus className="icon" />{t("calendar.book")}<kbd>B</kbd></button>
      </div>
      {move.error && <div className="body-line"><Failure error={move.error} /></div>}
      <Answer query={week}>
        {(data) => (
          <>
            {data.appointments.length === 0 && <p className="cal-empty"><b>{t("calendar.empty")}</b> {t("calendar.empty_text")}</p>}
            <WeekGrid key={isoDate(monday)} monday={monday} appointments={data.appointments} ghost={ghost} onOpen={(one) => setOver({ kind: "open", id: one.id })} onMove={(one) => setOver({ kind: "move", id: one.id })} onBook={bookAt} onMoveTo={moveTo} />
          </>
        )}
      </Answer>
      {over?.kind === "book" && <BookDialog side={sideOf(over.start)} start={over.start} length={over.length} personId={over.person} trainerId={trainer || undefined} places={places} onWhen={preview(t("calendar.new"))} onClose={close} onBooked={(made) => { close(); show(new Date(made.start)); }} />}
      {over?.kind === "open" && shown && (
        <AppointmentDialog
          appointment={shown} side={sideOf(new Date(shown.start))} onClose={close} onMove={() => setOver({ kind: "move", id: shown.id })}
          onCancelled={() => { close(); setUndo({ text: t("calendar.cancelled", { name: nameOf(shown) }), run: () => mark.mutate({ id: shown.id, to: "planned" }) }); }}
        />
      )}
      {over?.kind === "move" && shown && <MoveDialog appointment={shown} side={sideOf(new Date(shown.start))} onWhen={preview(nameOf(shown))} onMoved={moved(shown)} onClose={close} />}
      {undo && <Toast text={undo.text} onUndo={undo.run} onGone={gone} />}
    </>
  );
}

/** What is open lies on the side of the week where it hides nothing that matters. */
const sideOf = (start: Date) => (start.getDay() === 0 || start.getDay() > 3 ? "beside at-start" : "beside");

/** The next full hour of today, or nine o’clock of the Monday of another week. */
function nextHour(monday: Date): Date {
  const now = new Date();
  const inWeek = mondayOf(now).getTime() === monday.getTime();
  if (!inWeek) return instantAt(monday, 9 * HOUR);
  const minutes = Math.ceil((minutesOf(now) + 1) / HOUR) * HOUR;
  return minutes >= 18 * HOUR ? instantAt(plusDays(now, 1), 9 * HOUR) : instantAt(now, Math.max(minutes, 8 * HOUR));
}

/** Each text once, those that stand there most often first. */
function mostUsed(texts: string[]): string[] {
  const counts = new Map<string, number>();
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
  return [...counts].sort(([a, n], [b, m]) => m - n || a.localeCompare(b)).map(([text]) => text);
}
