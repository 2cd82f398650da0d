/**
 * The same mutations under random options and with random things happening between them.
 *
 * The rule: a failure prints its seed, its plan and its circumstances; TASKWAL_METAMORPHIC_SEED runs it again.
 */
import * as taskwal from "taskwal";
import { expect, test } from "vitest";
import { Broken } from "./crash/inspect.ts";
import { withPatches } from "./crash/patched-engine.ts";
import { runMetamorphic } from "./model/metamorphic.ts";

const seed = Number(process.env["TASKWAL_METAMORPHIC_SEED"] ?? 1);

test("the same mutations give the same entities and digest, whatever the options and whatever happens between", async () => {
  const counts = new Map<string, number>();
  const count = (what: string): void => void counts.set(what, (counts.get(what) ?? 0) + 1);
  await runMetamorphic({ engine: taskwal, seed, plans: 8, variants: 4, count });
  for (const what of ["snapshot", "compact", "close", "reopen", "kill", "power cut", "time"])
    expect(counts.get(what) ?? 0, what).toBeGreaterThan(1);
}, 60_000);

test("a list that a snapshot cuts short is noticed", async () => {
  const patch = {
    file: "core/dist/load-state.js",
    find: "for (const key of engine.keys)",
    put: `for (const [entity] of [...model.entities.values()].map((one) => [one])) {
        for (const [id, slot] of state.slots(entity)) if (slot.lists?.lines?.length > 1) state.restore(entity, id, { ...slot, lists: undefined });
    }
    for (const key of engine.keys)`,
  };
  await withPatches([patch], async (engine) => {
    await expect(runMetamorphic({ engine, seed, plans: 10, variants: 4 })).rejects.toBeInstanceOf(
      Broken,
    );
  });
}, 60_000);
