/**
 * What is left of a failed fsync: the kernel calls the pages clean, so a new process reads bytes that are not
 * on the disk, and no later fsync writes them.
 *
 *     a ✓  b ✗ EIO │ killed │ opens: shows a, and b from the cache ─ c ✓ │ power fails │ a, b and c are there
 *
 * The rule: what the second process showed or acknowledged survives. It does because an opening writes again
 * what no promise covers; a copy of the engine that keeps the old segment as it is loses it, which is shown.
 */
import { createSimDisk, type SimDisk } from "@taskwal/disk/sim";
import * as taskwal from "taskwal";
import type { TaskStore } from "taskwal";
import { describe, expect, it } from "vitest";
import { withPatches } from "./crash/patched-engine.ts";
import type { Engine } from "./crash/note-store.ts";
import { refusalOf } from "./world/note-model.ts";

/** The plant: the log goes on behind bytes that only the cache has. */
const keepTheOldSegment = {
  file: "log/dist/carry-tail.js",
  find: "if (end.lastKept > end.durable)",
  put: "if (false)",
};

const open = (engine: Engine, sim: SimDisk): { store: Promise<TaskStore>; kill: () => void } => {
  const disk = sim.process();
  const options = { dir: "/state", disk, mirrors: false, autosaveMs: Number.POSITIVE_INFINITY };
  return { store: engine.openTaskStore(options), kill: () => disk.kill() };
};

const create = (store: TaskStore, id: string): Promise<unknown> =>
  store.create({ id, description: id, tool: "CLAUDECODE" });

const idsOf = (store: TaskStore): string[] =>
  store
    .list()
    .map(({ id }) => id)
    .toSorted();

interface Shown {
  readonly second: readonly string[];
  readonly third: readonly string[];
  readonly lost: readonly unknown[];
}

/** What the second process showed in the end, and what the third one finds after the power cut. */
const runGate = async (engine: Engine, acknowledged: readonly string[]): Promise<Shown> => {
  const sim = createSimDisk();
  const first = open(engine, sim);
  const writer = await first.store;
  await create(writer, "a");
  const isLogSync = ({ kind, path }: { kind: string; path: string }): boolean =>
    kind === "sync" && path.includes(".jsonl");
  sim.fail(isLogSync, "EIO", { afterSync: "clean" });
  expect(await refusalOf(create(writer, "b"))).toMatchObject({ outcome: "unknown" });
  expect(writer.poisoned).toBeDefined();
  first.kill();

  const second = open(engine, sim);
  const next = await second.store;
  for (const id of acknowledged) await create(next, id);
  const shown = idsOf(next);
  second.kill();
  sim.powerCut("none");

  const third = await open(engine, sim).store;
  const found = { second: shown, third: idsOf(third), lost: third.recovery.lost };
  await third.close();
  return found;
};

describe("after a failed fsync", () => {
  it.each([
    { what: "shown", acknowledged: [] },
    { what: "shown, and acknowledged c", acknowledged: ["c"] },
  ])("whatever a new process has $what is there after a power cut", async ({ acknowledged }) => {
    const { second, third, lost } = await runGate(taskwal, acknowledged);
    expect(second, "it reads what never reached the disk").toEqual(["a", "b", ...acknowledged]);
    expect(third).toEqual(second);
    expect(lost).toEqual([]);
  });

  it("an engine that keeps the old segment as it is loses what it showed: so the tests above can fail", async () => {
    const { second, third } = await withPatches([keepTheOldSegment], (engine) =>
      runGate(engine, ["c"]),
    );
    expect(second).toEqual(["a", "b", "c"]);
    expect(third).not.toContain("b");
    // The same copy without the bug.
    const control = await withPatches([], (engine) => runGate(engine, ["c"]));
    expect(control.third).toEqual(["a", "b", "c"]);
  });
});
