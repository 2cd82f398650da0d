/**
 * P8: the most memory that an opening takes, beside the memory of what it opens.
 *
 *     ours      peak of the process that opens the log        (VmHWM, by getrusage)
 *     theirs    a process that holds the same entities in a Map, after a collection of garbage
 *
 * The rule: both are whole processes, Node included; neither has done anything before.
 */
import { join } from "node:path";
import { sized, type Benchmark } from "./benchmark.ts";
import { runInChild } from "./child.ts";
import type { Opening } from "./child-jobs.ts";
import { withCopy } from "./copied-store.ts";
import type { History } from "./item-records.ts";
import { rowOf } from "./row.ts";
import { takeTurns } from "./turns.ts";

const histories = {
  full: { items: 100_000, records: 1_000_000, sizeBytes: 200 },
  quick: { items: 5_000, records: 50_000, sizeBytes: 200 },
  tiny: { items: 10, records: 100, sizeBytes: 200 },
} as const satisfies Record<string, History>;

const mebibyte = 2 ** 20;

export const peakMemory: Benchmark = {
  name: "P8",
  what: "peak memory of opening 1,000,000 records of 100,000 items, beside that of the state alone",
  run: async (bench) => {
    const history = sized<History>(bench, histories);
    const store = join(bench.dir, "store");
    const state = join(bench.dir, "state.jsonl");
    bench.progress("filling");
    await runInChild("fill-items", store, history);
    await runInChild("write-state", state, history);
    const { ours, alone } = await takeTurns(bench, {
      ours: () =>
        withCopy(store, async (copy) => {
          const { peakRssBytes } = await runInChild<Opening>("open-items", copy);
          return peakRssBytes / mebibyte;
        }),
      alone: async () => {
        const held = await runInChild<{ rssBytes: number; entities: number }>("hold-state", state);
        if (held.entities !== history.items) throw new Error(`held ${held.entities} items`);
        return held.rssBytes / mebibyte;
      },
    });
    return [
      rowOf({
        name: `P8 peak memory of opening ${history.records.toLocaleString("en-US")} records: the state alone`,
        unit: "MiB",
        ours,
        theirs: alone,
        goal: { ratioAtMost: 1.5 },
      }),
    ];
  },
};
