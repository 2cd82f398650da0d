/**
 * A migration by a program that does not know all of what it migrates: the power fails before each of its calls, and
 * whoever opens the store then has all of it, what waits included.
 *
 *     all of version 1 ─ killed ─ a part of version 2: migrates ─┬─ all of version 1: complete, or refused
 *                                              └ the power fails  ├─ the part of version 2: goes on; the rest waits
 *                                                                └─ all of version 2: as if the part had never been there
 */
import { createSimDisk, type PowerCutChoice, type SimDisk } from "@taskwal/disk/sim";
import {
  hiddenRecords,
  planMigration,
  planRollback,
  rollBack,
  UnsupportedFormatError,
  type RollbackPlan,
} from "taskwal";
import { beforeAll, describe, expect, test } from "vitest";
import { recordCrashPoints, type CrashPoint } from "./crash/recording.ts";
import { notesIn, openPart, openWhole, tagsIn } from "./world/partial-model.ts";
import {
  labelsIn,
  openPartSecond,
  openWholeSecond,
  partSecond,
  titlesIn,
  type PartSecond,
} from "./world/partial-migration.ts";

/** Some of it in the snapshot, entities of an unknown kind too; records of unknown types behind it; killed. */
const leave = async (sim: SimDisk): Promise<void> => {
  const process = sim.process("whole");
  const store = await openWhole(process);
  await store.notes.mutate("a", "note.created", { text: "a" });
  await store.notes.mutate("b", "note.created", { text: "b" });
  await store.tags.mutate("t", "tag.created", { text: "t" });
  await store.tags.mutate("gone", "tag.created", { text: "gone" });
  await store.snapshot();
  await store.notes.mutate("b", "note.archived", {});
  await store.transact((tx) => {
    tx.notes.mutate("a", "note.renamed", { text: "tx" });
    tx.notes.mutate("b", "note.renamed", { text: "tx" });
    tx.tags.mutate("t", "tag.renamed", { text: "tx" });
  });
  await store.notes.mutate("c", "note.imported", { text: "c" });
  process.kill();
  sim.powerCut("all");
};

const shown = { a: [2, "a>tx"], b: [1, "b"] };
const notes = { a: [2, "a>tx"], b: [3, "[b]>tx"], c: [1, "(c)"] };
const tags = { t: [2, "t>tx"], gone: [1, "gone"] };
const waiting = ["b", "c", "t"];

const expectPart = (store: PartSecond): void => {
  expect(titlesIn(store)).toEqual(shown);
  expect(store.held.map(({ id }) => id).toSorted()).toEqual(waiting);
  expect([store.recovery.lost, store.recovery.damaged, store.damaged]).toEqual([[], [], []]);
};

const subsetsOfMax = 8;

const cutsOf = (sim: SimDisk): PowerCutChoice[] => {
  const { length } = sim.unsynced();
  expect(length).toBeLessThanOrEqual(subsetsOfMax);
  return Array.from({ length: 2 ** length }, (_, kept): PowerCutChoice => {
    const isKept = (index: number): boolean => (kept & (1 << index)) !== 0;
    return {
      writes: ({ index }) => (isKept(index) ? "keep" : "drop"),
      names: ({ index }) => isKept(index),
    };
  });
};

