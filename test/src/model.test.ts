/**
 * The model: random lives of a store against a plain reference.
 *
 * The rule: a failure prints its commands, its seed and its path. To run it again:
 * TASKWAL_MODEL_SEED=… TASKWAL_MODEL_PATH=… TASKWAL_MODEL_REPLAY=<replayPath> npx vitest run test/src/model.test.ts
 * TASKWAL_MODEL_RUNS=n takes more runs; the campaign ("pnpm bench campaign model") goes on for as long
 * as it is given.
 */
import * as taskwal from "taskwal";
import { expect, test } from "vitest";
import { runModel } from "./model/model-run.ts";
import { show } from "./world/show.ts";

const seed = Number(process.env["TASKWAL_MODEL_SEED"] ?? 20_261_122);
const path = process.env["TASKWAL_MODEL_PATH"];
const runs = Number(process.env["TASKWAL_MODEL_RUNS"] ?? 60);

test(
  "a store does what a plain reference does, whatever comes, in whatever order",
  async () => {
    const counts = new Map<string, number>();
    await runModel({
      engine: taskwal,
      seed,
      path,
      replayPath: process.env["TASKWAL_MODEL_REPLAY"],
      runs,
      count: (what) => counts.set(what, (counts.get(what) ?? 0) + 1),
    });
    show(`model: seed ${seed}, ${runs} runs`);
    show([...counts].map(([what, count]) => `   ${what} ${count}`).join(","));
    if (path !== undefined) return;
    // What it claims to try, it has tried.
    for (const what of [": crash", ": close", ": failed sync", ": disk full", "poisoned", "again"])
      expect(counts.get(what) ?? 0, what).toBeGreaterThan(10);
  },
  runs * 1_000,
);
