/**
 * The dry run of a migration, beside what an opening then really does: the same model, the same store.
 */
import { createSimDisk, type SimDisk } from "@taskwal/disk/sim";
import { openStore, planMigration, ReplayFailedError, UnsupportedFormatError } from "taskwal";
import { describe, expect, test } from "vitest";
import { recordCrashPoints } from "./crash/recording.ts";
import { refusalOf } from "./world/note-model.ts";
import {
  firstModel,
  leaveFirst,
  migrated,
  openFirst,
  openSecond,
  secondModel,
  secondModelWith,
} from "./world/migrating-model.ts";

const oldStore = async (): Promise<SimDisk> => {
  const sim = createSimDisk();
  await leaveFirst(sim);
  return sim;
};

const filesOf = (sim: SimDisk): Record<string, string> =>
  Object.fromEntries(
    sim.listRaw().map((path) => [path, Buffer.from(sim.readRaw(path)).toString("hex")]),
  );

const planOf = (sim: SimDisk, model = secondModel): ReturnType<typeof planMigration> =>
  planMigration({ dir: "/state", model, disk: sim.process() });

const throwsAt = (name: string): typeof secondModel =>
  secondModelWith(migrated, (old) => {
    if (old.name === name) throw new RangeError(`${name} is not upcast`);
    return { title: old.name };
  });

/** As years of pruning: the newest so many backups stay, and the log back to the oldest of them. Returns its sequence. */
const pruneTo = (sim: SimDisk, backups: number): number => {
  const numberIn = (path: string): number => Number(/(\d+)(?:-\d+\.jsonl|\.json)$/.exec(path)?.[1]);
  const of = (part: string): string[] =>
    sim
      .listRaw()
      .filter((path) => path.includes(part) && !path.endsWith(".claim"))
      .toSorted((a, b) => numberIn(a) - numberIn(b));
  const [oldest = "", ...kept] = of("/state.backup.").splice(-backups);
  for (const path of of("/state.backup.")) {
    if (![oldest, ...kept].includes(path)) sim.removeRaw(path);
  }
  const segments = of("/wal/").filter((path) => path.endsWith(".jsonl"));
  for (const [index, path] of segments.entries()) {
    const next = segments[index + 1];
    if (next && numberIn(next) <= numberIn(oldest) + 1) sim.removeRaw(path);
  }
  return numberIn(oldest);
};

