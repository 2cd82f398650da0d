/**
 * What clean-state takes away is what nobody needs: the store opens to the same state, also if the power fails
 * meanwhile, and from every backup that stays.
 *
 * Method: the simulated disk; a life of many snapshots; the plan, its removal, and each crash within.
 */
import { createSimDisk, type SimDisk } from "@taskwal/disk/sim";
import * as taskwal from "taskwal";
import {
  cleanState,
  LockedError,
  openTaskStore,
  planCleaning,
  taskModel,
  type TaskStore,
} from "taskwal";
import { describe, expect, it } from "vitest";
import type { Engine } from "./crash/note-store.ts";
import { withPatches } from "./crash/patched-engine.ts";

const dir = "/data";
const entry = (message: string) => ({ level: "info", type: "output", message }) as const;
const open = (disk: SimDisk): Promise<TaskStore> =>
  openTaskStore({ dir, disk: disk.process(), autosaveMs: Infinity, segmentBytesMax: 4_096 });

/** Twelve snapshots over as many segments; then, of dead processes, two temporary files and torn bytes. */
const lived = async (): Promise<{ disk: SimDisk; digest: string }> => {
  const disk = createSimDisk({ seed: 5 });
  const store = await open(disk);
  await store.create({ id: "a", description: "a", tool: "T" });
  for (let round = 0; round < 12; round++) {
    await Promise.all(
      Array.from({ length: 20 }, (_, at) => store.log("a", entry(`${round} ${at}`))),
    );
    disk.clock.advance(60_000);
    await store.snapshot();
  }
  await store.close();
  disk.writeRaw(`${dir}/state.json.tmp`, Buffer.from("{"));
  disk.writeRaw(`${dir}/tasks/a.json.tmp`, Buffer.from("{"));
  disk.writeRaw(`${dir}/quarantine/x.jsonl.1-2.torn`, Buffer.from("x"));
  disk.writeRaw(`${dir}/quarantine/tasks.a.json`, Buffer.from("edited"));
  disk.writeRaw(`${dir}/mine.tmp`, Buffer.from("mine"));
  return { disk, digest: store.digest() };
};

const optionsOf = (disk: SimDisk, backupsKept?: number) => ({
  dir,
  model: taskModel,
  disk: disk.process(),
  ...(backupsKept === undefined ? {} : { backupsKept }),
});

const paths = (disk: SimDisk): string[] => disk.listRaw().map((path) => path.slice(dir.length + 1));

/** Opens without state.json and all backups but the one that is asked for. */
const digestFrom = async (disk: SimDisk, backup: string | undefined): Promise<string> => {
  const state = disk.snapshotState();
  for (const path of paths(disk))
    if (backup && path !== backup && /^state\.(json|backup\..*)$/.test(path))
      disk.removeRaw(`${dir}/${path}`);
  const store = await open(disk);
  expect(store.recovery.lost).toEqual([]);
  const digest = store.digest();
  await store.close();
  disk.restore(state);
  return digest;
};

