/**
 * Migrations that cannot strand anyone: the power fails before every call of one, and of the opening after
 * it; afterwards the older program opens all of it, or is refused and the newer one does.
 *
 * Method: the simulated disk; every subset of what is unsynced survives where there are at most eight
 * such things (the test says that there never are more).
 */
import { createSimDisk, type PowerCutChoice, type SimDisk } from "@taskwal/disk/sim";
import {
  defineEntity,
  defineModel,
  openStore,
  ReplayFailedError,
  UnsupportedFormatError,
} from "taskwal";
import { beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { recordCrashPoints, type CrashPoint } from "./crash/recording.ts";
import { refusalOf } from "./world/note-model.ts";
import {
  acknowledged,
  firstNotes,
  leaveFirst,
  migrated,
  openFirst,
  openSecond,
  secondModelWith,
  secondNoteWith,
  secondNotes,
} from "./world/migrating-model.ts";

const backupName = "/state/state.pre-migration.backup.json";
const logName = "/state/state.migration-v1-to-v2.log";

const textOf = (sim: SimDisk, path: string): string => Buffer.from(sim.readRaw(path)).toString();
const schemaOf = (sim: SimDisk): unknown =>
  (JSON.parse(textOf(sim, "/state/state.json")) as { schema: unknown }).schema;

const oldStore = async (): Promise<SimDisk> => {
  const sim = createSimDisk();
  await leaveFirst(sim);
  return sim;
};

const filesOf = (sim: SimDisk): Record<string, string> =>
  Object.fromEntries(
    sim
      .listRaw()
      .filter((path) => !path.endsWith(".claim") && !path.endsWith("LOCK"))
      .map((path) => [path, textOf(sim, path)]),
  );

const claimsOf = (sim: SimDisk): string[] =>
  sim.listRaw().filter((path) => path.endsWith(".claim"));

const subsetsOfMax = 8;

/** Every subset of what is unsynced; and, for what a sector makes of writes, torn and reordered ones. */
const cutsOf = (sim: SimDisk, seed: number): PowerCutChoice[] => {
  const { length } = sim.unsynced();
  expect(length).toBeLessThanOrEqual(subsetsOfMax);
  const subsets = Array.from({ length: 2 ** length }, (_, kept): PowerCutChoice => {
    const isKept = (index: number): boolean => (kept & (1 << index)) !== 0;
    return {
      writes: ({ index }) => (isKept(index) ? "keep" : "drop"),
      names: ({ index }) => isKept(index),
    };
  });
  const any = { size: "random", newBytes: "random", seed } as const;
  return [
    ...subsets,
    { writes: () => "tear", names: "all", sectorBytes: 1, ...any },
    { writes: "random", names: "all", sectorBytes: 512, ...any },
  ];
};

/** The points before each call of an opening by the newer program. */
const pointsOf = async (sim: SimDisk): Promise<readonly CrashPoint[]> => {
  const recorder = recordCrashPoints(sim, "open", () => 0);
  const store = await openSecond(sim.process("newer"));
  recorder.stop();
  expect(secondNotes(store)).toEqual(acknowledged);
  return recorder.points;
};

/** One disk after a crash. Returns whether the older program still opens it. */
const judge = async (sim: SimDisk): Promise<boolean> => {
  const state = sim.snapshotState();
  const older = await openFirst(sim.process("older")).catch((error: unknown) => error);
  const isOpen = !(older instanceof Error);
  if (!isOpen) {
    expect(older).toBeInstanceOf(UnsupportedFormatError);
    expect(String(older)).toContain("note schema version 2");
    // Not a moment before what takes its place is there.
    expect(schemaOf(sim)).toEqual({ note: 2 });
  } else {
    const store = older as Awaited<ReturnType<typeof openFirst>>;
    expect(firstNotes(store)).toEqual(acknowledged);
    expect(store.recovery.lost).toEqual([]);
    await store.close();
    // It went on with it; the newer one takes over again.
    await judgeNewer(sim);
  }
  sim.restore(state);
  await judgeNewer(sim);
  return isOpen;
};

const judgeNewer = async (sim: SimDisk): Promise<void> => {
  const store = await openSecond(sim.process("newer"));
  expect(secondNotes(store)).toEqual(acknowledged);
  expect([store.recovery.lost, store.recovery.damaged, store.recovery.skipped]).toEqual([
    [],
    [],
    [],
  ]);
  // Complete: whatever a power cut takes now, all that a migration leaves is there.
  sim.powerCut("none");
  expect(schemaOf(sim)).toEqual({ note: 2 });
  expect(JSON.parse(textOf(sim, backupName))).toMatchObject({ schema: { note: 1 } });
  const line = JSON.parse(textOf(sim, logName).trimEnd().split("\n").at(-1) ?? "") as unknown;
  expect(line).toMatchObject({ entities: [{ entity: "note", from: 1, to: 2 }] });
  const again = await openSecond(sim.process("newer"));
  expect(secondNotes(again)).toEqual(acknowledged);
  expect(again.recovery.notes.filter((note) => note.includes("migrates"))).toEqual([]);
  const types: string[] = [];
  for await (const { type } of again.records()) types.push(type);
  expect(types.filter((type) => type === "$migrated")).toHaveLength(1);
  await again.close();
  const refused = await refusalOf(openFirst(sim.process("older")));
  expect(refused).toBeInstanceOf(UnsupportedFormatError);
};

describe("a migration whose power fails before any of its calls, whatever of the unsynced survives,", () => {
  let points: readonly CrashPoint[];
  let sim: SimDisk;
  beforeAll(async () => {
    sim = await oldStore();
    // All that the older program left is durable: what is unsynced below is the migration's own.
    sim.powerCut("all");
    points = await pointsOf(sim);
  });

  // Planted: each step of the order left out or moved; see test/mutants.
  test("leaves a store that the older program opens complete, or refuses and the newer one does", async () => {
    const seen = { older: 0, newer: 0 };
    let wasOpen = true;
    for (const [index, point] of points.entries()) {
      sim.restore(point.state);
      for (const cut of cutsOf(sim, index)) {
        sim.restore(point.state);
        sim.powerCut(cut);
        const isOpen = await judge(sim);
        seen[isOpen ? "older" : "newer"] += 1;
        wasOpen = isOpen;
      }
    }
    expect(wasOpen).toBe(false);
    expect(seen.older).toBeGreaterThan(20);
    expect(seen.newer).toBeGreaterThan(5);
  }, 120_000);

  test("goes on at the next opening, also when the power fails before any call of that one", async () => {
    let disks = 0;
    for (const [index, point] of points.entries()) {
      sim.restore(point.state);
      sim.powerCut(index % 2 === 0 ? "none" : "all");
      const inside = await pointsOf(sim);
      for (const nested of inside) {
        for (const cut of ["none", "all"] as const) {
          sim.restore(nested.state);
          sim.powerCut(cut);
          await judgeNewer(sim);
          disks += 1;
        }
      }
    }
    expect(disks).toBeGreaterThan(500);
  }, 240_000);
});

test("a migration keeps the snapshot as it was, tells what it did, and is told by events and the report", async () => {
  const sim = await oldStore();
  const before = textOf(sim, "/state/state.json");
  const told: unknown[] = [];
  const store = await openSecond(sim.process(), undefined, {
    "migration:started": (facts) => {
      expect(schemaOf(sim)).toEqual({ note: 1 });
      told.push(["started", facts]);
    },
    "migration:done": (facts) => told.push(["done", facts]),
  });
  const facts = {
    entities: [{ entity: "note", from: 1, to: 2, count: 3 }],
    backup: "state.pre-migration.backup.json",
    log: "state.migration-v1-to-v2.log",
  };
  expect(told).toEqual([
    ["started", facts],
    ["done", facts],
  ]);
  expect(store.recovery.toText()).toContain(
    "migrates note from version 1 to 2 (3 in the snapshot)",
  );
  expect(textOf(sim, backupName)).toBe(before);
  const line = JSON.parse(textOf(sim, logName)) as { to: { digest: string } };
  expect(line.to.digest).toBe(store.digest());
  await store.close();
});

test("a migration that a schema refuses names entity, id and path, and leaves everything untouched", async () => {
  const sim = await oldStore();
  const before = filesOf(sim);
  const model = secondModelWith(({ id, name }) => ({
    id,
    title: name,
    pinned: id === "b" ? "no" : false,
  }));
  const error = await refusalOf(openSecond(sim.process(), model));
  expect(error).toBeInstanceOf(ReplayFailedError);
  expect(error).toMatchObject({ type: "note", id: "b", path: "pinned" });
  expect(String(error)).toContain(
    "cannot migrate note b of state.json from version 1 to 2 at pinned",
  );
  expect(filesOf(sim)).toEqual(before);
  const store = await openFirst(sim.process());
  expect(firstNotes(store)).toEqual(acknowledged);
  await store.close();
});

test("a migration whose log or schema is too large to be written down says which and how large, and leaves everything untouched", async () => {
  const sim = await oldStore();
  const large = Buffer.alloc(16 * 2 ** 20 + 1, "x");
  sim.writeRaw(logName, large);
  const refused = await refusalOf(openSecond(sim.process()));
  expect(refused).toBeInstanceOf(RangeError);
  expect(String(refused)).toContain(`${logName} has ${large.length} bytes, over ${16 * 2 ** 20}`);
  expect(claimsOf(sim)).toEqual(claimsOf(await oldStore()));
  sim.removeRaw(logName);
  expect(filesOf(sim)).toEqual(filesOf(await oldStore()));

  const kinds = Object.fromEntries(
    Array.from({ length: 2_000 }, (_, n) => {
      const name = `kind-${n}-${"x".repeat(20)}`;
      const schema = z.object({ id: z.string() });
      const create = {
        [`${name}.created`]: {
          payload: z.object({}),
          reduce: (_: object, { id }: { id: string }) => ({ id }),
        },
      };
      return [
        `k${n}`,
        defineEntity({ name, collection: name, version: 1, schema, create, change: {} }),
      ];
    }),
  );
  const many = defineModel({ entities: { notes: secondNoteWith(migrated), ...kinds } });
  const tooMany = await refusalOf(
    openStore({ dir: "/state", model: many, disk: sim.process(), mirrors: false }),
  );
  expect(tooMany).toBeInstanceOf(RangeError);
  expect(String(tooMany)).toMatch(
    /the field schema, .* 2001 kinds of entities, has \d+ bytes as JSON, over \d+/,
  );
  expect(filesOf(sim)).toEqual(filesOf(await oldStore()));
  const store = await openFirst(sim.process());
  expect(firstNotes(store)).toEqual(acknowledged);
  await store.close();
});

test("a store without any snapshot is refused by the older program too, once the newer one opened it", async () => {
  const sim = createSimDisk();
  const process = sim.process();
  await openSecond(process);
  process.kill();
  const before = filesOf(sim);
  const error = await refusalOf(openFirst(sim.process()));
  expect(error).toBeInstanceOf(UnsupportedFormatError);
  expect(String(error)).toContain("note schema version 2");
  expect(filesOf(sim)).toEqual(before);
});

test("the backup of an earlier migration is set aside, not overwritten, when another one begins", async () => {
  const sim = await oldStore();
  sim.writeRaw(backupName, Buffer.from("what an earlier migration kept"));
  const store = await openSecond(sim.process());
  expect(textOf(sim, "/state/quarantine/state.pre-migration.1.json")).toBe(
    "what an earlier migration kept",
  );
  expect(JSON.parse(textOf(sim, backupName))).toMatchObject({ schema: { note: 1 } });
  await store.close();
});
