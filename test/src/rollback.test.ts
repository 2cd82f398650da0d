/**
 * The way back from a migration: what it hides is listed before, nothing of it is lost, and a power cut
 * before any of its calls leaves the source as it was and a new directory that is complete or opens for nobody.
 */
import { createSimDisk, type PowerCutChoice, type SimDisk } from "@taskwal/disk/sim";
import {
  CorruptError,
  DiskFailedError,
  hiddenRecords,
  LockedError,
  planRollback,
  rollBack,
  UnsupportedFormatError,
  type RollbackPlan,
} from "taskwal";
import { describe, expect, test } from "vitest";
import { recordCrashPoints } from "./crash/recording.ts";
import { refusalOf } from "./world/note-model.ts";
import {
  acknowledged,
  firstNotes,
  leaveFirst,
  openFirst,
  openSecond,
  secondNotes,
} from "./world/migrating-model.ts";

const dir = "/state";
const into = "/back";

/** The older program's store, migrated and gone on with by the newer one. */
const migratedStore = async (): Promise<SimDisk> => {
  const sim = createSimDisk();
  await leaveFirst(sim);
  const store = await openSecond(sim.process("newer"));
  await store.notes.mutate("e", "note.created", { title: "e" });
  await store.transact(({ notes }) => {
    notes.mutate("a", "note.renamed", { title: "a of two" });
    notes.append("b", "lines", { text: "third" });
  });
  await store.close();
  sim.powerCut("all");
  return sim;
};

const newer = { ...acknowledged, a: [4, "a of two", "first"], b: [2, "b", "third"], e: [1, "e"] };

const filesIn = (sim: SimDisk, folder: string): Record<string, string> =>
  Object.fromEntries(
    sim
      .listRaw()
      .filter((path) => path.startsWith(`${folder}/`))
      .map((path) => [path, Buffer.from(sim.readRaw(path)).toString("hex")]),
  );

const planOf = async (sim: SimDisk): Promise<RollbackPlan> => {
  const plan = await planRollback({ dir, disk: sim.process() });
  if (!plan) throw new Error("there is a way back");
  return plan;
};

const hiddenOf = async (sim: SimDisk, plan: RollbackPlan): Promise<unknown[]> => {
  const hidden = [];
  for await (const { seq, type, id } of hiddenRecords({ dir, disk: sim.process() }, plan)) {
    hidden.push(id === undefined ? [seq, type] : [seq, type, id]);
  }
  return hidden;
};

/** Both programs find in each directory all that it is to have. */
const expectBoth = async (sim: SimDisk, target = into): Promise<void> => {
  const older = await openFirst(sim.process("older"), target);
  expect(firstNotes(older)).toEqual(acknowledged);
  expect([older.recovery.lost, older.recovery.damaged, older.recovery.skipped]).toEqual([
    [],
    [],
    [],
  ]);
  await older.notes.mutate("f", "note.created", { name: "f" });
  await older.close();
  const again = await openFirst(sim.process("older"), target);
  expect(firstNotes(again)).toEqual({ ...acknowledged, f: [1, "f"] });
  await again.close();
  const store = await openSecond(sim.process("newer"));
  expect(secondNotes(store)).toEqual(newer);
  await store.close();
};