describe("clean-state", () => {
  it("lists without a write what it then removes exactly, and the store opens the same from every snapshot that stays", async () => {
    const { disk, digest } = await lived();
    const before = paths(disk);
    const calls = disk.callCount;
    const plan = await planCleaning(optionsOf(disk, 3));
    expect(disk.callCount).toBe(calls);
    const count = (part: string): number =>
      plan.removable.filter((one) => one.part === part).length;
    expect(count("backups")).toBe(7);
    expect(count("history")).toBeGreaterThan(3);
    expect(
      plan.removable.filter(({ part }) => part === "leftovers").map(({ name }) => name),
    ).toEqual(["state.json.tmp", "tasks/a.json.tmp"]);
    expect(plan.removable.filter(({ part }) => part === "torn").map(({ name }) => name)).toEqual([
      "quarantine/x.jsonl.1-2.torn",
    ]);
    const removed = await cleanState(optionsOf(disk, 3), plan);
    expect(removed).toEqual(plan.removable);
    const gone = new Set(removed.map(({ name }) => name));
    expect(paths(disk)).toEqual(before.filter((path) => !gone.has(path)));
    expect((await planCleaning(optionsOf(disk, 3))).removable).toEqual([]);
    expect(await digestFrom(disk, undefined)).toBe(digest);
    const backups = paths(disk).filter((path) => path.startsWith("state.backup."));
    expect(backups).toHaveLength(3);
    for (const backup of backups) expect(await digestFrom(disk, backup), backup).toBe(digest);
  });

  it("takes no backup and no history while a snapshot that stays does not verify, and says which", async () => {
    const { disk } = await lived();
    const size = disk.readRaw(`${dir}/state.json`).length;
    disk.flipBit(`${dir}/state.json`, size * 4);
    const { removable, kept } = await planCleaning(optionsOf(disk, 3));
    expect(new Set(removable.map(({ part }) => part))).toEqual(new Set(["leftovers", "torn"]));
    expect(kept).toEqual(["state.json does not verify: what lies before it may be needed"]);
  });

  it("is refused while a process owns the directory, which is named, and nothing is removed", async () => {
    const { disk } = await lived();
    const plan = await planCleaning(optionsOf(disk, 3));
    const store = await open(disk);
    const before = paths(disk);
    await expect(cleanState(optionsOf(disk, 3), plan)).rejects.toThrow(LockedError);
    expect(paths(disk)).toEqual(before);
    await store.close();
  });

  it("works on a disk that is full", async () => {
    const { disk, digest } = await lived();
    disk.capacityBytes = disk.usedBytes;
    const plan = await planCleaning(optionsOf(disk, 3));
    expect(await cleanState(optionsOf(disk, 3), plan)).toEqual(plan.removable);
    expect(disk.usedBytes).toBeLessThan(disk.capacityBytes);
    expect(await digestFrom(disk, undefined)).toBe(digest);
  });

  const explore = async (engine: Engine): Promise<number> => {
    const { disk, digest } = await lived();
    const base = disk.snapshotState();
    const plan = await planCleaning(optionsOf(disk, 3));
    let crashes = 0;
    for (let call = 1; call <= plan.removable.length * 2; call++) {
      for (let seed = 0; seed < 8; seed++) {
        disk.restore(base);
        disk.crashAt(disk.callCount + call);
        const cleaning = engine.cleanState(optionsOf(disk, 3), plan).catch(() => {});
        await Promise.race([cleaning, disk.whenCrashed]);
        if (!disk.isCrashed) continue;
        crashes += 1;
        disk.powerCut({ writes: "all", names: "subset", seed });
        for (const backup of paths(disk).filter((path) => path.startsWith("state.backup."))) {
          const store = await openWithout(disk, backup);
          const found = store.recovery.lost.length === 0 && store.digest() === digest;
          if (!found) throw new Error(`call ${call}, seed ${seed}: ${backup} lost what it had`);
          await store.close();
        }
      }
    }
    return crashes;
  };

  const openWithout = async (disk: SimDisk, backup: string): Promise<TaskStore> => {
    const state = disk.snapshotState();
    for (const path of paths(disk))
      if (path !== backup && /^state\.(json|backup\..*)$/.test(path))
        disk.removeRaw(`${dir}/${path}`);
    const store = await openTaskStore({ dir, disk: disk.process(), readOnly: true });
    disk.restore(state);
    return store;
  };

  it("leaves every backup with the log it stands on, whatever call the power fails at and whatever survives", async () => {
    expect(await explore(taskwal)).toBeGreaterThan(100);
  }, 120_000);

  it("would not without a sync behind each removal, and this exploration sees it", async () => {
    const patch = {
      file: "core/dist/clean-state.js",
      find: "await directory.syncFolder(folderOf(name));",
      put: "",
    };
    await withPatches([patch], async (engine) => {
      await expect(explore(engine)).rejects.toThrow(/call \d+, seed \d+/);
    });
  }, 120_000);
});
