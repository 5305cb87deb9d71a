// A person: scores, what happened, and what can be done next.
import { CalendarDays, CalendarPlus, ClipboardList, OctagonAlert, Pause, Pencil, UserPlus, Table2 } from "lucide-react";
import { useState } from "react";
import type { LastScore, Profile as Known, TimelineEntry, TimelineKind } from "../../bindings/commands";
import { useActions } from "../../lib/keys";
import { t, word } from "../../lib/messages";
import { useAction, useAnswer } from "../../lib/queries";
import { go, to } from "../../lib/route";
import { groupBy } from "../../lib/group";
import { age, clock, day, fullDate, isoDate, isToday, shortDay } from "../../lib/time";
import { Avatar } from "../../parts/Avatar";
import { Dialog } from "../../parts/Dialog";
import { Segment } from "../../parts/Field";
import { ReviewMark } from "../../parts/ReviewMark";
import { Severity } from "../../parts/Severity";
import { Answer, Empty } from "../../parts/States";
import { StartQuestionnaire } from "../../parts/StartQuestionnaire";
import { Spark } from "../../parts/Spark";
import { CareTeam } from "./CareTeam";
import { Files } from "./Files";
import { PersonForm } from "./PersonForm";

type Show = "all" | "result" | "appointment";
type Over = "start" | "edit" | undefined;

export function Profile({ id }: { id: string }) {
  const profile = useAnswer("people.profile", { id });
  return <Answer query={profile}>{(data) => <Page profile={data} />}</Answer>;
}

function Page({ profile }: { profile: Known }) {
  const { person } = profile;
  const [over, setOver] = useState<Over>();
  const [show, setShow] = useState<Show>("all");
  useActions([
    { id: "start", label: t("profile.start", { name: person.name }), keys: "S", run: () => setOver("start") },
    { id: "book", label: t("profile.book_named", { name: person.name }), keys: "B", run: () => go(to.calendar("", "", person.id)) },
    { id: "edit-person", label: t("profile.edit"), keys: "E", run: () => setOver("edit") },
  ]);
  const shown = profile.timeline.filter((entry) => show === "all" || entry.kind === show || (show === "result" && entry.kind === "paused"));
  const facts = [person.born && t("person.born", { date: fullDate(person.born), age: age(person.born) }), person.gender, person.city, person.phone, person.email].filter(Boolean);
  return (
    <>
      <div className="head person-head">
        <Avatar name={person.name} large />
        <div className="grow">
          <div className="row wrap"><h1>{person.name}</h1>{profile.open_alerts.length > 0 && <a className="badge risk" href={to.alert(profile.open_alerts[0] ?? "")}><OctagonAlert className="icon" />{t("alert.is_open")}</a>}<ReviewMark person={person.id} /></div>
          <p className="sub">{[word("role", person.role), ...facts].join(" · ")}</p>
        </div>
        <div className="row"><button className="btn" onClick={() => setOver("edit")}><Pencil className="icon" />{t("profile.edit")}<kbd>E</kbd></button>
        <button className="btn primary" onClick={() => setOver("start")}><ClipboardList className="icon" />{t("today.start")}<kbd>S</kbd></button></div>
      </div>
      <div className="body scroll cols">
        <div className="stack">
          <Segment label={t("profile.show")} value={show} onChange={setShow} choices={[{ value: "all", text: t("profile.everything") }, { value: "result", text: t("profile.results") }, { value: "appointment", text: t("profile.visits") }]} />
          {shown.length === 0 ? <Empty title={t("profile.empty")}>{t("profile.empty_text")}</Empty> : <Timeline entries={shown} />}
        </div>
        <div className="stack">
          <Scores scores={profile.scores} person={person.id} />
          <CareTeam person={person} />
          <Files person={person} />
          <section className="card" aria-label={t("profile.more")}>
            <header><h3>{t("profile.more")}</h3></header>
            <a className="li pick" href={to.calendar("", "", person.id)}><CalendarPlus className="icon" /><span className="grow">{t("profile.book")}</span><kbd>B</kbd></a>
            <a className="li pick" href={to.records("users", person.id)}><Table2 className="icon" /><span className="grow">{t("profile.record")}</span></a>
          </section>
        </div>
      </div>
      {over === "start" && <StartQuestionnaire person={person} onClose={() => setOver(undefined)} />}
      {over === "edit" && <Edit profile={profile} onClose={() => setOver(undefined)} />}
    </>
  );
}

function Edit({ profile, onClose }: { profile: Known; onClose: () => void }) {
  const update = useAction("people.update");
  const { id, ...from } = profile.person;
  return (
    <Dialog title={t("profile.edit_title", { name: profile.person.name })} onClose={onClose} wide>
      <div className="pad">
        <PersonForm from={from} lookForSame={false} action={t("profile.save")} pending={update.isPending} error={update.error} onCancel={onClose} onSave={(person) => update.mutate({ id, person }, { onSuccess: onClose })} />
      </div>
    </Dialog>
  );
}

function Scores({ scores, person }: { scores: LastScore[]; person: string }) {
  return (
    <section className="card" aria-label={t("profile.scores")}>
      <header><h3>{t("profile.scores")}</h3></header>
      {scores.length === 0 && <p className="pad muted small">{t("profile.no_scores")}</p>}
      {scores.map((score) => (
        <a key={score.code} className="spark li pick" href={to.result(score.response_id)}>
          <b>{score.title}</b><Spark person={person} code={score.code} /><b className="num">{score.score ?? "–"}</b>
          {score.step !== null && score.band ? <Severity step={score.step} name={score.band} /> : <span className="muted small">{t("result.not_scorable")}</span>}
        </a>
      ))}
    </section>
  );
}

function Timeline({ entries }: { entries: TimelineEntry[] }) {
  const days = groupBy(entries, (entry) => new Date(entry.at).toDateString());
  return (
    <div className="line">
      {[...days.values()].map((list) => (
        <section key={list[0]?.at}>
          <h3>{heading(list[0]?.at ?? "")}</h3>
          {list.map((entry) => <Entry key={`${entry.kind}${entry.id}`} entry={entry} />)}
        </section>
      ))}
    </div>
  );
}

function heading(at: string): string {
  const year = new Date(at).getFullYear() === new Date().getFullYear() ? "" : ` ${new Date(at).getFullYear()}`;
  return `${isToday(at) ? `${t("time.Today")}, ` : ""}${day(at)}${year}`;
}

const ICONS: Record<TimelineKind, typeof Pause> = { result: ClipboardList, paused: Pause, alert: OctagonAlert, appointment: CalendarDays, registered: UserPlus };

function Entry({ entry }: { entry: TimelineEntry }) {
  const Icon = ICONS[entry.kind];
  const href = { result: to.result, paused: to.administer, alert: to.alert, appointment: (id: string) => to.calendar(isoDate(new Date(entry.at)), id), registered: (id: string) => to.records("users", id) }[entry.kind](entry.id);
  const title = entry.kind === "registered" ? t("profile.registered") : entry.title;
  const detail = entry.kind === "alert" || entry.kind === "appointment" ? word("state", entry.detail) : entry.detail;
  return (
    <div className="tl">
      <span className={entry.kind === "alert" ? "dot risk" : "dot"}><Icon className="icon" /></span>
      <div><a className="name" href={href}>{title}</a> <ReviewMark entity={entry.entity} id={entry.id} /> {entry.step !== null && <Severity step={entry.step} name={detail} />}{entry.step === null && detail && <p>{detail}</p>}</div>
      <time title={shortDay(entry.at)}>{clock(entry.at)}</time>
    </div>
  );
}
