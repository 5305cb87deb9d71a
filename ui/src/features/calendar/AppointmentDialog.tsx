// One appointment: what it is, what overlaps it, and what can be done with it.
import { Ban, Check, MapPin, Move, NotebookPen, RotateCcw, Table2, TriangleAlert, UserRound, UserX } from "lucide-react";
import { useState, type FormEvent } from "react";
import type { Appointment } from "../../bindings/commands";
import { t } from "../../lib/messages";
import { useAction, useAnswer } from "../../lib/queries";
import { to } from "../../lib/route";
import { Dialog } from "../../parts/Dialog";
import { AreaField } from "../../parts/Field";
import { ReviewNote } from "../../parts/ReviewMark";
import { Failure } from "../../parts/States";
import { zone } from "./week";
import { lengthOf, minutesBetween, nameOf, overlapText, timesOf } from "./wording";

interface Props {
  appointment: Appointment;
  side: string;
  onMove: () => void;
  onCancelled: () => void;
  onClose: () => void;
}

export function AppointmentDialog({ appointment, side, onMove, onCancelled, onClose }: Props) {
  const [cancelling, setCancelling] = useState(false);
  const [reason, setReason] = useState("");
  const mark = useAction("calendar.mark");
  const cancel = useAction("calendar.cancel");
  const cancelled = appointment.status === "cancelled";
  // A newer version of Gladstone knows more states; what it wrote is shown and left alone.
  const known = ["scheduled", "completed", "cancelled", "no_show"].includes(appointment.status);
  const history = useAnswer("records.history", { entity: "appointments", id: appointment.id }, cancelled);
  const why = history.data?.find((entry) => entry.command === "calendar.cancel")?.reason;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    cancel.mutate({ id: appointment.id, reason }, { onSuccess: onCancelled });
  };
  const title = cancelling ? t("calendar.cancel_title", { name: nameOf(appointment) }) : nameOf(appointment);
  return (
    <Dialog title={title} onClose={onClose} className={side}>
      <div className="pad stack">
        <div className="facts">
          <p><b>{timesOf(appointment.start, appointment.end)}</b> <span className="muted">{lengthOf(minutesBetween(appointment.start, appointment.end))}</span></p>
          {appointment.person && <p>{appointment.title}</p>}
          {appointment.place && <p className="row"><MapPin className="icon" />{appointment.place}</p>}
          {appointment.trainer && <p className="row"><UserRound className="icon" />{t("calendar.of", { name: appointment.trainer })}</p>}
          {appointment.note && <p className="row top"><NotebookPen className="icon" /><span className="prose">{appointment.note}</span></p>}
          {appointment.zone && appointment.zone !== zone() && <p className="small muted">{t("calendar.booked_in", { zone: appointment.zone })}</p>}
          {appointment.status === "completed" && <p><span className="badge saved"><Check className="icon" />{t("today.attended")}</span></p>}
          {appointment.status === "no_show" && <p><span className="badge">{t("state.no_show")}</span></p>}
          {!known && <p className="banner note small">{t("calendar.needs_newer", { status: appointment.status })}</p>}
          {cancelled && <p className="row"><span className="badge"><Ban className="icon" />{t("today.cancelled")}</span>{why && <span className="small">“{why}”</span>}</p>}
        </div>
        <ReviewNote entity="appointments" id={appointment.id} onOpen={onClose} />
        {appointment.overlaps.length > 0 && (
          <div className="banner attention small"><TriangleAlert className="icon" /><div className="grow">{appointment.overlaps.map((overlap) => <p key={overlap.id}>{overlapText(overlap)}</p>)}<p>{t("calendar.both_kept")}</p></div></div>
        )}
        {cancelling ? (
          <form className="stack" onSubmit={submit} noValidate>
            <AreaField label={t("amend.reason")} hint={t("calendar.reason_hint")} autoFocus rows={2} value={reason} onChange={setReason} error={cancel.error?.field === "reason" ? cancel.error.message : undefined} />
            {cancel.error && cancel.error.field !== "reason" && <Failure error={cancel.error} />}
            <div className="row"><button type="button" className="btn" onClick={() => setCancelling(false)}>{t("new.back")}</button><button className="btn primary end" aria-busy={cancel.isPending}>{t("calendar.cancel_do")}</button></div>
          </form>
        ) : (
          <>
            {mark.error && <Failure error={mark.error} />}
            <div className="row wrap">
              {known && !cancelled && <button className="btn primary" onClick={onMove}><Move className="icon" />{t("calendar.move")}<kbd>M</kbd></button>}
              {appointment.status === "scheduled" && <button className="btn" aria-busy={mark.isPending} onClick={() => mark.mutate({ id: appointment.id, to: "attended" })}><Check className="icon" />{t("calendar.attended")}</button>}
              {appointment.status === "scheduled" && <button className="btn" aria-busy={mark.isPending} onClick={() => mark.mutate({ id: appointment.id, to: "missed" })}><UserX className="icon" />{t("state.no_show")}</button>}
              {known && appointment.status !== "scheduled" && <button className="btn" aria-busy={mark.isPending} onClick={() => mark.mutate({ id: appointment.id, to: "planned" })}><RotateCcw className="icon" />{t("calendar.plan_again")}</button>}
              {known && !cancelled && <button className="btn" onClick={() => setCancelling(true)}><Ban className="icon" />{t("calendar.cancel")}</button>}
            </div>
            <div className="row wrap links">
              {appointment.person_id && <a className="row small" href={to.person(appointment.person_id)} onClick={onClose}><UserRound className="icon" />{t("calendar.open_person", { name: appointment.person })}</a>}
              <a className="row small" href={to.records("appointments", appointment.id)} onClick={onClose}><Table2 className="icon" />{t("profile.record")}</a>
            </div>
          </>
        )}
      </div>
    </Dialog>
  );
}
