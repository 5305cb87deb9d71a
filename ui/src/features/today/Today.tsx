// What today asks for: agenda, alerts, what is paused, due and done.
import { ClipboardList, MapPin, OctagonAlert, Play, Check, UserPlus } from "lucide-react";
import type { AgendaEntry, Due, Today as Asked } from "../../bindings/commands";
import { t } from "../../lib/messages";
import { useAction, useAnswer } from "../../lib/queries";
import { go, to } from "../../lib/route";
import { clock, day, shortDay, isToday, when } from "../../lib/time";
import { headline } from "../../lib/headline";
import { ReviewMark } from "../../parts/ReviewMark";
import { Severity } from "../../parts/Severity";
import { Answer, Empty } from "../../parts/States";

export function Today({ start }: { start: () => void }) {
  const today = useAnswer("today.get", {});
  return (
    <>
      <div className="head">
        <div className="grow">
          <h1>{day(new Date().toISOString())}</h1>
          {today.data && <p className="sub">{t("today.sub", { n: today.data.agenda.length, m: today.data.due.length, p: today.data.people })}</p>}
        </div>
        <a className="btn" href={to.register()}><UserPlus className="icon" />{t("today.register")}</a>
        <button className="btn primary" onClick={start}><ClipboardList className="icon" />{t("today.start")}<kbd>S</kbd></button>
      </div>
      <Answer query={today}>{(data) => <div className="body scroll cols"><Main data={data} /><Side data={data} /></div>}</Answer>
    </>
  );
}

function Main({ data }: { data: Asked }) {
  const now = new Date().toISOString();
  const next = data.agenda.findIndex((entry) => entry.end > now && entry.status !== "cancelled");
  const first = data.agenda[0];
  const last = data.agenda[data.agenda.length - 1];
  return (
    <div className="stack">
      <section className="card" aria-label={t("today.agenda")}>
        <header><h3>{t("today.agenda")}</h3>{first && last && <span className="muted small num">{clock(first.start)}–{clock(last.end)}</span>}<a className="end small" href={to.calendar()}>{t("today.all_appointments")}</a></header>
        {data.agenda.length === 0 && <p className="pad muted">{t("today.no_agenda")}</p>}
        {data.agenda.map((entry, at) => (
          <div key={entry.id}>
            {at === next && <div className="now"><span>{clock(now)}</span></div>}
            <Visit entry={entry} past={entry.end <= now} next={at === next} />
          </div>
        ))}
        {data.agenda.length > 0 && next < 0 && <div className="now last"><span>{clock(now)}</span></div>}
      </section>
      {data.finished.length > 0 && (
        <section className="card" aria-label={t("today.finished")}>
          <header><h3>{t("today.finished")}</h3><span className="muted small">{data.finished.length}</span></header>
          {data.finished.map((done) => (
            <a key={done.response_id} className="li pick" href={to.result(done.response_id)}>
              <span className="grow"><b>{done.person}</b> · {done.title} {done.score ?? ""}</span>
              {done.step !== null && done.band && <Severity step={done.step} name={done.band} />}
              <time className="muted small">{clock(done.at)}</time>
            </a>
          ))}
        </section>
      )}
    </div>
  );
}

function Visit({ entry, past, next }: { entry: AgendaEntry; past: boolean; next: boolean }) {
  return (
    <div className={`ag${past ? " past" : ""}${next ? " next" : ""}`}>
      <time>{clock(entry.start)}–{clock(entry.end)}</time>
      <div className="grow">
        {entry.person_id ? <a className="name" href={to.person(entry.person_id)}>{entry.person}</a> : <b>{entry.title}</b>}
        <div className="small muted">{[entry.person_id ? entry.title : "", entry.location].filter(Boolean).join(" · ")}</div>
      </div>
      <div className="row"><ReviewMark entity="appointments" id={entry.id} />
      {entry.status === "completed" ? <span className="badge saved"><Check className="icon" />{t("today.attended")}</span>
        : entry.status === "no_show" ? <span className="badge">{t("state.no_show")}</span>
        : entry.status === "cancelled" ? <span className="badge">{t("today.cancelled")}</span>
        : next && entry.person_id ? <a className="btn sm" href={to.person(entry.person_id)}>{t("today.open")}</a>
        : entry.location && <span className="badge plain"><MapPin className="icon" />{entry.location}</span>}</div>
    </div>
  );
}

function Side({ data }: { data: Asked }) {
  return (
    <div className="stack">
      {data.alerts.map((alert) => (
        <section key={alert.id} className="banner risk" aria-label={t("alert.one")}>
          <OctagonAlert className="icon icon-lg" />
          <div className="grow">
            <b>{alert.person?.name ?? t("alert.unnamed")}</b>
            <p className="small gap-after">{headline(alert)}, {when(alert.at, t("time.today"))}. {t("alert.unsent")}.</p>
            <a className="btn risk sm" href={to.alert(alert.id)}>{t("alert.open")}</a>
          </div>
        </section>
      ))}
      {data.paused.length > 0 && (
        <section className="card" aria-label={t("today.paused")}>
          <header><h3>{t("today.paused")}</h3></header>
          {data.paused.map((paused) => (
            <div key={paused.response_id} className="li">
              <div className="grow"><b>{paused.person}</b> · {paused.title}
                <div className="small muted">{t("today.question", { n: paused.item, of: paused.items })} · {t("today.paused_at", { time: when(paused.at, t("time.today")), version: paused.version })}</div></div>
              <a className="btn sm" href={to.administer(paused.response_id)}><Play className="icon" />{t("today.resume")}</a>
            </div>
          ))}
        </section>
      )}
      <section className="card" aria-label={t("today.due")}>
        <header><h3>{t("today.due")}</h3><span className="muted small">{data.due.length}</span></header>
        {data.due.length === 0 && <p className="pad muted small">{t("today.nothing_due")}</p>}
        {data.due.map((due) => <DueRow key={due.assignment_id} due={due} />)}
      </section>
      {data.people <= 1 && <Empty title={t("today.first")} action={<a className="btn primary" href={to.register()}>{t("today.register")}</a>}>{t("today.first_text")}</Empty>}
    </div>
  );
}

function DueRow({ due }: { due: Due }) {
  const begin = useAction("responses.start");
  const person = due.person_id;
  const start = () => person && begin.mutate({ person_id: person, questionnaire_id: due.questionnaire_id, mode: "interviewer" }, { onSuccess: (made) => go(to.administer(made.id)) });
  return (
    <div className="li">
      <div className="grow">{person ? <a className="name" href={to.person(person)}>{due.person}</a> : <b>{due.title}</b>}<div className="small muted">{due.title}</div></div>
      {due.days_over > 0 ? <span className="badge attention">{t("today.days_over", { n: due.days_over })}</span>
        : due.at && <span className="badge">{isToday(due.at) ? t("today.is_today") : t("today.by", { day: shortDay(due.at) })}</span>}
      {person && <button className="btn sm square" aria-label={t("today.start_due", { title: due.title, person: due.person })} title={t("today.start")} onClick={start}><Play className="icon" /></button>}
    </div>
  );
}
