/**
 * What was tried so far: `test/campaign/results.jsonl`, one line per stretch of rounds.
 *
 *     {"name":"crash","date":"…","commit":"…","seed":7,"rounds":12,"trials":…,"distinct":…,"losses":0,"seconds":…}
 *
 * The rule: lines are only ever added. The next run of a campaign goes on with the seed after the last.
 */
import { appendFileSync, existsSync, readFileSync } from "node:fs";

export interface Result {
  readonly name: string;
  readonly date: string;
  /** "+" behind it: with changes that are not committed. */
  readonly commit: string;
  /** Of the first round; the others follow one by one. */
  readonly seed: number;
  readonly rounds: number;
  readonly trials: number;
  /** States that no earlier trial had; 0 where a campaign has no states. */
  readonly distinct: number;
  readonly losses: number;
  readonly seconds: number;
  readonly counts?: Readonly<Record<string, number>>;
}

export const readResults = (path: string): Result[] =>
  existsSync(path)
    ? readFileSync(path, "utf8")
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => JSON.parse(line) as Result)
    : [];

export const addResult = (path: string, result: Result): void =>
  appendFileSync(path, `${JSON.stringify(result)}\n`);

export const nextSeed = (results: readonly Result[], name: string): number =>
  Math.max(
    1,
    ...results.filter((one) => one.name === name).map(({ seed, rounds }) => seed + rounds),
  );

/** All runs of a campaign as one. */
export const totalOf = (
  results: readonly Result[],
  name: string,
): Pick<Result, "trials" | "distinct" | "losses" | "seconds"> => {
  const own = results.filter((one) => one.name === name);
  const sum = (of: (one: Result) => number): number =>
    own.reduce((total, one) => total + of(one), 0);
  return {
    trials: sum(({ trials }) => trials),
    distinct: sum(({ distinct }) => distinct),
    losses: sum(({ losses }) => losses),
    seconds: sum(({ seconds }) => seconds),
  };
};

export const addCounts = (
  a: Readonly<Record<string, number>>,
  b: Readonly<Record<string, number>> = {},
): Record<string, number> => {
  const sum: Record<string, number> = { ...a };
  for (const [name, count] of Object.entries(b)) sum[name] = (sum[name] ?? 0) + count;
  return sum;
};