describe("a rollback", () => {
  test("lists what it would hide, record by record, and makes no changing call", async () => {
    const sim = await migratedStore();
    const before = filesIn(sim, "");
    const recorder = recordCrashPoints(sim, "open", () => 0);
    const plan = await planOf(sim);
    const hidden = await hiddenOf(sim, plan);
    recorder.stop();
    expect(recorder.points).toEqual([]);
    expect(filesIn(sim, "")).toEqual(before);
    expect(plan).toMatchObject({
      base: { sequence: 5 },
      schema: { note: 1 },
      // The records between the snapshot and the migration come back too, its $boot of the older versions with them.
      to: 10,
      last: 15,
      hidden: { records: 5, mutations: 3 },
      unlisted: [],
    });
    expect(hidden).toEqual([
      [11, "$migrated"],
      [12, "note.created", "e"],
      [13, "note.renamed", "a"],
      [14, "note.lines.appended", "b"],
      [15, "$close"],
    ]);
  });

  test("gives the older program all that it had acknowledged, and leaves the migrated store as it is", async () => {
    const sim = await migratedStore();
    const before = filesIn(sim, dir);
    await rollBack({ dir, into, plan: await planOf(sim), disk: sim.process() });
    // Durable when it resolves.
    sim.powerCut("none");
    expect(filesIn(sim, dir)).toEqual(before);
    const log = Object.entries(filesIn(sim, into)).find(([path]) => path.endsWith(".jsonl"))?.[1];
    expect(Buffer.from(log ?? "", "hex").toString()).toContain('"rolledBack":{"store":');
    const idOf = (folder: string): unknown =>
      (
        JSON.parse(Buffer.from(sim.readRaw(`${folder}/state.json`)).toString()) as {
          store: unknown;
        }
      ).store;
    expect(idOf(into)).not.toBe(idOf(dir));
    await expectBoth(sim);
  });

  test("brings back what was acknowledged between a migration that a crash cut short and the one that was done", async () => {
    const sim = createSimDisk();
    await leaveFirst(sim);
    const recorder = recordCrashPoints(sim, "open", () => 0);
    await openSecond(sim.process("newer"));
    recorder.stop();
    // Its $boot is there, its snapshot is not: the older program goes on.
    const isBooted = ({ call }: { call: { path: string } }): boolean =>
      call.path.includes("pre-migration");
    const point = recorder.points.find(isBooted);
    if (!point) throw new Error("a migration keeps a backup");
    sim.restore(point.state);
    sim.powerCut("all");
    const older = await openFirst(sim.process("older"));
    await older.notes.mutate("g", "note.created", { name: "g" });
    await older.close();
    await (await openSecond(sim.process("newer"))).close();
    await rollBack({ dir, into, plan: await planOf(sim), disk: sim.process() });
    const back = await openFirst(sim.process("older"), into);
    expect(firstNotes(back)).toEqual({ ...acknowledged, g: [1, "g"] });
    await back.close();
  });

  test("hides nothing where a crash took the migration between its snapshot and its marker, and brings all back", async () => {
    const sim = createSimDisk();
    await leaveFirst(sim);
    const recorder = recordCrashPoints(sim, "open", () => 0);
    await openSecond(sim.process("newer"));
    recorder.stop();
    const stateAt = recorder.points.findIndex(({ call }) => call.to === "/state/state.json");
    const next = recorder.points[stateAt + 2];
    if (stateAt < 0 || !next) throw new Error("a migration replaces state.json, and goes on");
    sim.restore(next.state);
    sim.powerCut("all");
    expect(await refusalOf(openFirst(sim.process("older")))).toBeInstanceOf(UnsupportedFormatError);
    const plan = await planOf(sim);
    expect(plan).toMatchObject({ base: { sequence: 5 }, to: 10, last: 10, unlisted: [] });
    expect(await hiddenOf(sim, plan)).toEqual([]);
    await rollBack({ dir, into, plan, disk: sim.process() });
    const back = await openFirst(sim.process("older"), into);
    expect(firstNotes(back)).toEqual(acknowledged);
    await back.close();
  });

  test("goes back by a backup of the older versions where the kept snapshot no longer verifies, and is refused without one", async () => {
    const sim = await migratedStore();
    const kept = "/state/state.pre-migration.backup.json";
    sim.flipBit(kept, sim.readRaw(kept).length * 4);
    const plan = await planOf(sim);
    expect(plan.base.name).toMatch(/^state\.backup\./);
    await rollBack({ dir, into, plan, disk: sim.process() });
    await expectBoth(sim);
    for (const path of sim.listRaw()) if (path.includes("/state.backup.")) sim.removeRaw(path);
    expect(await refusalOf(planOf(sim))).toBeInstanceOf(CorruptError);
  });

  test("lists as gone what the log no longer has between the snapshot and the migration, and comes back to the snapshot", async () => {
    const sim = await migratedStore();
    const segments = sim.listRaw().filter((path) => path.endsWith(".jsonl"));
    const [first = "", ...others] = segments.toSorted();
    expect(others.length).toBeGreaterThan(0);
    sim.removeRaw(first);
    const plan = await planOf(sim);
    expect(plan).toMatchObject({ to: 5, last: 15, unlisted: [[6, 9]] });
    expect(await hiddenOf(sim, plan)).toHaveLength(plan.hidden.records);
    await rollBack({ dir, into, plan, disk: sim.process() });
    const back = await openFirst(sim.process("older"), into);
    expect(Object.keys(firstNotes(back))).toEqual(["a", "b", "c"]);
    await back.close();
  });

  test("is refused into what is not empty, into the store itself, and once the store has gone on", async () => {
    const sim = await migratedStore();
    const plan = await planOf(sim);
    const disk = sim.process();
    sim.writeRaw("/taken/file", Buffer.from("somebody's"));
    for (const taken of ["/taken", dir, `${dir}/new`]) {
      expect(await refusalOf(rollBack({ dir, into: taken, plan, disk }))).toBeInstanceOf(
        DiskFailedError,
      );
    }
    expect(Object.keys(filesIn(sim, "/taken"))).toEqual(["/taken/file"]);
    const store = await openSecond(sim.process("newer"));
    expect(await refusalOf(rollBack({ dir, into, plan, disk }))).toBeInstanceOf(LockedError);
    // Begun, but nobody takes it for a store.
    expect(await refusalOf(openFirst(sim.process("older"), into))).toBeInstanceOf(CorruptError);
    await store.close();
    expect(secondNotes(await openSecond(sim.process("newer")))).toEqual(newer);
  });

  test("of a store that no migration has touched has nothing to go back by", async () => {
    const sim = createSimDisk();
    await leaveFirst(sim);
    expect(await planRollback({ dir, disk: sim.process() })).toBeUndefined();
  });
});

