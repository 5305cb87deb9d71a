// Books an appointment: what kind of time, whom for, when and where.
import { useState, type FormEvent } from "react";
import type { Appointment, Kind, Person } from "../../bindings/commands";
import { t } from "../../lib/messages";
import { fresh, useAction, useAnswer } from "../../lib/queries";
import { go, to } from "../../lib/route";
import { brief, fullDate } from "../../lib/time";
import { Combo } from "../../parts/Combo";
import { Dialog } from "../../parts/Dialog";
import { AreaField, Segment, TextField } from "../../parts/Field";
import { Failure, Problem } from "../../parts/States";
import { WhenFields, slotOf, whenOf, type When } from "./WhenFields";
import { zone } from "./week";

const KINDS: Kind[] = ["person", "group", "own", "away"];

interface Props {
  start: Date;
  length: number;
  personId: string;
  trainerId: string | undefined;
  /** On which side of the week the form lies. */
  side: string;
  /** Places that were used before, to choose from. */
  places: string[];
  onWhen: (when: When) => void;
  onBooked: (made: Appointment) => void;
  onClose: () => void;
}

export function BookDialog({ start, length, personId, trainerId, side, places, onWhen, onBooked, onClose }: Props) {
  const [kind, setKind] = useState<Kind>("person");
  const [typed, setTyped] = useState("");
  const [picked, setPicked] = useState<Person>();
  const [title, setTitle] = useState("");
  const [place, setPlace] = useState("");
  const [note, setNote] = useState("");
  const [when, setWhen] = useState<When>(() => whenOf(start, length));
  const [tried, setTried] = useState(false);
  const known = useAnswer("people.profile", { id: personId }, personId !== "");
  const people = useAnswer("people.find", { text: typed, limit: 8 });
  const book = useAction("calendar.book");
  const person = picked ?? known.data?.person;
  const withPerson = kind === "person";
  const slot = slotOf(when);
  const change = (next: When) => {
    setWhen(next);
    onWhen(next);
  };
  const missing = { person: withPerson && !person ? t("calendar.person_missing") : undefined, title: !withPerson && kind !== "away" && title.trim() === "" ? t("calendar.title_missing") : undefined };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    if (!slot || missing.person || missing.title) return;
    const named = title.trim() || (kind === "away" ? t("calendar.kind.away") : t("calendar.appointment"));
    book.mutate({ kind, person_id: withPerson ? person?.id ?? null : null, title: named, ...slot, zone: zone(), trainer_id: trainerId ?? null, place, note }, { onSuccess: onBooked });
  };
  const field = book.error?.field;
  return (
    <Dialog title={t("calendar.book_title")} onClose={onClose} className={side}>
      <form className="pad stack" onSubmit={submit} noValidate>
        <Segment<Kind> label={t("calendar.kind")} value={kind} onChange={setKind} choices={KINDS.map((one) => ({ value: one, text: t(`calendar.kind.${one}`) }))} />
        {withPerson && (
          <Combo
            label={t("calendar.person")} chosen={person?.name ?? ""} options={fresh(people)?.people ?? []} name={(one) => one.name} autoFocus nothing={t("people.none_found_text")} error={tried || field === "person_id" ? missing.person : undefined}
            draw={(one) => <><span className="grow">{one.name}</span><span className="muted small">{one.born ? fullDate(one.born) : ""}</span></>} onType={setTyped} onChoose={setPicked}
            after={(text) => <a className="li small" href={to.register(text)} onPointerDown={(event) => { event.preventDefault(); onClose(); go(to.register(text)); }}>{text ? t("people.register_named", { text }) : t("people.register")}</a>}
          />
        )}
        <WhenFields when={when} onChange={change} tried={tried} wholeDays={kind === "away"} needs={{ person_id: withPerson ? person?.id ?? null : null, trainer_id: trainerId ?? null, place, except: null }} />
        {field && ["start", "end", "zone"].includes(field) && <Problem>{book.error?.message}</Problem>}
        <div className="duo">
          <TextField label={withPerson ? <>{t("calendar.what")} <span className="muted">{t("widget.optional")}</span></> : t("calendar.what")} autoComplete="off" maxLength={200} value={title} onChange={setTitle} error={(tried ? missing.title : undefined) ?? (field === "title" ? book.error?.message : undefined)} />
          <TextField label={<>{t("calendar.place")} <span className="muted">{t("widget.optional")}</span></>} autoComplete="off" maxLength={200} value={place} onChange={setPlace} error={field === "place" ? book.error?.message : undefined} />
        </div>
        {place === "" && places.length > 0 && <div className="chips" role="group" aria-label={t("calendar.places")}>{places.slice(0, 4).map((one) => <button key={one} type="button" className="chip" onClick={() => setPlace(one)}>{one}</button>)}</div>}
        <AreaField label={<>{t("calendar.note")} <span className="muted">{t("widget.optional")}</span></>} rows={2} value={note} onChange={setNote} />
        {book.error && !(field && ["start", "end", "zone", "title", "place", "person_id"].includes(field)) && <Failure error={book.error} />}
        <div className="row"><button type="button" className="btn" onClick={onClose}>{t("dialog.cancel")}</button><button className="btn primary end" aria-busy={book.isPending}>{slot ? t("calendar.book_for", { when: brief(slot.start) }) : t("calendar.book")}<kbd>⏎</kbd></button></div>
      </form>
    </Dialog>
  );
}
