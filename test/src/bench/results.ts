/**
 * What was recorded: `docs/benchmarks/results.jsonl`, a row a line, with what it was measured on.
 *
 *     {"name":"P1 …","ratio":…,"ours":…,"theirs":…,"unit":"records/s","rounds":7,…,"run":{"date":"…","commit":"…",…}}
 *
 * The rule: lines are only ever added; of two with one name the later counts. Only full runs are recorded.
 */
import { appendFileSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import type { Row } from "./row.ts";

export interface Run {
  readonly date: string;
  readonly commit: string;
  readonly machine: string;
  readonly disk: string;
  readonly peers: readonly string[];
}

export interface Recorded extends Row {
  readonly run: Run;
}

/** One line of JSON; the six fields that others read come first. */
export const lineOf = ({ name, ratio, ours, theirs, unit, rounds, ...more }: Row): string =>
  JSON.stringify({ name, ratio, ours, theirs, unit, rounds, ...more });

export const addResults = (path: string, rows: readonly Row[], run: Run): void => {
  mkdirSync(dirname(path), { recursive: true });
  for (const row of rows) appendFileSync(path, `${lineOf({ ...row, run } as Recorded)}\n`);
};

/** The latest of each name, in the order in which the names were first recorded. */
export const readResults = (path: string): Recorded[] => {
  const byName = new Map<string, Recorded>();
  if (!existsSync(path)) return [];
  for (const line of readFileSync(path, "utf8").split("\n")) {
    if (line === "") continue;
    const recorded = JSON.parse(line) as Recorded;
    byName.set(recorded.name, recorded);
  }
  return [...byName.values()];
};
