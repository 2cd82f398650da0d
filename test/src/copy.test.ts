/**
 * A copy of a store, made beside its writer, opens as what was durable when it began, or more; one that was cut
 * short is believed by nobody.
 *
 * Method: the simulated disk; the writer mutates, saves and prunes between the calls of the copying.
 */
import { createSimDisk, type PowerCutChoice, type SimDisk } from "@taskwal/disk/sim";
import * as taskwal from "taskwal";
import { describe, expect, it } from "vitest";
import { withPatches } from "./crash/patched-engine.ts";

const { copyStore, CorruptError, DiskFailedError, openTaskStore } = taskwal;
type Engine = Pick<typeof taskwal, "copyStore" | "openTaskStore">;
type Tasks = Awaited<ReturnType<Engine["openTaskStore"]>>;

const entry = (message: string) => ({ level: "info", type: "output", message }) as const;

const open = (disk: SimDisk, dir: string, engine: Engine = taskwal): Promise<Tasks> =>
  engine.openTaskStore({
    dir,
    disk: disk.process(),
    autosaveMs: Infinity,
    segmentBytesMax: 4_096,
    historyBytesMax: 0,
  });

/** Tasks, an archived one, a log of several segments, three backups; closed. */
const prepared = async (seed = 7, realTurns = false): Promise<SimDisk> => {
  const disk = createSimDisk({ seed, realTurns });
  const store = await open(disk, "/data");
  for (const id of ["a", "b", "old"]) await store.create({ id, description: id, tool: "T" });
  await store.update("old", { status: "completed" });
  await store.archive({ olderThanMs: 0 });
  for (let round = 0; round < 3; round++) {
    await Promise.all(
      Array.from({ length: 20 }, (_, at) => store.log("a", entry(`${round} ${at}`))),
    );
    await store.snapshot();
  }
  await store.log("b", entry("behind the last snapshot"));
  await store.close();
  return disk;
};

describe("a copy of a store", () => {
  it("is not made in the directory that is copied, where every later copy would take it along", async () => {
    const disk = await prepared();
    const before = disk.listRaw();
    for (const to of ["/data/copy", "/data/tasks/../copy", "/data"]) {
      const copying = copyStore({ from: "/data", to, disk: disk.process() });
      await expect(copying).rejects.toThrow(/lies in, the directory that is copied/);
    }
    expect(disk.listRaw()).toEqual(before);
    await copyStore({ from: "/data", to: "/data2", disk: disk.process() });
  });

  it("holds every file but LOCK, opens to the same state, and leaves the source as it was", async () => {
    const disk = await prepared();
    const before = disk.listRaw();
    const told: [number, number][] = [];
    const { files, bytes } = await copyStore({
      from: "/data",
      to: "/copy",
      disk: disk.process(),
      onProgress: (...progress) => told.push(progress),
    });
    expect(disk.listRaw().filter((path) => path.startsWith("/data"))).toEqual(before);
    const copied = disk.listRaw().filter((path) => path.startsWith("/copy"));
    expect(copied.map((path) => path.slice(5))).toEqual(
      before.map((path) => path.slice(5)).filter((path) => path !== "/LOCK"),
    );
    for (const path of copied)
      expect(disk.readRaw(path, "durable")).toEqual(disk.readRaw(`/data${path.slice(5)}`));
    expect(files).toBe(copied.length);
    expect(bytes).toBe(copied.reduce((sum, path) => sum + disk.readRaw(path).length, 0));
    expect(told).toHaveLength(files);
    const copy = await open(disk, "/copy");
    const store = await open(disk, "/data");
    expect(copy.digest()).toBe(store.digest());
    expect((await copy.restoreArchived("old")).description).toBe("old");
    await Promise.all([copy.close(), store.close()]);
  });

  it("that is made while the writer goes on holds all that was durable when it began, whatever comes between", async () => {
    let more = 0;
    for (let seed = 1; seed <= 40; seed++) {
      // Turns of the event loop between the calls: copying and writing take them in turns.
      const disk = await prepared(seed, true);
      const store = await open(disk, "/data");
      const copying = { isDone: false };
      const life = async (): Promise<void> => {
        for (let at = 0; !copying.isDone; at++) {
          await store.log("a", entry(`meanwhile ${at}`));
          if (at % (5 + (seed % 7)) === 0) await store.snapshot();
          if (at % 11 === seed % 11) {
            const id = `t${at}`;
            await store.create({ id, description: id, tool: "T" });
            await store.update(id, { status: "completed" });
            await store.archive({ olderThanMs: 0 });
          }
        }
      };
      const living = life();
      for (let turn = 0; turn < seed; turn++) await new Promise((done) => setImmediate(done));
      const { sequence } = store;
      await copyStore({ from: "/data", to: "/copy", disk: disk.process() });
      copying.isDone = true;
      await living;
      await store.close();
      const copy = await open(disk, "/copy");
      expect(copy.recovery.lost, `seed ${seed}`).toEqual([]);
      expect(copy.recovery.damaged, `seed ${seed}`).toEqual([]);
      expect(copy.recovery.sequence).toBeGreaterThanOrEqual(sequence);
      if (copy.recovery.sequence > sequence) more += 1;
      // Whatever the log says went to archive/ is there.
      for await (const record of copy.records()) {
        if (record.type !== "task.archived") continue;
        await copy.restoreArchived(record.id ?? "");
      }
      await copy.close();
    }
    expect(more).toBeGreaterThan(10);
  }, 120_000);

  it("is never made into a directory that holds something, nor of one that is no store", async () => {
    const disk = await prepared();
    const copy = { from: "/data", to: "/taken", disk: disk.process() };
    await (await open(disk, "/taken")).close();
    const before = disk.listRaw();
    await expect(copyStore(copy)).rejects.toThrow(DiskFailedError);
    expect(disk.listRaw()).toEqual(before);
    disk.writeRaw("/data/copy.unfinished", new Uint8Array());
    await expect(copyStore({ ...copy, to: "/new" })).rejects.toThrow(CorruptError);
    expect(disk.listRaw().some((path) => path.startsWith("/new"))).toBe(false);
  });
});

