/**
 * The plots of docs/benchmarks, drawn from what was recorded.
 *
 *     P1 P2 P3 ─> one-caller.svg  64-callers.svg  1000-callers.svg
 *     P10      ─> append-growth.svg          open ─> open-growth.svg
 *
 * The rule: a plot shows recorded rows and nothing else; without rows there is no plot.
 */
import { dotChart, type DotGroup } from "./dot-chart.ts";
import { lineChart, type Curve } from "./line-chart.ts";
import type { Row } from "./row.ts";

export interface Plot {
  readonly file: string;
  /** SVG. */
  readonly text: string;
}

/** "P1 one caller, 1 KiB: lmdb, flushed" is about "1 KiB" and "lmdb, flushed". */
const contestName = /^P\d+ [^:]*?, (\d+ K?i?B): (.*)$/;

const groupsOf = (rows: readonly Row[]): DotGroup[] => {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const size = contestName.exec(row.name)?.[1] ?? "";
    groups.set(size, [...(groups.get(size) ?? []), row]);
  }
  return [...groups].map(([name, group]) => ({
    name: `payloads of ${name}`,
    dots: [
      ...group.slice(0, 1).map(({ ours, oursSpread }) => ({
        name: "taskwal",
        value: ours,
        spread: oursSpread,
        ours: true,
      })),
      ...group.map(({ name, theirs, theirsSpread }) => ({
        name: contestName.exec(name)?.[2] ?? name,
        value: theirs,
        spread: theirsSpread,
        ours: false,
      })),
    ],
  }));
};

const curvesOf = (rows: readonly Row[]): Curve[] => {
  const curves = new Map<string, Row[]>();
  for (const row of rows) {
    if (row.point) curves.set(row.point.curve, [...(curves.get(row.point.curve) ?? []), row]);
  }
  return [...curves].map(([name, points]) => ({
    name,
    points: points
      .map(({ point, ours, oursSpread }) => ({ x: point?.x ?? 1, y: ours, spread: oursSpread }))
      .toSorted((a, b) => a.x - b.x),
  }));
};

const contests = [
  { name: "P1", file: "one-caller.svg", title: "One caller, each record awaited" },
  { name: "P2", file: "64-callers.svg", title: "64 callers, each awaiting its own record" },
  { name: "P3", file: "1000-callers.svg", title: "1,000 callers, each awaiting its own record" },
];

export const plotsOf = (rows: readonly Row[]): Plot[] => {
  const of = (name: string): Row[] => rows.filter((row) => row.name.startsWith(`${name} `));
  const plots: Plot[] = [];
  for (const { name, file, title } of contests) {
    const groups = groupsOf(of(name));
    if (groups.length > 0)
      plots.push({ file, text: dotChart({ title, unit: "records/s", groups }) });
  }
  const append = curvesOf(of("P10"));
  if (append.length > 0) {
    const title = "Cost of an append as everything else grows";
    const [xName, yName, y] = ["size", "µs/record", "linear"] as const;
    const text = lineChart({ title, xName, yName, y, curves: append });
    plots.push({ file: "append-growth.svg", text });
  }
  const opening = curvesOf(of("open"));
  if (opening.length > 0) {
    const title = "Time to open over the length of the log";
    const [xName, yName, y] = ["records in the log", "ms", "log"] as const;
    const text = lineChart({ title, xName, yName, y, curves: opening });
    plots.push({ file: "open-growth.svg", text });
  }
  return plots;
};