describe("a migration by a program that does not know all of it", () => {
  let sim: SimDisk;
  let points: readonly CrashPoint[];
  let digest: string;

  beforeAll(async () => {
    sim = createSimDisk();
    await leave(sim);
    const left = sim.snapshotState();
    const direct = await openWholeSecond(sim.process("whole of 2"));
    expect([titlesIn(direct), labelsIn(direct)]).toEqual([notes, tags]);
    digest = direct.digest();
    await direct.close();
    sim.restore(left);
    const recorder = recordCrashPoints(sim, "open", () => 0);
    const store = await openPartSecond(sim.process("part of 2"));
    recorder.stop();
    expectPart(store);
    points = recorder.points;
    const marks: unknown[] = [];
    for await (const { type, data } of store.records()) if (type === "$migrated") marks.push(data);
    expect(marks).toMatchObject([{ schema: { note: 2, tag: 1 } }]);
  });

  const judgeWhole = async (): Promise<void> => {
    const store = await openWholeSecond(sim.process("whole of 2"));
    expect([titlesIn(store), labelsIn(store)]).toEqual([notes, tags]);
    expect([store.held, store.recovery.held, store.recovery.lost]).toEqual([[], [], []]);
    expect(store.digest()).toBe(digest);
    await store.close();
  };

  test("leaves all of it for every program, whatever call the power fails before and whatever survives", async () => {
    const seen = { open: 0, refused: 0 };
    for (const point of points) {
      sim.restore(point.state);
      for (const cut of cutsOf(sim)) {
        sim.restore(point.state);
        sim.powerCut(cut);
        const state = sim.snapshotState();
        const older = await openWhole(sim.process("whole")).catch((error: unknown) => error);
        if (older instanceof Error) {
          expect(older).toBeInstanceOf(UnsupportedFormatError);
          expect(older.message).toContain("note schema version 2");
          seen.refused += 1;
        } else {
          const store = older as Awaited<ReturnType<typeof openWhole>>;
          expect([notesIn(store), tagsIn(store)]).toEqual([notes, tags]);
          await store.close();
          seen.open += 1;
        }
        sim.restore(state);
        await judgeWhole();
        sim.restore(state);
        const part = await openPartSecond(sim.process("part of 2"));
        expectPart(part);
        await part.close();
        const schema = JSON.parse(
          Buffer.from(sim.readRaw("/state/state.json")).toString(),
        ) as object;
        expect(schema).toMatchObject({ schema: { note: 2, tag: 1 } });
        await judgeWhole();
      }
    }
    expect(seen.open).toBeGreaterThan(20);
    expect(seen.refused).toBeGreaterThan(5);
  }, 240_000);

  test("is planned by a dry run that lists what would wait, finds no difference and makes no changing call", async () => {
    const fresh = createSimDisk();
    await leave(fresh);
    const files = () => fresh.listRaw().map((path) => [path, Buffer.from(fresh.readRaw(path))]);
    const before = files();
    const plan = await planMigration({ dir: "/state", model: partSecond, disk: fresh.process() });
    expect(plan).toMatchObject({ opening: "migrate", failures: [], differences: { count: 0 } });
    expect(plan.held.map(({ type, ids }) => [type, ids])).toEqual([
      ["note.archived", 1],
      ["tag.renamed", 1],
      ["note.imported", 1],
      ["tag", 2],
    ]);
    expect(files()).toEqual(before);
  });

  test("has a way back that holds what waits, for who knows it and for who does not", async () => {
    for (const open of [openPartSecond, openWholeSecond]) {
      const fresh = createSimDisk();
      await leave(fresh);
      const part = fresh.process("part");
      await (await openPart(part)).close();
      const newer = await open(fresh.process("newer"));
      await newer.notes.mutate("a", "note.renamed", { text: "hidden" });
      await newer.close();
      const at = { dir: "/state", disk: fresh.process("back") };
      const plan = await planRollback(at);
      const hidden: string[] = [];
      if (plan) for await (const { type } of hiddenRecords(at, plan)) hidden.push(type);
      expect(hidden).toEqual(["$migrated", "note.renamed", "$close"]);
      await rollBack({ ...at, into: "/back", plan: plan as RollbackPlan });
      const older = await openPart(fresh.process("part"), { dir: "/back" });
      expect(notesIn(older)).toEqual(shown);
      expect(older.held.map(({ id }) => id).toSorted()).toEqual(waiting);
      await older.close();
      const whole = await openWhole(fresh.process("whole"), { dir: "/back" });
      expect([notesIn(whole), tagsIn(whole)]).toEqual([notes, tags]);
      expect(whole.recovery.lost).toEqual([]);
      await whole.close();
    }
  });
});
