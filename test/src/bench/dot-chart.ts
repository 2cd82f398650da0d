/**
 * Contenders beside each other, as SVG: a dot for the median, a line for the spread, over decades.
 *
 *     taskwal          ────●───
 *     better-sqlite3   ─●──               dots and not bars: a bar over decades has no length that means anything
 */
import { logScale, short } from "./scale.ts";
import { colourAt, element, image, label } from "./svg.ts";
import type { Spread } from "./row.ts";

export interface Dot {
  readonly name: string;
  readonly value: number;
  readonly spread: Spread;
  readonly ours: boolean;
}

export interface DotGroup {
  readonly name: string;
  readonly dots: readonly Dot[];
}

export interface DotChart {
  readonly title: string;
  readonly unit: string;
  readonly groups: readonly DotGroup[];
}

const width = 760;
const plot = { left: 330, right: 740, top: 60 };
const rowHeight = 20;

export const dotChart = ({ title, unit, groups }: DotChart): string => {
  const rows = groups.flatMap(({ name, dots }) => [{ heading: name }, ...dots]);
  const bottom = plot.top + rows.length * rowHeight;
  const x = logScale(
    groups.flatMap(({ dots }) => dots.flatMap(({ spread }) => spread)),
    [plot.left, plot.right],
  );
  const marks = x.marks.flatMap((mark) => [
    element("line", {
      x1: x.at(mark),
      x2: x.at(mark),
      y1: plot.top - 10,
      y2: bottom,
      stroke: "#cccccc",
    }),
    label(short(mark), { x: x.at(mark), y: bottom + 16, "text-anchor": "middle" }),
  ]);
  const lines = rows.flatMap((row, index) => {
    const y = plot.top + index * rowHeight + 4;
    if ("heading" in row) return [label(row.heading, { x: 16, y, "font-weight": "bold" })];
    const colour = colourAt(row.ours ? 0 : 1);
    const [least, most] = row.spread;
    return [
      label(row.name, { x: 28, y, fill: colour }),
      element("line", { x1: x.at(least), x2: x.at(most), y1: y - 4, y2: y - 4, stroke: colour }),
      element("circle", { cx: x.at(row.value), cy: y - 4, r: 4, fill: colour }),
    ];
  });
  const unitLabel = label(unit, { x: plot.right, y: bottom + 34, "text-anchor": "end" });
  return image({ width, height: bottom + 44 }, title, [...marks, ...lines, unitLabel]);
};
