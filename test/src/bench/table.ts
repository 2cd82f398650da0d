/**
 * The rows as a table for people, which is Markdown too.
 *
 *     | P1 one caller, 200 B: …   |  ours (least–most) | theirs (least–most) | ratio | goal  | note |
 *
 * The rule: a figure has three digits that count; its spread stands beside it.
 */
import { markdownTable } from "markdown-table";
import { reached, type Goal, type Row, type Spread } from "./row.ts";

const digits = new Intl.NumberFormat("en-US", { maximumSignificantDigits: 3 });

const figure = (value: number, [least, most]: Spread): string =>
  least === most
    ? digits.format(value)
    : `${digits.format(value)} (${digits.format(least)}–${digits.format(most)})`;

const goalText = (goal: Goal, unit: string): string => {
  if (goal.oursBelow !== undefined) return `< ${goal.oursBelow} ${unit}`;
  if (goal.oursAtLeast !== undefined) return `≥ ${digits.format(goal.oursAtLeast)} ${unit}`;
  if (goal.ratioAtMost !== undefined) return `≤ ${goal.ratioAtMost} ×`;
  return `≥ ${goal.ratioAtLeast} ×`;
};

const cells = (row: Row): string[] => {
  const { name, ours, theirs, oursSpread, theirsSpread, ratio, unit, rounds, goal, note } = row;
  const met = reached(row) ? "reached" : "not reached";
  return [
    name,
    figure(ours, oursSpread),
    figure(theirs, theirsSpread),
    unit,
    `${digits.format(ratio)} ×`,
    goal ? `${goalText(goal, unit)}: ${met}` : "",
    String(rounds),
    note ?? "",
  ].map((cell) => cell.replaceAll("|", "\\|"));
};

const heads = ["what: beside what", "ours", "theirs", "unit", "ratio", "goal", "rounds", "note"];

export const tableOf = (rows: readonly Row[]): string =>
  markdownTable([heads, ...rows.map(cells)], { align: ["l", "r", "r", "l", "r", "l", "r", "l"] });
