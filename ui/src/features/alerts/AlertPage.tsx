// A person may be at risk: what was said, what to do now, and what was done. It cannot be waved away.
import { ArrowLeft, Check, Clock, OctagonAlert } from "lucide-react";
import { useEffect, useState, type FormEvent } from "react";
import type { Action, AlertInfo } from "../../bindings/commands";
import { t, word } from "../../lib/messages";
import { useAction, useAnswer } from "../../lib/queries";
import { go, to } from "../../lib/route";
import { fullDate, when } from "../../lib/time";
import { headline } from "../../lib/headline";
import { AreaField } from "../../parts/Field";
import { Answer, Failure } from "../../parts/States";

const ACTIONS: Action[] = ["assessed_no_immediate_risk", "safety_plan", "stayed_with_person", "called_crisis_line", "informed_supervisor", "referred", "emergency_services"];

export function AlertPage({ id, back }: { id: string; back: string }) {
  const alert = useAnswer("alerts.get", { id });
  return <Answer query={alert}>{(data) => <Page key={data.id} alert={data} back={back} />}</Answer>;
}

function Page({ alert, back }: { alert: AlertInfo; back: string }) {
  const [action, setAction] = useState<Action>();
  const [note, setNote] = useState("");
  const [tried, setTried] = useState(false);
  const act = useAction("alerts.act");
  const name = alert.person?.name ?? t("alert.unnamed");
  const first = alert.person?.name.split(" ")[0] ?? t("alert.unnamed");
  const leave = () => (back ? go(back) : alert.response_id && alert.status !== "open" ? go(to.alerts()) : go(to.today()));
  const record = () => {
    setTried(true);
    if (action && note.trim()) act.mutate({ id: alert.id, action, note }, { onSuccess: leave });
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    record();
  };
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.ctrlKey && event.key === "Enter") return record();
      if ((event.target as HTMLElement).closest("textarea, input[type=text]") || event.ctrlKey || event.altKey) return;
      const chosen = ACTIONS[Number(event.key) - 1];
      if (chosen) setAction(chosen);
    };
    window.addEventListener("keydown", press);
    return () => window.removeEventListener("keydown", press);
  });
  const facts = [alert.person?.born && t("person.born_on", { date: fullDate(alert.person.born) }), headline(alert), when(alert.at, t("time.today"))].filter(Boolean);
  return (
    <form className="risk-page" onSubmit={submit} noValidate>
      <header className={alert.status === "open" ? "band" : "band handled"} role="alert">
        {alert.status === "open" ? <OctagonAlert className="icon" /> : <Check className="icon" />}
        <div className="grow"><h1>{alert.status === "open" ? t("alert.title", { name }) : t("alert.title_handled", { name })}</h1><p>{facts.map((fact, at) => (at === 0 ? capital(String(fact)) : fact)).join(" · ")}</p></div>
        {alert.status === "open" && <span className="badge risk-soft"><Clock className="icon" />{t("alert.unsent")}</span>}
      </header>
      <div className="wrap">
        <div className="stack">
          <section className="said"><p className="small muted">{alert.item_text}</p><q>{saidOf(alert)}</q></section>
          <section className="stack-2">
            <h2>{t("alert.now")}</h2>
            <ol className="do">
              <li><span>{t("alert.do_1")} <b>{t("alert.do_1b", { first })}</b></span></li>
              <li><span>{t("alert.do_2")}</span></li>
              <li><span>{alert.safety_plan_id ? <a href={to.records("safety_plans", alert.safety_plan_id)}>{t("alert.do_3_plan")}</a> : t("alert.do_3")}</span></li>
              <li><span>{t("alert.do_4")}</span></li>
            </ol>
          </section>
          <section className="card tels" aria-label={t("alert.numbers")}>
            {alert.resources.map((one) => <div key={one.name + one.detail} className="tel"><span>{one.name}</span><b>{one.detail}</b></div>)}
            <div className="tel"><span>{t("alert.emergency")}</span><b>112</b></div>
          </section>
        </div>
        <div className="stack">
          {alert.actions.length > 0 && (
            <section className="card" aria-label={t("alert.done")}>
              <header><h3>{t("alert.done")}</h3></header>
              {alert.actions.map((done) => <div key={done.at} className="li"><span className="grow"><b>{word("did", done.action)}</b><span className="block">{done.note}</span><span className="small muted">{done.by} · {when(done.at, t("time.today"))}</span></span></div>)}
            </section>
          )}
          <fieldset className="stack-2">
            <legend><h2>{alert.actions.length > 0 ? t("alert.what_more") : t("alert.what")}</h2></legend>
            <p className="small muted">{t("alert.what_text")}</p>
            {ACTIONS.map((one, index) => (
              <label key={one} className={one === action ? "act on" : "act"}><input type="radio" name="action" value={one} checked={one === action} onChange={() => setAction(one)} /><span className="grow">{word("did", one)}</span><kbd>{index + 1}</kbd></label>
            ))}
            {tried && !action && <span className="err">{t("alert.action_missing")}</span>}
          </fieldset>
          <AreaField label={t("alert.note")} hint={t("alert.note_hint")} rows={5} value={note} onChange={setNote} error={tried && !note.trim() ? t("alert.note_missing") : undefined} />
          {act.error && <Failure error={act.error} />}
        </div>
      </div>
      <footer className="bar-foot">
        <span className="muted small grow">{t("alert.foot")}</span>
        {alert.response_id && alert.status !== "open" && <a className="btn" href={to.result(alert.response_id)}>{t("alert.result")}</a>}
        <button type="button" className="btn" onClick={leave}>{alert.status === "open" ? t("alert.leave") : <><ArrowLeft className="icon" />{t("new.back")}</>}</button>
        <button className="btn primary" aria-busy={act.isPending}>{t("alert.record")}<kbd>Ctrl ⏎</kbd></button>
      </footer>
    </form>
  );
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** The words of the answer, from “PHQ-9 item 9: “Several days””. */
function saidOf(alert: AlertInfo): string {
  return /[“"](.+)[”"]/.exec(alert.text)?.[1] ?? alert.text;
}
