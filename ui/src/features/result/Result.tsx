// The result of a questionnaire: score, what it means, trend, and how each item counted.
import { CheckCircle2, History, OctagonAlert, Table2 } from "lucide-react";
import { useState } from "react";
import type { ChangeView, ResultView, ScaleView, Trend } from "../../bindings/commands";
import { useActions } from "../../lib/keys";
import { t, word } from "../../lib/messages";
import { useAnswer } from "../../lib/queries";
import { to } from "../../lib/route";
import { fullDate, shortDay, when } from "../../lib/time";
import { Segment } from "../../parts/Field";
import { ReviewNote } from "../../parts/ReviewMark";
import { Severity } from "../../parts/Severity";
import { Answer } from "../../parts/States";
import { headline } from "../../lib/headline";
import { Amend } from "./Amend";
import { Answers } from "./Answers";
import { TrendChart } from "./TrendChart";
import { TrendTable } from "./TrendTable";

export function Result({ id }: { id: string }) {
  const result = useAnswer("responses.result", { id });
  return <Answer query={result}>{(data) => <Page result={data} />}</Answer>;
}

function Page({ result }: { result: ResultView }) {
  const [amending, setAmending] = useState(false);
  const { person, form } = result;
  useActions([{ id: "amend", label: t("result.amend"), keys: "A", run: () => setAmending(true) }]);
  const scale = result.scales[0];
  const context = [person?.name, person?.born && t("person.born_on", { date: fullDate(person.born) }), t("result.version", { title: form.info.short_title, version: form.info.version }), scale && t("result.rule", { rule: scale.scoring_version })].filter(Boolean);
  return (
    <>
      <div className="head">
        <div className="grow"><p className="sub">{person && <a href={to.person(person.id)}>{context[0]}</a>} · {context.slice(1).join(" · ")}</p><h1>{form.info.short_title}, {when(result.completed_at, t("time.today"))}</h1></div>
        <button className="btn quiet" onClick={() => setAmending(true)}><History className="icon" />{t("result.amend")}<kbd>A</kbd></button>
        <a className="btn" href={to.records("responses", result.id)}><Table2 className="icon" />{t("result.record")}</a>
        {person && <a className="btn primary" href={to.person(person.id)}>{t("result.done")}</a>}
      </div>
      <div className="body scroll result">
        {result.alerts.map((alert) => (
          <section key={alert.id} className={alert.status === "open" ? "banner risk" : "banner"}>
            <OctagonAlert className="icon icon-lg" />
            <div className="grow"><b>{headline(alert)}.</b> {alert.item_text}<p className="small muted">{alert.status === "open" ? t("result.alert_open", { time: when(alert.at, t("time.today")) }) : `${word("did", alert.actions[0]?.action ?? "")} · ${alert.actions[0]?.by ?? ""}`}</p></div>
            <a className={alert.status === "open" ? "btn risk" : "btn"} href={to.alert(alert.id, to.result(result.id))}>{t("alert.open")}</a>
          </section>
        ))}
        <ReviewNote entity="responses" id={result.id} />
        <div className="left">
          {scale ? result.scales.map((one) => <Score key={one.code} scale={one} result={result} />) : <section className="card top"><p>{t("result.no_scale")}</p></section>}
          {result.trend && result.trend.points.length > 0 && <TrendCard trend={result.trend} current={result.id} />}
        </div>
        <Answers result={result} />
      </div>
      {amending && <Amend result={result} onClose={() => setAmending(false)} />}
    </>
  );
}

function Score({ scale, result }: { scale: ScaleView; result: ResultView }) {
  const trend = result.trend;
  return (
    <section className="card top" aria-label={scale.label}>
      <div className="points">
        <p className="score num">{scale.score ?? "–"} <small>{t("result.of", { max: scale.max })}</small></p>
        {scale.band ? <Severity large step={scale.band.step} name={scale.band.name} /> : <span className="badge attention">{t("result.not_scorable")}</span>}
      </div>
      <div className="stack-1">
        <p className="say">{trend ? sentence(trend, scale) : null}</p>
        <p className="row wrap">
          <span className={scale.completeness === "complete" ? "badge saved" : "badge attention"}><CheckCircle2 className="icon" />{completeness(scale)}</span>
          <span className="small muted">{[word("mode_did", result.mode), result.seconds !== null && duration(result.seconds)].filter(Boolean).join(" · ")}</span>
        </p>
        {scale.completeness !== "complete" && <p className="small muted">{t("result.missing_rule", { n: scale.allowed_missing, source: scale.missing_source })}</p>}
      </div>
    </section>
  );
}

export function completeness(scale: ScaleView): string {
  return t(`result.${scale.completeness}` as "result.complete", { answered: scale.answered, items: scale.items });
}

function duration(seconds: number): string {
  return seconds < 90 ? t("result.seconds", { n: seconds }) : t("result.minutes", { n: Math.round(seconds / 60) });
}

/** One plain sentence about change, or that there is nothing yet to compare with. */
function sentence(trend: Trend, scale: ScaleView): string {
  if (scale.score === null) return t("result.cannot");
  const parts = [change(trend.since_start, "start", trend), trend.points.length > 2 ? change(trend.since_last, "last", trend) : ""].filter(Boolean);
  return parts.join(" ") || t("result.first");
}

function change(view: ChangeView | null, since: "start" | "last", trend: Trend): string {
  if (!view) return "";
  const size = Math.abs(view.difference);
  const what = view.difference === 0 ? t(`change.${since}_same`, { from: view.from, day: shortDay(view.from_at) }) : t(`change.${since}_${view.difference < 0 ? "lower" : "higher"}` as "change.start_lower", { n: size, from: view.from, day: shortDay(view.from_at) });
  const meaning = view.meaning === "unknown" ? "" : t(`change.${view.meaning}` as "change.too_little", { n: trend.reliable_change ?? 0 });
  return `${what}${meaning}.`;
}

function TrendCard({ trend, current }: { trend: Trend; current: string }) {
  const [show, setShow] = useState<"chart" | "table">("chart");
  const first = trend.points[0];
  return (
    <section className="card trend" aria-label={t("trend.title")}>
      <header><h3>{t("trend.title")}</h3><span className="muted small">{t("trend.times", { n: trend.points.length, day: first ? shortDay(first.at) : "" })}</span>
        <span className="end"><Segment label={t("trend.title")} value={show} onChange={setShow} choices={[{ value: "chart", text: t("trend.chart") }, { value: "table", text: t("trend.table") }]} /></span></header>
      {show === "chart" ? <TrendChart trend={trend} current={current} /> : <TrendTable trend={trend} />}
    </section>
  );
}