describe("a dry run", () => {
  test("says what an opening would migrate, counts every record that is kept, and makes no changing call", async () => {
    const sim = await oldStore();
    const before = filesOf(sim);
    const recorder = recordCrashPoints(sim, "open", () => 0);
    const progress: number[] = [];
    const plan = await planMigration({
      dir: "/state",
      model: secondModel,
      disk: sim.process(),
      onProgress: ({ sequence }) => progress.push(sequence),
    });
    recorder.stop();
    expect(recorder.points).toEqual([]);
    expect(filesOf(sim)).toEqual(before);
    expect(plan).toMatchObject({
      opening: "migrate",
      migration: { entities: [{ entity: "note", from: 1, to: 2, count: 3 }] },
      snapshot: { name: "state.json", sequence: 5 },
      log: { first: 1, last: 9, records: 9 },
      entities: [{ entity: "note", version: 2, count: 3 }],
      failures: [],
      differences: { count: 0 },
    });
    expect(plan.types).toContainEqual({ type: "note.created", version: 1, to: 2, records: 4 });
    expect(plan.types.reduce((sum, { records }) => sum + records, 0)).toBe(9);
    expect(progress.at(-1)).toBe(9);
    const store = await openSecond(sim.process());
    expect(store.recovery.toText()).toContain("migrates note from version 1 to 2 (3 in the");
    await store.close();
    expect(await planOf(sim)).toMatchObject({ opening: "open", differences: { count: 0 } });
  });

  test("names what an opening would refuse, and every other entity of the kind with it", async () => {
    const sim = await oldStore();
    const model = secondModelWith((old) => ({ ...migrated(old), pinned: "no" }));
    const plan = await planOf(sim, model);
    expect(plan).toMatchObject({
      opening: "refuse",
      migration: undefined,
      failures: [
        { kind: "migration", type: "note", count: 3, sequence: 5, id: "a", path: "pinned" },
      ],
      differences: undefined,
    });
    const error = await refusalOf(openSecond(sim.process(), model));
    expect(error).toBeInstanceOf(ReplayFailedError);
    expect(String(plan.refusal)).toBe(String(error));
  });

  test("finds records that do not upcast, above the snapshot, where an opening stops, and below it, where it does not", async () => {
    const sim = await oldStore();
    const above = await planOf(sim, throwsAt("d"));
    const failure = { kind: "record", type: "note.created", count: 1 };
    expect(above).toMatchObject({
      opening: "refuse",
      failures: [{ ...failure, sequence: 8, id: "d", reason: "its upcaster threw" }],
    });
    const error = await refusalOf(openSecond(sim.process(), throwsAt("d")));
    expect(String(above.refusal)).toBe(String(error));
    const below = await planOf(sim, throwsAt("b"));
    expect(below).toMatchObject({
      opening: "migrate",
      failures: [{ ...failure, sequence: 4, id: "b", reason: "its upcaster threw" }],
    });
    await (await openSecond(sim.process(), throwsAt("b"))).close();
  });

  test("sees a step and an upcaster that do not fit each other, which an opening cannot see", async () => {
    const sim = await oldStore();
    const plan = await planOf(
      sim,
      secondModelWith((old) => ({ ...migrated(old), pinned: old.id === "b" })),
    );
    expect(plan).toMatchObject({ opening: "migrate", failures: [] });
    expect(plan.differences).toEqual({ count: 1, entity: "note", id: "b" });
  });

  test("puts what is replayed to its schema, though no opening does", async () => {
    const sim = await oldStore();
    const long = secondModelWith(
      migrated,
      (old) => ({ title: old.name === "d" ? 7 : old.name }) as never,
    );
    expect(await planOf(sim, long)).toMatchObject({
      opening: "migrate",
      failures: [{ kind: "entity", type: "note", count: 1, sequence: 9, id: "d", path: "title" }],
    });
  });

  test("works beside a living writer, which goes on and loses nothing", async () => {
    const sim = createSimDisk();
    const store = await openFirst(sim.process("writer"));
    await store.notes.mutate("a", "note.created", { name: "a" });
    await store.snapshot();
    const writes = (async () => {
      for (let count = 0; count < 50; count++) {
        await store.notes.append("a", "lines", { text: String(count) });
        if (count % 10 === 0) await store.snapshot();
      }
    })();
    const plans = [];
    for (let count = 0; count < 5; count++) plans.push(await planOf(sim));
    await writes;
    plans.push(await planOf(sim));
    for (const plan of plans) {
      expect(plan).toMatchObject({ opening: "migrate", failures: [], differences: { count: 0 } });
    }
    expect(plans.at(-1)?.entities).toEqual([{ entity: "note", version: 2, count: 1 }]);
    expect(store.notes.list("a", "lines")).toHaveLength(50);
    await store.close();
  });

  test("begins at the oldest backup that the log goes on from, where older records are pruned", async () => {
    const sim = createSimDisk();
    const store = await openStore({
      dir: "/state",
      model: firstModel,
      disk: sim.process(),
      mirrors: false,
      segmentBytesMax: 4096,
    });
    await store.notes.mutate("a", "note.created", { name: "a" });
    for (let count = 0; count < 400; count++) {
      await store.notes.append("a", "lines", { text: "x".repeat(100) });
      if (count % 20 === 0) await store.snapshot();
    }
    await store.close();
    const oldest = pruneTo(sim, 3);
    const plan = await planOf(sim);
    expect(plan).toMatchObject({ opening: "migrate", failures: [], differences: { count: 0 } });
    expect(plan.log?.first).toBe(oldest + 1);
    expect(oldest).toBeGreaterThan(100);
    expect(plan.snapshot?.sequence).toBeGreaterThan(plan.log?.first ?? Infinity);
  });

  test("by an older program is refused with the version needed, and changes nothing", async () => {
    const sim = await oldStore();
    await (await openSecond(sim.process())).close();
    const before = filesOf(sim);
    const error = await refusalOf(
      planMigration({ dir: "/state", model: firstModel, disk: sim.process() }),
    );
    expect(error).toBeInstanceOf(UnsupportedFormatError);
    expect(String(error)).toContain("note schema version 2");
    expect(filesOf(sim)).toEqual(before);
  });
});
