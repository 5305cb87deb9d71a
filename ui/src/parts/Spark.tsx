// A line of past scores beside the last one: direction at a glance, the numbers stand elsewhere.
import { useAnswer } from "../lib/queries";

export function Spark({ person, code }: { person: string; code: string }) {
  const trend = useAnswer("responses.trend", { person_id: person, code });
  const points = trend.data?.points.slice(-8) ?? [];
  const max = trend.data?.max ?? 1;
  if (points.length < 2) return <svg width="60" height="22" aria-hidden="true" />;
  const at = (index: number, score: number) => [3 + (index * 54) / (points.length - 1), 19 - (score / max) * 16] as const;
  const last = at(points.length - 1, points[points.length - 1]?.score ?? 0);
  return (
    <svg width="60" height="22" aria-hidden="true">
      <polyline points={points.map((point, index) => at(index, point.score).join()).join(" ")} fill="none" stroke="var(--muted)" strokeWidth="1.6" />
      <circle cx={last[0]} cy={last[1]} r="3" fill="var(--text)" />
    </svg>
  );
}
