/**
 * Curves over a size, as SVG: medians joined by a line, the spread of the rounds as a bar at each.
 *
 * Written here because libraries for charts want a browser's document or a canvas, or weigh tens of
 * megabytes; what is drawn is a line over decades.
 */
import { linearScale, logScale, short, type PlotScale } from "./scale.ts";
import { colourAt, element, image, label } from "./svg.ts";
import type { Spread } from "./row.ts";

export interface Curve {
  readonly name: string;
  readonly points: readonly { readonly x: number; readonly y: number; readonly spread: Spread }[];
}

export interface LineChart {
  readonly title: string;
  readonly xName: string;
  readonly yName: string;
  readonly y: "linear" | "log";
  readonly curves: readonly Curve[];
}

const size = { width: 720, height: 420 };
const plot = { left: 70, right: 700, top: 70, bottom: 370 };
const grey = "#cccccc";

const axes = ({ xName, yName }: LineChart, x: PlotScale, y: PlotScale): string[] => [
  ...y.marks.flatMap((mark) => [
    element("line", {
      x1: plot.left,
      x2: plot.right,
      y1: y.at(mark),
      y2: y.at(mark),
      stroke: grey,
    }),
    label(short(mark), { x: plot.left - 8, y: y.at(mark) + 4, "text-anchor": "end" }),
  ]),
  ...x.marks.flatMap((mark) => [
    element("line", {
      x1: x.at(mark),
      x2: x.at(mark),
      y1: plot.top,
      y2: plot.bottom,
      stroke: grey,
    }),
    label(short(mark), { x: x.at(mark), y: plot.bottom + 18, "text-anchor": "middle" }),
  ]),
  label(xName, { x: plot.right, y: plot.bottom + 38, "text-anchor": "end" }),
  label(yName, { x: 16, y: 58 }),
];

const drawn = ({ name, points }: Curve, index: number, x: PlotScale, y: PlotScale): string[] => {
  const stroke = colourAt(index);
  const line = points.map((point) => `${x.at(point.x).toFixed(1)},${y.at(point.y).toFixed(1)}`);
  return [
    element("polyline", { points: line.join(" "), fill: "none", stroke, "stroke-width": 2 }),
    ...points.flatMap(({ x: at, y: median, spread: [least, most] }) => [
      element("line", { x1: x.at(at), x2: x.at(at), y1: y.at(least), y2: y.at(most), stroke }),
      element("circle", { cx: x.at(at), cy: y.at(median), r: 3.5, fill: stroke }),
    ]),
    label(name, { x: 150 + index * 180, y: 58, fill: stroke, "font-weight": "bold" }),
  ];
};

export const lineChart = (chart: LineChart): string => {
  const points = chart.curves.flatMap(({ points }) => points);
  const x = logScale(
    points.map(({ x }) => x),
    [plot.left, plot.right],
  );
  const y = { linear: linearScale, log: logScale }[chart.y](
    points.flatMap(({ spread }) => spread),
    [plot.bottom, plot.top],
  );
  return image(size, chart.title, [
    ...axes(chart, x, y),
    ...chart.curves.flatMap((curve, index) => drawn(curve, index, x, y)),
  ]);
};
