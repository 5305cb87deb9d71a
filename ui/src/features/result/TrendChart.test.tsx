// The trend as a drawing and in words.
import { render, screen } from "@testing-library/react";
import { beforeEach, expect, it } from "vitest";
import type { Trend } from "../../bindings/commands";
import { setLanguage } from "../../lib/messages";
import { moment } from "../../lib/time";
import { TrendChart } from "./TrendChart";

const BANDS = [[0, 4, "Minimal"], [5, 9, "Mild"], [10, 14, "Moderate"], [15, 19, "Moderately severe"], [20, 27, "Severe"]] as const;

function trend(scores: number[], more: Partial<Trend> = {}): Trend {
  const points = scores.map((score, at) => {
    const step = BANDS.findIndex(([from, to]) => score >= from && score <= to);
    return { response_id: `r${at}`, at: new Date(2026, 0, 1 + at * 14, 10, 42).toISOString(), score, band: BANDS[step]![2], step: step + 1, completeness: at === 1 ? "pro_rated" : "complete" };
  });
  return { code: "phq-9", title: "PHQ-9", max: 27, bands: BANDS.map(([from, to, name], at) => ({ from, to, name, step: at + 1 })), cut_offs: [{ at: 10, label: "Cut-off", source: "" }], reliable_change: 6, points, since_start: null, since_last: null, ...more };
}

beforeEach(() => setLanguage("en"));

it("says every score with its time and its band", () => {
  const shown = trend([22, 17, 12, 9, 3]);
  render(<TrendChart trend={shown} current="r4" />);
  const label = screen.getByRole("img").getAttribute("aria-label")!;
  expect(label).toBe(`Trend: ${shown.points.map((point) => `${moment(point.at)} ${point.score} ${point.band}`).join("; ")}`);
  for (const band of ["Severe", "Moderately severe", "Moderate", "Mild", "Minimal"]) expect(label).toContain(band);
});

it("draws one point for each score, marks the present one, and stars what is pro-rated", () => {
  const { container } = render(<TrendChart trend={trend([22, 17, 12])} current="r2" />);
  expect(container.querySelectorAll("circle.point")).toHaveLength(3);
  expect(container.querySelectorAll("circle.point.now")).toHaveLength(1);
  expect(screen.getByText("17*")).toBeTruthy();
  expect(screen.getByText("Cut-off 10")).toBeTruthy();
  expect(screen.getByText("10–14")).toBeTruthy();
});

it.each([[[22, 12], -10, "reliable_improvement", "−10, reliable change"], [[12, 14], 2, "too_little", "+2"]])("names the change of %j", (scores, difference, meaning, text) => {
  const shown = trend(scores, { since_start: { difference, meaning, from: scores[0]!, from_at: "2026-01-01T10:42:00Z" } });
  render(<TrendChart trend={shown} current="r1" />);
  expect(screen.getByText(text)).toBeTruthy();
});

it("stands inside its frame for a single score, for the least and for the greatest", () => {
  for (const scores of [[0], [27], [0, 27]]) {
    const { container, unmount } = render(<TrendChart trend={trend(scores)} current="r0" />);
    for (const circle of container.querySelectorAll("circle")) {
      expect(Number(circle.getAttribute("cx"))).toBeGreaterThan(40);
      expect(Number(circle.getAttribute("cx"))).toBeLessThan(500);
      expect(Number(circle.getAttribute("cy"))).toBeGreaterThanOrEqual(16);
      expect(Number(circle.getAttribute("cy"))).toBeLessThanOrEqual(394);
    }
    unmount();
  }
});
