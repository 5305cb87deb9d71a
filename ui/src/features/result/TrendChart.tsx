// Scores over time on named bands, with the cut-off and the change since the start. Time runs left
// to right in every language.
import type { Trend } from "../../bindings/commands";
import { t } from "../../lib/messages";
import { isToday, moment, shortDay } from "../../lib/time";

const WIDTH = 640;
const HEIGHT = 430;
const LEFT = 40;
const RIGHT = 140;
const TOP = 16;
const BOTTOM = 36;

export function TrendChart({ trend, current }: { trend: Trend; current: string }) {
  const points = trend.points.slice(-12);
  const hidden = trend.points.length - points.length;
  const y = (score: number) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - score / trend.max);
  const span = WIDTH - LEFT - RIGHT;
  const x = (at: number) => LEFT + (points.length === 1 ? span / 2 : 36 + (at * (span - 92)) / (points.length - 1));
  const last = points[points.length - 1];
  const change = trend.since_start;
  const shows = change && points.length > 1 && hidden === 0 && change.difference !== 0;
  const bracket = WIDTH - RIGHT - 20;
  const label = `${t("trend.title")}: ${points.map((point) => `${moment(point.at)} ${point.score} ${point.band}`).join("; ")}`;
  return (
    <svg className="chart" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={label}>
      {trend.bands.map((band, at) => {
        const top = y(at === trend.bands.length - 1 ? trend.max : (trend.bands[at + 1]?.from ?? trend.max));
        const bottom = y(at === 0 ? 0 : band.from);
        const here = last?.band === band.name;
        const middle = (top + bottom) / 2;
        return (
          <g key={band.name}>
            <rect x={LEFT} y={top} width={span} height={bottom - top} style={{ fill: `var(--plot-${band.step})` }} />
            <rect x={WIDTH - RIGHT} y={top + 0.5} width="8" height={bottom - top - 1} style={{ fill: `var(--sev-${band.step})`, stroke: "var(--line-strong)", strokeWidth: 0.6 }} />
            <text x={WIDTH - RIGHT + 16} y={middle - 2} className={here ? "strong" : ""}>{band.name}</text>
            <text x={WIDTH - RIGHT + 16} y={middle + 14}>{band.from}–{band.to}</text>
            <text x={LEFT - 8} y={bottom + 4} textAnchor="end">{at === 0 ? 0 : band.from}</text>
          </g>
        );
      })}
      <text x={LEFT - 8} y={TOP + 5} textAnchor="end">{trend.max}</text>
      {trend.cut_offs.slice(0, 1).map((cut) => (
        <g key={cut.at}>
          <line x1={LEFT} x2={LEFT + span} y1={y(cut.at)} y2={y(cut.at)} className="cut" />
          <text x={LEFT + 8} y={y(cut.at) + 15} className="strong">{t("trend.cut_off", { at: cut.at })}</text>
        </g>
      ))}
      <polyline points={points.map((point, at) => `${x(at)},${y(point.score)}`).join(" ")} className="curve" />
      {points.map((point, at) => {
        const now = point.response_id === current;
        const above = at > 0 && (points[at - 1]?.score ?? 0) < point.score;
        const day = isToday(point.at) ? t("time.Today") : shortDay(point.at);
        return (
          <g key={point.response_id}>
            <circle cx={x(at)} cy={y(point.score)} r={now ? 8 : 5} className={now ? "point now" : "point"} />
            <text x={x(at)} y={y(point.score) + (above || at === 0 ? -13 : 23)} textAnchor="middle" className={now ? "strong big" : "strong"}>{point.score}{point.completeness === "pro_rated" ? "*" : ""}</text>
            {(points.length <= 8 || at % 2 === (points.length - 1) % 2) && <text x={x(at)} y={HEIGHT - 12} textAnchor="middle" className={now ? "strong" : ""}>{day}</text>}
          </g>
        );
      })}
      {shows && last && (
        <g className="change">
          <line x1={x(0)} x2={bracket} y1={y(change.from)} y2={y(change.from)} className="dots" />
          <path d={`M${bracket} ${y(change.from)}V${y(last.score)}m-4 ${change.difference < 0 ? -7 : 7}l4 ${change.difference < 0 ? 7 : -7}l4 ${change.difference < 0 ? -7 : 7}`} className="arrow" />
          <text x={bracket + 4} y={y(change.from) + (change.difference < 0 ? -8 : 18)} textAnchor="end" className="green">{change.difference > 0 ? "+" : "−"}{Math.abs(change.difference)}{change.meaning.startsWith("reliable") ? `, ${t("trend.reliable")}` : ""}</text>
        </g>
      )}
    </svg>
  );
}
