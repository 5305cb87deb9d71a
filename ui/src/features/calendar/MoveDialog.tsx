// Moves an appointment: the full way without a mouse.
import { useState, type FormEvent } from "react";
import type { Appointment } from "../../bindings/commands";
import { t } from "../../lib/messages";
import { useAction } from "../../lib/queries";
import { brief } from "../../lib/time";
import { Dialog } from "../../parts/Dialog";
import { Failure } from "../../parts/States";
import { WhenFields, slotOf, whenOf, type When } from "./WhenFields";
import { zone } from "./week";
import { minutesBetween, nameOf, timesOf } from "./wording";

export function MoveDialog({ appointment, side, onWhen, onMoved, onClose }: { appointment: Appointment; side: string; onWhen: (when: When) => void; onMoved: (moved: Appointment) => void; onClose: () => void }) {
  const [when, setWhen] = useState<When>(() => whenOf(new Date(appointment.start), minutesBetween(appointment.start, appointment.end)));
  const [tried, setTried] = useState(false);
  const move = useAction("calendar.move");
  const slot = slotOf(when);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    if (slot) move.mutate({ id: appointment.id, ...slot, zone: zone() }, { onSuccess: onMoved });
  };
  return (
    <Dialog title={t("calendar.move_title", { name: nameOf(appointment) })} onClose={onClose} className={side}>
      <form className="pad stack" onSubmit={submit} noValidate>
        <p className="small muted">{[appointment.person ? appointment.title : "", timesOf(appointment.start, appointment.end)].filter(Boolean).join(", ")}</p>
        <WhenFields first when={when} onChange={(next) => { setWhen(next); onWhen(next); }} tried={tried} wholeDays={appointment.kind === "away"} needs={{ person_id: appointment.person_id, trainer_id: appointment.trainer_id, place: appointment.place, except: appointment.id }} />
        {move.error && <Failure error={move.error} />}
        <div className="row"><button type="button" className="btn" onClick={onClose}>{t("dialog.cancel")}</button><button className="btn primary end" aria-busy={move.isPending}>{slot ? t("calendar.move_to", { when: brief(slot.start) }) : t("calendar.move")}<kbd>⏎</kbd></button></div>
      </form>
    </Dialog>
  );
}