const cuts: readonly PowerCutChoice[] = ["none", "all"];

/** Every subset of what is unsynced, where there is little; else nothing, all, and so many random ones. */
const cutsOf = (sim: SimDisk): PowerCutChoice[] => {
  const { length } = sim.unsynced();
  if (length > 10) throw new Error(`${length} things are unsynced at once`);
  return Array.from({ length: 2 ** length }, (_, kept): PowerCutChoice => {
    const isKept = (index: number): boolean => (kept & (1 << index)) !== 0;
    return {
      writes: ({ index }) => (isKept(index) ? "keep" : "drop"),
      names: ({ index }) => isKept(index),
    };
  });
};

describe("a rollback whose power fails before any of its calls, whatever of the unsynced survives,", () => {
  // Planted: the state before the log, the log not synced, the mark left out; see test/mutants.
  test("leaves the store as it was, and a new directory that is complete or opens for nobody; another one succeeds", async () => {
    const sim = await migratedStore();
    const plan = await planOf(sim);
    const before = filesIn(sim, dir);
    const recorder = recordCrashPoints(sim, "rollback", () => 0);
    await rollBack({ dir, into, plan, disk: sim.process() });
    recorder.stop();
    const seen = { nothing: 0, refused: 0, complete: 0 };
    for (const point of recorder.points) {
      sim.restore(point.state);
      for (const cut of [...cuts, ...cutsOf(sim)]) {
        sim.restore(point.state);
        sim.powerCut(cut);
        expect(filesIn(sim, dir)).toEqual(before);
        seen[await judge(sim)] += 1;
      }
    }
    expect(seen.nothing).toBeGreaterThan(3);
    expect(seen.refused).toBeGreaterThan(10);
    expect(seen.complete).toBeGreaterThan(0);
  }, 120_000);
});

const judge = async (sim: SimDisk): Promise<"nothing" | "refused" | "complete"> => {
  const names = Object.keys(filesIn(sim, into));
  const holdsNothing = names.every((name) => !/\.jsonl$|\/state\.json$/.test(name));
  const state = sim.snapshotState();
  const opened = holdsNothing
    ? "nothing"
    : await openFirst(sim.process("older"), into).catch((error: unknown) => error);
  if (opened === "nothing" || opened instanceof CorruptError) {
    sim.restore(state);
    await rollBack({ dir, into: "/again", plan: await planOf(sim), disk: sim.process() });
    await expectBoth(sim, "/again");
    return opened === "nothing" ? opened : "refused";
  }
  expect(opened).not.toBeInstanceOf(Error);
  sim.restore(state);
  await expectBoth(sim);
  return "complete";
};
