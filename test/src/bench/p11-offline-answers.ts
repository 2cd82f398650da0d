/**
 * P11: a log of a million records that is read offline: the first opening, and what is asked afterwards.
 *
 *     first open   verify, fold, patch track, compare with the snapshot, all of it kept in a cache
 *                  beside what it rests on: JSON.parse of the same lines and nothing else, the lines as recovery
 *                  reads them, and these with recovery's fold (bare-history.ts), all of the same log in the same round
 *     answers      from the cache, in a process of its own; the slowest of 20 points each
 *                  beside opening the store, which is the least that asking without a track would take
 *
 * The rule: peak memory is that of a whole process, Node included.
 */
import { rmSync } from "node:fs";
import { join } from "node:path";
import type { BareReading } from "./bare-history.ts";
import { sized, type Bench, type Benchmark } from "./benchmark.ts";
import { runInChild } from "./child.ts";
import type { Opening } from "./child-jobs.ts";
import { withCopy } from "./copied-store.ts";
import type { OfflineAnswers } from "./offline-questions.ts";
import { rowOf, type Row } from "./row.ts";

const mebibyte = 2 ** 20;

/** Each asks 20 times, of two processes: more take a quarter of an hour. */
const roundsMax = 3;

interface Round {
  readonly first: OfflineAnswers;
  readonly again: OfflineAnswers;
  readonly parsedMs: number;
  readonly lines: BareReading;
  readonly fold: BareReading;
  readonly opening: Opening;
}

const measured = async (
  { dir, rounds: wanted, progress }: Bench,
  store: string,
  tasks: number,
): Promise<Round[]> => {
  const cache = join(dir, "cache");
  const figures: Round[] = [];
  const rounds = Math.min(roundsMax, wanted);
  for (let round = 1; round <= rounds; round += 1) {
    const told = (text: string): void => progress(`round ${round} of ${rounds}: ${text}`);
    rmSync(cache, { recursive: true, force: true });
    told("first open");
    const first = await runInChild<OfflineAnswers>("ask-offline", store, cache, tasks);
    told("answers");
    const again = await runInChild<OfflineAnswers>("ask-offline", store, cache, tasks);
    told("the limit");
    const { ms: parsedMs } = await runInChild<Opening>("parse-log", store);
    told("the lines alone");
    const lines = await runInChild<BareReading>("read-lines", store);
    told("the fold alone");
    const fold = await runInChild<BareReading>("fold-history", store);
    if (fold.records !== lines.records) throw new Error("the fold read another log than the lines");
    told("opening the store");
    const opening = await withCopy(store, (copy) => runInChild<Opening>("open-tasks", copy));
    figures.push({ first, again, parsedMs, lines, fold, opening });
  }
  return figures;
};

export const offlineAnswers: Benchmark = {
  name: "P11",
  what: "a log of 1,000,000 records read offline: the first opening, then answers",
  run: async (bench) => {
    const { tasks, records } = sized(bench, {
      full: { tasks: 10_000, records: 1_000_000 },
      quick: { tasks: 1_000, records: 50_000 },
      tiny: { tasks: 10, records: 200 },
    });
    const store = join(bench.dir, "store");
    bench.progress("filling");
    await runInChild("fill-lives", store, tasks, records);
    const rounds = await measured(bench, store, tasks);
    const of = (figure: (round: Round) => number): number[] => rounds.map(figure);
    const name = `P11 ${records.toLocaleString("en-US")} records`;
    const peak = (name: string, told: (round: Round) => OfflineAnswers): Row =>
      rowOf({
        name,
        unit: "MiB",
        ours: of((round) => told(round).peakRssBytes / mebibyte),
        theirs: of(({ opening }) => opening.peakRssBytes / mebibyte),
      });
    const openings = of(({ opening }) => opening.ms);
    const rates = (ms: (round: Round) => number): number[] =>
      of((round) => (records * 1_000) / ms(round));
    const questions = Object.keys(rounds[0]?.again.slowestMs ?? {});
    return [
      rowOf({
        name: `${name}, first open: JSON.parse of the same lines`,
        unit: "records/s",
        ours: rates(({ first }) => first.openMs),
        theirs: rates(({ parsedMs }) => parsedMs),
        goal: { oursAtLeast: 300_000 },
        note: "the limit: it only parses",
      }),
      rowOf({
        name: `${name}, first open: the fold of recovery alone`,
        unit: "records/s",
        ours: rates(({ first }) => first.openMs),
        theirs: rates(({ fold }) => fold.ms),
        note: "what it rests on: no track, nothing compared, nothing kept",
      }),
      rowOf({
        name: `${name}, the fold of recovery alone: its lines alone`,
        unit: "records/s",
        ours: rates(({ fold }) => fold.ms),
        theirs: rates(({ lines }) => lines.ms),
        note: "read, verified, parsed; no reducer runs",
      }),
      peak(`${name}, peak memory with the first open: opening the store`, ({ first }) => first),
      peak(`${name}, peak memory from the cache: opening the store`, ({ again }) => again),
      ...["open again", ...questions].map((question) =>
        rowOf({
          name: `${name}, ${question}: opening the store`,
          unit: "ms",
          ours: of(({ again }) => again.slowestMs[question] ?? again.openMs),
          theirs: openings,
          goal: { oursBelow: 1_000 },
          note: "opens from its last snapshot, which is the end only",
        }),
      ),
    ];
  },
};
