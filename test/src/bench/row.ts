/**
 * A row of the results: one figure of ours beside one of theirs, and how often both were measured.
 *
 *     ours    [■ ■ ■ ■ ■]  one figure a round ─┐
 *                                              ├─> medians, their spread, ratio = ours / theirs
 *     theirs  [□ □ □ □ □]  one figure a round ─┘
 *
 * The rule: a ratio is the quotient of the two medians of the row, so that anybody can check it; whether
 * more is better follows from the goal and the unit. What a peer does not guarantee is said in `note`.
 */

/** Smallest and largest of the rounds. */
export type Spread = readonly [least: number, most: number];

/** What the project wants to reach; undefined where a row is only for orientation. */
export interface Goal {
  readonly ratioAtLeast?: number;
  readonly ratioAtMost?: number;
  readonly oursBelow?: number;
  readonly oursAtLeast?: number;
}

/** Where a row is one point of a curve. */
export interface Point {
  readonly curve: string;
  readonly x: number;
}

export interface Row {
  readonly name: string;
  readonly ratio: number;
  readonly ours: number;
  readonly theirs: number;
  readonly unit: string;
  readonly rounds: number;
  readonly oursSpread: Spread;
  readonly theirsSpread: Spread;
  readonly goal?: Goal;
  readonly note?: string;
  readonly point?: Point;
}

/** What a row is made from: the figures of all rounds. */
export interface Measured extends Pick<Row, "name" | "unit" | "goal" | "note" | "point"> {
  readonly ours: readonly number[];
  readonly theirs: readonly number[];
  /** Where a figure stands for more rounds than it has entries. */
  readonly rounds?: number;
}

/** The value below which `share` of the figures lie, 0 to 1. */
export const quantile = (figures: readonly number[], share: number): number => {
  const sorted = figures.toSorted((a, b) => a - b);
  const position = share * (sorted.length - 1);
  const below = sorted[Math.floor(position)];
  const above = sorted[Math.ceil(position)];
  if (below === undefined || above === undefined) throw new RangeError("no figures");
  return below + (above - below) * (position - Math.floor(position));
};

export const median = (figures: readonly number[]): number => quantile(figures, 0.5);

const spread = (figures: readonly number[]): Spread => [Math.min(...figures), Math.max(...figures)];

export const rowOf = ({
  name,
  unit,
  goal,
  note,
  point,
  ours,
  theirs,
  rounds = Math.min(ours.length, theirs.length),
}: Measured): Row => ({
  name,
  ratio: median(ours) / median(theirs),
  ours: median(ours),
  theirs: median(theirs),
  unit,
  rounds,
  oursSpread: spread(ours),
  theirsSpread: spread(theirs),
  ...(goal ? { goal } : {}),
  ...(note === undefined ? {} : { note }),
  ...(point ? { point } : {}),
});

/** Undefined where the row has no goal. */
export const reached = ({ ratio, ours, goal }: Row): boolean | undefined =>
  goal &&
  ratio >= (goal.ratioAtLeast ?? Number.NEGATIVE_INFINITY) &&
  ratio <= (goal.ratioAtMost ?? Number.POSITIVE_INFINITY) &&
  ours < (goal.oursBelow ?? Number.POSITIVE_INFINITY) &&
  ours >= (goal.oursAtLeast ?? Number.NEGATIVE_INFINITY);
