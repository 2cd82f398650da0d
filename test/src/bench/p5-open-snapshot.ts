/**
 * P5: opening 100,000 tasks from state.json, and 10,000 records after it.
 *
 *     ours      verify and read state.json ─ verify and fold the tail ─ ready to write
 *     limit     JSON.parse of state.json, the whole text at once
 */
import { join } from "node:path";
import { sized, type Benchmark } from "./benchmark.ts";
import { runInChild } from "./child.ts";
import type { Opening } from "./child-jobs.ts";
import { withCopy } from "./copied-store.ts";
import { rowOf } from "./row.ts";
import { takeTurns } from "./turns.ts";

export const openSnapshot: Benchmark = {
  name: "P5",
  what: "open 100,000 tasks from state.json and 10,000 records after it",
  run: async (bench) => {
    const { tasks, tail } = sized(bench, {
      full: { tasks: 100_000, tail: 10_000 },
      quick: { tasks: 5_000, tail: 500 },
      tiny: { tasks: 20, tail: 10 },
    });
    const store = join(bench.dir, "store");
    bench.progress("filling");
    await runInChild("fill-tasks", store, tasks, tail);
    const rate = ({ ms, entities }: Opening): number => {
      if (entities !== tasks) throw new Error(`found ${entities} tasks`);
      return (tasks * 1_000) / ms;
    };
    const { ours, limit } = await takeTurns(bench, {
      ours: async () =>
        rate(await withCopy(store, (copy) => runInChild<Opening>("open-tasks", copy))),
      limit: async () => rate(await runInChild<Opening>("parse-file", join(store, "state.json"))),
    });
    const sizes = `${tasks.toLocaleString("en-US")} tasks`;
    return [
      rowOf({
        name: `P5 open ${sizes}: JSON.parse of the same state.json`,
        unit: "tasks/s",
        ours,
        theirs: limit,
        goal: { ratioAtLeast: 0.7 },
        note: `the limit: it only parses, and has no tail of ${tail.toLocaleString("en-US")} records`,
      }),
    ];
  },
};