const cuts: readonly PowerCutChoice[] = [
  "none",
  "all",
  { writes: "none", names: "all" },
  { writes: "all", names: "none" },
  ...Array.from({ length: 12 }, (_, seed) => ({ writes: "all", names: "subset", seed }) as const),
  { writes: "random", names: "subset", seed: 5, sectorBytes: 512 },
];

/** Throws if a copy that was cut short opens as a store. */
const explore = async (engine: Engine): Promise<number> => {
  const disk = await prepared();
  const base = disk.snapshotState();
  const store = await open(disk, "/data");
  const digest = store.digest();
  await store.close();
  disk.restore(base);
  const copy = (): Promise<unknown> =>
    engine.copyStore({ from: "/data", to: "/copy", disk: disk.process() });
  const start = disk.callCount;
  await copy();
  const calls = disk.callCount - start;
  let crashes = 0;
  for (let call = 1; call <= calls + 1; call++) {
    disk.restore(base);
    disk.crashAt(disk.callCount + call);
    const isWhole = await Promise.race([
      copy().then(
        () => true,
        () => false,
      ),
      disk.whenCrashed.then(() => false),
    ]);
    const crashed = disk.snapshotState();
    for (const cut of cuts) {
      disk.restore(crashed);
      disk.powerCut(cut);
      crashes += 1;
      const place = `call ${call} of ${calls}, ${JSON.stringify(cut)}`;
      const isThere = disk.listRaw().some((path) => path.startsWith("/copy/"));
      if (!isThere && !isWhole) continue;
      const opened = await openTaskStore({ dir: "/copy", disk: disk.process() }).catch(
        (error: unknown) => error as Error,
      );
      if (opened instanceof Error) {
        if (isWhole || !(opened instanceof CorruptError))
          throw new Error(`${place}: ${opened.message}`);
        continue;
      }
      const found = opened.digest();
      const archived = disk.listRaw().includes("/copy/archive/old.json");
      await opened.close();
      if (found !== digest || !archived) throw new Error(`${place}: a part opened as a whole`);
    }
  }
  return crashes;
};

describe("a copy that the power cuts short", () => {
  it("is refused at whatever call, whatever survives, and one that was reported is whole", async () => {
    expect(await explore(taskwal)).toBeGreaterThan(200);
  }, 120_000);

  const file = "core/dist/copy-store.js";
  const markSync = `a power cut.
                await target.syncFolder(".");`;
  it.each([
    [
      "no mark",
      [
        { file, find: "await (await target.create(unfinishedCopyName)).close();", put: "" },
        { file, find: "await target.remove(unfinishedCopyName);", put: "" },
      ],
    ],
    ["a mark whose name is not synced", [{ file, find: markSync, put: "" }]],
    ["bytes that are not synced", [{ file, find: "await to.sync();", put: "" }]],
    ["names that are not synced", [{ file, find: "await target.syncFolder(folder);", put: "" }]],
  ])(
    "would open with %s, and this exploration sees it",
    async (_, patches) => {
      await withPatches(patches, async (engine) => {
        await expect(explore(engine)).rejects.toThrow(/call \d+ of \d+/);
      });
    },
    120_000,
  );
});
