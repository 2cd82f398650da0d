/**
 * A contest: contenders append the same payloads, in turn, round after round.
 *
 *     round 1   ours  sqlite  lmdb  …        each from an empty directory: open, warm up, measure, close
 *     round 2   sqlite  lmdb  …  ours        whoever was first is last: nobody has the quiet moments
 *     round 3   lmdb  …  ours  sqlite
 *
 * The rule: only appends are timed. Nothing of one contender runs while another is measured: it was closed.
 */
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Bench } from "./benchmark.ts";
import type { Contender, Writer } from "./contender.ts";
import { payloadAt, type Payload } from "./payload.ts";

/** Appends for so long, by so many callers that each await their own record; returns records per second. */
const appendRate = async (
  writer: Writer,
  callers: number,
  payloads: readonly Payload[],
  budgetMs: number,
): Promise<number> => {
  const { recordsPerCall = 1 } = writer;
  const startMs = performance.now();
  const endMs = startMs + budgetMs;
  let calls = 0;
  const call = async (caller: number): Promise<void> => {
    do {
      const done = writer.append(caller, payloadAt(payloads, calls));
      calls += 1;
      if (done) await done;
    } while (performance.now() < endMs);
  };
  // One who stores the records of many callers in one call is one caller.
  const calling = Math.ceil(callers / recordsPerCall);
  await Promise.all(Array.from({ length: calling }, (_, caller) => call(caller)));
  return (calls * recordsPerCall * 1_000) / (performance.now() - startMs);
};

export interface Contest {
  readonly contenders: readonly Contender[];
  readonly callers: number;
  readonly payloads: readonly Payload[];
}

/** Records per second of every contender by name, one figure a round. */
export const runContest = async (
  { dir, rounds, budgetMs, progress }: Bench,
  { contenders, callers, payloads }: Contest,
): Promise<ReadonlyMap<string, readonly number[]>> => {
  const rates = new Map<string, number[]>(contenders.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round += 1) {
    const first = round % contenders.length;
    for (const contender of [...contenders.slice(first), ...contenders.slice(0, first)]) {
      progress(`round ${round + 1} of ${rounds}: ${contender.name}`);
      const place = join(dir, "contest");
      mkdirSync(place, { recursive: true });
      const writer = await contender.open(place, callers);
      try {
        await appendRate(writer, callers, payloads, budgetMs / 5);
        rates.get(contender.name)?.push(await appendRate(writer, callers, payloads, budgetMs));
      } finally {
        await writer.close();
        rmSync(place, { recursive: true, force: true });
      }
    }
  }
  return rates;
};
