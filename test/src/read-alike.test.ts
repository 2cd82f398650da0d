/**
 * A log of which no header and no HEAD reads is read alike by all who read it: LOCK says whose it is, as in an opening.
 */
import { join } from "node:path";
import { openTaskStore, planMigration, planSalvage, taskModel } from "taskwal";
import { open } from "taskwal/offline";
import { describe, expect, it } from "vitest";
import { layOut } from "./fuzz/offline-trial.ts";
import { filesIn } from "./fuzz/task-stores.ts";
import { scratchDirectories } from "./world/scratch.ts";

const scratch = scratchDirectories();

/** Closed, so that all of it is durable; then every header and HEAD is spoiled, and the snapshot is gone. */
const withoutNames = async (): Promise<string> => {
  const dir = join(scratch(), "state");
  const store = await openTaskStore({ dir, mirrors: false });
  await store.create({ id: "a", description: "one", tool: "T" });
  await store.update("a", { status: "failed" });
  await store.create({ id: "b", description: "two", tool: "T" });
  await store.close();
  const files = filesIn(dir);
  const kept = [...files].filter(([name]) => !name.startsWith("state."));
  for (const [name, bytes] of kept) {
    if (name === "wal/HEAD") bytes.fill(0);
    if (name.endsWith(".jsonl")) bytes.fill("x", 0, bytes.indexOf("\n"));
  }
  layOut(dir, new Map(kept));
  return dir;
};

describe("a log of which no header reads", () => {
  it("is read alike by an opening for reading, its records, an offline reading, a plan of a migration, a salvage and an opening", async () => {
    const dir = await withoutNames();
    const reader = await openTaskStore({ dir, readOnly: true });
    const read = [reader.list(), reader.recovery.lost];
    const sequences: number[] = [];
    for await (const { seq } of reader.records()) sequences.push(seq);
    await reader.close();
    const offline = await open(dir, { cacheDir: false });
    const steps: string[] = [];
    for await (const { kind } of offline.records()) steps.push(kind);
    // Some only, and from the middle on: they are looked for in another way.
    for await (const { kind } of offline.records({ after: 3 })) steps.push(kind);
    await offline.close();
    const plan = await planMigration({ dir, model: taskModel });
    const salvage = await planSalvage({ dir, model: taskModel });
    const store = await openTaskStore({ dir });
    expect([store.list(), store.recovery.lost]).toEqual(read);
    expect(store.list().map(({ id, status }) => [id, status])).toEqual([
      ["a", "failed"],
      ["b", "pending"],
    ]);
    await store.close();
    expect(sequences.length).toBe(5);
    expect(steps).toEqual(Array(7).fill("record"));
    expect(plan.log).toMatchObject({ last: sequences.at(-1) });
    expect(salvage.records).toBe(sequences.length);
  });
});
