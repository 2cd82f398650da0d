import { createSimDisk, type SimDisk } from "@taskwal/disk/sim";
import { defineEntity, defineModel } from "@taskwal/core";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { Broken } from "./broken-model-error.ts";
import type { Items } from "./ledger.ts";
import type { Plan, Step } from "./plan.ts";
import { runPlan } from "./run-plan.ts";

/** A tally; with steps from version 1 of what is added, if it is of another. */
const modelOf = (version = 1, upcast?: (old: { by: number }) => { by: number }) =>
  defineModel({
    entities: {
      tallies: defineEntity({
        name: "tally",
        collection: "tallies",
        version: 1,
        schema: z.object({ id: z.string(), total: z.number() }),
        create: {
          "tally.opened": { payload: z.object({}), reduce: (_, { id }) => ({ id, total: 0 }) },
        },
        change: {
          "tally.added": {
            payload: z.object({ by: z.number() }),
            version,
            ...(upcast ? { upcast: { 1: upcast } } : {}),
            reduce: (tally, { by }) => ({ ...tally, total: tally.total + by }),
          },
          "tally.closed": { payload: z.object({}), reduce: () => undefined },
        },
      }),
    },
  });

const model = modelOf();

const mutate = (type: string, payload: unknown = {}): Step => ({
  kind: "mutate",
  type,
  id: "a",
  payload,
});
const steps: readonly Step[] = [
  mutate("tally.opened"),
  { kind: "flush" },
  mutate("tally.added", { by: 2 }),
  { kind: "snapshot" },
  mutate("tally.closed"),
  mutate("tally.opened"),
  { kind: "reopen" },
  mutate("tally.added", { by: 3 }),
  { kind: "flush" },
  { kind: "crash" },
  mutate("tally.added", { by: 4 }),
];

/** Power failures all along the run. */
const failures = Array.from({ length: 40 }, (_, index) => ({
  at: index / 40,
  survivors: index + 1,
}));

const run = async (sim: SimDisk, changes: Partial<Plan> = {}): Promise<string> => {
  const plan: Plan = {
    steps,
    durability: "synced",
    segmentBytesMax: 2_000,
    mirrors: true,
    failures,
    ...changes,
  };
  const counts = { applied: new Map(), refused: new Map(), recoveries: 0 };
  try {
    await runPlan({ sim, plan, counts, write: () => model });
  } catch (error) {
    if (error instanceof Broken) return error.invariant;
    throw error;
  }
  return `held, ${counts.recoveries} recoveries`;
};

describe("a run with a power failure at forty places", () => {
  test.each(["synced", "written"] as const)("holds, %s", async (durability) => {
    // One crash in the run, four openings at its end, one for each failure.
    expect(await run(createSimDisk(), { durability })).toBe("held, 45 recoveries");
  });

  test("is broken by a disk that lies about its syncs, which the opening tells", async () => {
    const sim = createSimDisk();
    sim.lose((call) => call.kind === "sync" && call.path.includes("/wal/"), { times: "forever" });
    expect(await run(sim)).toBe("a crashed store opens with the model that wrote it");
  });

  test("is broken by records that rot before a recovery", async () => {
    const sim = createSimDisk();
    // At the crash the log is as it was written; then a bit of its first record flips.
    const powerCut = sim.powerCut.bind(sim);
    sim.powerCut = (choice) => {
      powerCut(choice);
      const [segment = ""] = sim.listRaw().filter((path) => path.endsWith(".jsonl"));
      const bytes = Buffer.from(sim.readRaw(segment));
      const at = bytes.indexOf('"tally.opened"');
      if (at >= 0) sim.flipBit(segment, (at + 1) * 8);
    };
    expect(await run(sim)).toBe("a crashed store opens with the model that wrote it");
  });

  test("is broken by a last acknowledged record that goes without a trace", async () => {
    const sim = createSimDisk();
    const powerCut = sim.powerCut.bind(sim);
    sim.powerCut = (choice) => {
      powerCut(choice);
      // What remains is a whole log that is one record shorter, and nothing promises that record.
      const segment = sim.listRaw().findLast((path) => path.endsWith(".jsonl"));
      if (segment === undefined || choice === "all") return;
      const lines = Buffer.from(sim.readRaw(segment)).toString().split("\n");
      const last = lines.findLastIndex((line) => line.includes('"tally.added"'));
      if (last >= 0) sim.writeRaw(segment, Buffer.from(`${lines.slice(0, last).join("\n")}\n`));
      sim.removeRaw("/state/wal/HEAD");
    };
    const added = mutate("tally.added", { by: 1 });
    const flush: Step = { kind: "flush" };
    const some = [mutate("tally.opened"), flush, added, flush, added, flush];
    expect(await run(sim, { steps: some, mirrors: false, segmentBytesMax: 1_000_000 })).toBe(
      "a recovery after a power failure reaches what was durable, and nothing that was not asked for",
    );
  });

  test("looks at the log alone too: a wrong upcaster is seen behind a snapshot of everything", async () => {
    const counts = { applied: new Map(), refused: new Map(), recoveries: 0 };
    const shown = [mutate("tally.opened"), mutate("tally.added", { by: 2 })];
    const plan = {
      steps: [...shown, { kind: "snapshot" }] as const,
      durability: "synced",
      segmentBytesMax: 2_000,
      mirrors: false,
      failures: [],
    } as const;
    const read = (upcast: (old: { by: number }) => { by: number }) => ({
      sim: createSimDisk(),
      plan,
      counts,
      write: () => model,
      read: { model: () => modelOf(2, upcast), expected: (items: Items) => items },
    });
    await runPlan(read(({ by }) => ({ by })));
    await expect(runPlan(read(({ by }) => ({ by: 2 * by })))).rejects.toMatchObject({
      invariant: "migrate ∘ fold_old = fold_new ∘ upcast",
      message: expect.stringContaining("replayed from the log alone") as unknown,
    });
  });
});
