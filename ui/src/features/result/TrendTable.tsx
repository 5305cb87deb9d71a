// The same scores as a table.
import type { Trend } from "../../bindings/commands";
import { t } from "../../lib/messages";
import { to } from "../../lib/route";
import { moment } from "../../lib/time";
import { Severity } from "../../parts/Severity";

export function TrendTable({ trend }: { trend: Trend }) {
  return (
    <table>
      <thead><tr><th>{t("trend.when")}</th><th className="n">{t("trend.score")}</th><th>{t("trend.band")}</th><th>{t("trend.complete")}</th></tr></thead>
      <tbody>
        {trend.points.toReversed().map((point) => (
          <tr key={point.response_id}><td><a href={to.result(point.response_id)}>{moment(point.at)}</a></td><td className="n">{point.score}</td><td><Severity step={point.step} name={point.band} /></td><td>{point.completeness === "complete" ? t("trend.is_complete") : t("trend.pro_rated")}</td></tr>
        ))}
      </tbody>
    </table>
  );
}
