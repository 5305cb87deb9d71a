// How each item counted, beside the answers of the time before.
import type { ResultView } from "../../bindings/commands";
import { t } from "../../lib/messages";
import { shortDay } from "../../lib/time";

export function Answers({ result }: { result: ResultView }) {
  const scale = result.scales[0];
  const items = result.form.items;
  const traced = new Map(scale?.trace.map((one) => [one.item, one]));
  const flagged = new Set(result.alerts.map((alert) => alert.question_id));
  const before = new Map(result.previous?.answers.map((answer) => [answer.question_id, answer]));
  const given = new Map(result.answers.map((answer) => [answer.question_id, answer]));
  const words = (question: string, value: unknown) => items.find((item) => item.question_id === question)?.options.find((option) => option.value === String(value))?.text ?? show(value);
  const counted = items.filter((item) => item.scored && traced.has(item.code));
  const others = items.filter((item) => !counted.includes(item));
  const most = Math.max(3, ...counted.flatMap((item) => item.options.map((option) => Number(option.value)).filter((n) => n <= 5)));
  return (
    <section className="card trace" aria-label={t("result.answers")}>
      <header><h3>{t("result.answers")}</h3>{scale && scale.score !== null && <span className="muted small">{scale.completeness === "complete" ? t("result.adds_up", { score: scale.score }) : t("result.pro_rated_sum")}</span>}</header>
      {counted.length > 0 && (
        <table>
          <thead><tr><th>{t("result.item")}</th>{result.previous && <th className="n">{shortDay(result.previous.at)}</th>}<th className="n">{t("result.now")}</th></tr></thead>
          <tbody>
            {counted.map((item, at) => {
              const trace = traced.get(item.code);
              const old = before.get(item.question_id);
              return (
                <tr key={item.question_id} className={flagged.has(item.question_id) ? "flag" : undefined}>
                  <td>{at + 1} {item.text}</td>
                  {result.previous && <td className="n muted">{old ? (old.status === "declined" ? "–" : show(old.value)) : ""}</td>}
                  <td className="n" title={words(item.question_id, given.get(item.question_id)?.value)}>
                    {trace?.points !== null && trace !== undefined ? <><span className="pips" aria-hidden="true">{Array.from({ length: most }, (_, pip) => <i key={pip} className={pip < (trace.points ?? 0) ? "f" : ""} />)}</span>{trace.points}</> : <span className="badge">{trace?.status === "declined" ? t("administer.declined") : t("result.missing")}</span>}
                  </td>
                </tr>
              );
            })}
            {scale && <tr className="total"><td><b>{t("result.total")}</b></td>{result.previous && <td className="n muted">{result.previous.score ?? "–"}</td>}<td className="n"><b>{scale.score ?? "–"}</b></td></tr>}
          </tbody>
        </table>
      )}
      {others.map((item) => {
        const answer = given.get(item.question_id);
        return <div key={item.question_id} className="other"><b>{item.text}</b> {answer ? (answer.status === "declined" ? t("administer.declined") : words(item.question_id, answer.value)) : t("result.missing")}{counted.length > 0 && <p className="small muted">{t("result.not_part")}</p>}</div>;
      })}
    </section>
  );
}

function show(value: unknown): string {
  if (value === null || value === undefined) return "–";
  if (Array.isArray(value)) return value.join(", ");
  return typeof value === "boolean" ? (value ? t("widget.yes") : t("widget.no")) : String(value);
}
