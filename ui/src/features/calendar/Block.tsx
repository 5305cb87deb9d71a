// One appointment in the week: its edge says the kind, an overlap has a sign and the time, a case to decide its scales.
import { Ban, Check, Scale, TriangleAlert } from "lucide-react";
import type { CSSProperties, KeyboardEvent, PointerEvent } from "react";
import { t } from "../../lib/messages";
import { clock } from "../../lib/time";
import { useCases } from "../../parts/ReviewMark";
import { HOUR, type Piece } from "./week";
import { nameOf, timesOf } from "./wording";

/** Where something lies between the first and the last hour that is shown, in percent. */
export function placed(start: number, end: number, hours: { from: number; to: number }, lane = 0, lanes = 1): CSSProperties {
  const [first, whole] = [hours.from * HOUR, (hours.to - hours.from) * HOUR];
  const [top, bottom] = [Math.max(0, start - first), Math.min(whole, end - first)];
  return { top: `${(top / whole) * 100}%`, height: `${(Math.max(bottom - top, 20) / whole) * 100}%`, insetInlineStart: `calc(${(lane / lanes) * 100}% + 3px)`, width: `calc(${100 / lanes}% - 6px)` };
}

interface Props {
  piece: Piece;
  hours: { from: number; to: number };
  tabIndex: number;
  dragged: boolean;
  onOpen: () => void;
  onFocus: () => void;
  onKeyDown: (event: KeyboardEvent) => void;
  onGrab: (event: PointerEvent) => void;
}

export function Block({ piece, hours, tabIndex, dragged, onOpen, onFocus, onKeyDown, onGrab }: Props) {
  const { appointment, start, end } = piece;
  const clash = appointment.overlaps.length > 0;
  const cancelled = appointment.status === "cancelled";
  const review = useCases({ entity: "appointments", id: appointment.id }).length > 0;
  const more = [appointment.person ? appointment.title : "", appointment.place].filter(Boolean).join(" · ");
  const said = [nameOf(appointment), timesOf(appointment.start, appointment.end), more, cancelled ? t("today.cancelled") : appointment.status === "completed" ? t("today.attended") : appointment.status === "no_show" ? t("state.no_show") : "", clash ? t("calendar.n_overlaps", { n: appointment.overlaps.length }) : "", review ? t("nav.review") : ""].filter(Boolean).join(", ");
  return (
    <button
      type="button" id={`a-${appointment.id}`} className={`ev ${appointment.kind}${clash ? " clash" : ""}${review ? " review-due" : ""}${cancelled ? " off" : ""}${dragged ? " dragged" : ""}${end - start <= 30 ? " short" : end - start >= 55 ? " tall" : ""}`} style={placed(start, end, hours, piece.lane, piece.lanes)}
      aria-label={said} title={said} tabIndex={tabIndex} data-stop={`${appointment.id}`} onClick={onOpen} onFocus={onFocus} onKeyDown={onKeyDown} onPointerDown={onGrab}
    >
      <b>{review && <Scale className="icon" />}{clash ? <TriangleAlert className="icon" /> : cancelled ? <Ban className="icon" /> : appointment.status === "completed" && <Check className="icon" />}{clash && <span className="flag num">{clock(appointment.start)}</span>}<span className="who-for">{nameOf(appointment)}</span></b>
      {review && <span className="more review-words">{t("nav.review")}</span>}
      {more && <span className="more">{more}</span>}
    </button>
  );
}
