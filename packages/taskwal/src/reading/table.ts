/**
 * A table for people and for `awk`: no borders, two spaces between columns, numbers to the right.
 *
 *     FILE        FIRST  LAST
 *     state.json         4,711          at most 80 columns: the widest columns give way first
 *
 * The rule: cells come as plain text (plain-text.ts); nothing is wrapped, what is too long is cut.
 */
import { columnsOf, fitted } from "./plain-text.ts";

export interface Column {
  readonly title: string;
  readonly align?: "left" | "right";
}

/** The width of everything that is printed, on a terminal or not. */
export const lineColumns = 80;
const gap = "  ";
const narrowest = 6;

/** The lines of a table, its headings first; none if there are no rows. */
export const tableLines = (
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  indent = "",
): string[] => {
  if (rows.length === 0) return [];
  const lines = [columns.map(({ title }) => title), ...rows];
  const widths = columns.map((_, index) =>
    lines.reduce((most, cells) => Math.max(most, columnsOf(cells[index] ?? "")), 0),
  );
  giveWay(widths, lineColumns - indent.length - gap.length * (columns.length - 1));
  return lines.map((cells) =>
    `${indent}${columns
      .map(({ align }, index) => fitted(cells[index] ?? "", widths[index] ?? 0, align))
      .join(gap)}`.trimEnd(),
  );
};

/** Narrows the widest column until all fit, and none below what still says something. */
const giveWay = (widths: number[], columnsMax: number): void => {
  let over = widths.reduce((sum, width) => sum + width, 0) - columnsMax;
  while (over > 0) {
    const widest = Math.max(...widths);
    if (widest <= narrowest) return;
    const index = widths.lastIndexOf(widest);
    const second = Math.max(narrowest, ...widths.filter((width) => width < widest));
    const less = Math.min(over, Math.max(1, widest - second));
    widths[index] = widest - less;
    over -= less;
  }
};
