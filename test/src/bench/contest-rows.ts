/**
 * The rows of a contest: ours beside each of the others, for each size of payload.
 *
 * The rule: the payloads, the rounds and the callers are the same for all contenders of a row.
 */
import { sized, type Bench } from "./benchmark.ts";
import type { Contender } from "./contender.ts";
import { runContest } from "./contest.ts";
import { makePayloads, payloadSizesBytes, sizeName } from "./payload.ts";
import { rowOf, type Goal, type Row } from "./row.ts";
import { taskwalContender } from "./taskwal-contender.ts";

export interface Opponent {
  readonly contender: Contender;
  readonly goal?: Goal;
}

export const contestRows = async (
  bench: Bench,
  name: string,
  callers: number,
  opponents: readonly Opponent[],
): Promise<Row[]> => {
  const sizes = sized<readonly number[]>(bench, {
    full: payloadSizesBytes,
    quick: payloadSizesBytes,
    tiny: payloadSizesBytes.slice(0, 1),
  });
  const contenders = [taskwalContender, ...opponents.map(({ contender }) => contender)];
  const rows: Row[] = [];
  for (const sizeBytes of sizes) {
    const progress = (text: string): void => bench.progress(`${sizeName(sizeBytes)}, ${text}`);
    const payloads = makePayloads(sizeBytes);
    const rates = await runContest(
      { ...bench, progress },
      {
        contenders,
        callers: sized(bench, { full: callers, quick: callers, tiny: Math.min(callers, 4) }),
        payloads,
      },
    );
    for (const { contender, goal } of opponents) {
      rows.push(
        rowOf({
          name: `${name}, ${sizeName(sizeBytes)}: ${contender.name}`,
          unit: "records/s",
          ours: rates.get(taskwalContender.name) ?? [],
          theirs: rates.get(contender.name) ?? [],
          ...(goal ? { goal } : {}),
          ...(contender.weaker === undefined ? {} : { note: contender.weaker }),
        }),
      );
    }
  }
  return rows;
};

/** Contenders that share a goal. */
export const opponents = (contenders: readonly Contender[], goal?: Goal): Opponent[] =>
  contenders.map((contender) => ({ contender, ...(goal ? { goal } : {}) }));
