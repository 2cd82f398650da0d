/**
 * Runs of the model: lists of commands drawn from a seed, shrunk when one fails.
 *
 *     seed ─ fast-check ─> 40 commands ─> a new store on a new disk ─> the reference
 *                                └ fails: shrunk, printed with seed and path, to be run again
 */
import * as fc from "fast-check";
import { Bench } from "./bench.ts";
import { commands } from "./commands.ts";
import type { Engine } from "../crash/note-store.ts";

/** What a run draws at most: one in ten may be long. */
const commandsMax = [10, 10, 10, 10, 10, 10, 10, 10, 10, 40];

export interface ModelRuns {
  readonly engine: Engine;
  readonly seed: number;
  readonly runs: number;
  /** Where a failing run stands, as its report printed it. */
  readonly path?: string | undefined;
  /** Which of its commands were left, as its report printed it. */
  readonly replayPath?: string | undefined;
  /** Stops at the first failure as it was drawn. Default: it is shrunk. */
  readonly endsAtFailure?: boolean;
  readonly progress?: (runs: number) => void;
  /** Told what was done, command by command. */
  readonly count?: (what: string) => void;
}

/** Throws with the shrunk commands, the seed and the path of the first run that fails. */
export const runModel = async ({
  engine,
  seed,
  runs,
  path,
  replayPath,
  endsAtFailure = false,
  progress,
  count = () => {},
}: ModelRuns): Promise<void> => {
  let done = 0;
  const property = fc.asyncProperty(
    fc.nat({ max: 0xffff }),
    fc.boolean(),
    fc.constantFrom(900, 6_000),
    fc.oneof(...commandsMax.map((max) => commands(max, replayPath))),
    async (diskSeed, mirrors, segmentBytesMax, list) => {
      done += 1;
      if (done % 50 === 0) progress?.(done);
      const bench = new Bench({
        engine,
        seed: diskSeed,
        mirrors,
        options: { segmentBytesMax },
        count,
      });
      await bench.open(0);
      await fc.asyncModelRun(() => ({ model: bench.reference, real: bench }), list);
      bench.kill();
    },
  );
  const details = await fc.check(property, {
    seed,
    numRuns: runs,
    endOnFailure: endsAtFailure,
    ...(path === undefined ? {} : { path }),
  });
  if (!details.failed) return;
  const why = details.errorInstance;
  const message = await fc.asyncDefaultReportMessage(details);
  throw new Error(`${message}\n${String(why)}`, { cause: why });
};
