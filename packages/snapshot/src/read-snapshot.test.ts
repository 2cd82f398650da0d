import type { Directory, File } from "@taskwal/disk";
import { describe, expect, it } from "vitest";

import {
  bytesOf,
  createWorld,
  dir,
  next,
  saveAll,
  sourceOf,
  statePath,
  wrapped,
  type World,
} from "./sample-snapshot.test.ts";
import { readSnapshot, readSnapshotHead, saveSnapshot, verifySnapshot } from "./index.ts";

const readers = [readSnapshot, verifySnapshot, readSnapshotHead] as const;

/** The directory, and how many of the files that were opened through it are still open. */
const counted = ({ directory }: World): { directory: Directory; openCount: () => number } => {
  let openCount = 0;
  const count = (file: File): File => {
    openCount += 1;
    const close = async (): Promise<void> => {
      openCount -= 1;
      await file.close();
    };
    return wrapped(file, { close });
  };
  return {
    directory: wrapped(directory, {
      open: async (name, access) => count(await directory.open(name, access)),
      create: async (name) => count(await directory.create(name)),
    }),
    openCount: () => openCount,
  };
};

describe("a reader", () => {
  it("says what a missing file and a folder are, and nothing else of them", async () => {
    const { directory } = await createWorld();
    for (const read of [readSnapshot, verifySnapshot]) {
      expect(await read(directory, "state.json")).toEqual({
        ok: false,
        kind: "missing",
        reason: "it does not exist",
      });
    }
    await directory.createFolder("state.json");
    for (const read of [readSnapshot, verifySnapshot]) {
      expect(await read(directory, "state.json")).toEqual({
        ok: false,
        kind: "foreign",
        reason: "it is not a file",
      });
    }
    expect(await readSnapshotHead(directory, "state.json")).toEqual({ kind: "other" });
  });

  it("passes on that it may not open the file: that says nothing of the file", async () => {
    const world = await createWorld();
    await saveAll(world, [1]);
    world.sim.fail(({ kind }) => kind === "open", "EACCES", { times: "forever" });
    for (const read of readers) {
      await expect(read(world.directory, "state.json")).rejects.toMatchObject({ code: "EACCES" });
    }
  });

  it("works where nothing may be opened for writing", async () => {
    const world = await createWorld();
    await saveAll(world, [1]);
    const readOnly = wrapped(world.directory, {
      open: (name, access) => {
        if (access === "read") return world.directory.open(name, access);
        return Promise.reject(Object.assign(new Error("EROFS"), { code: "EROFS" }));
      },
    });
    expect(await readSnapshot(readOnly, "state.json")).toMatchObject({ ok: true });
    expect(await readSnapshotHead(readOnly, "state.json")).toMatchObject({ kind: "ours" });
  });
});

describe("no file stays open", () => {
  it("after a reading, of whatever outcome", async () => {
    const world = await createWorld();
    await saveAll(world, [1]);
    const { directory, openCount } = counted(world);
    for (const outcome of ["whole", "foreign", "EIO"]) {
      if (outcome === "foreign") world.sim.writeRaw(statePath, bytesOf("foreign"));
      if (outcome === "EIO") world.sim.failReads(statePath, 0, 1);
      for (const read of readers) await read(directory, "state.json").catch(() => undefined);
      expect([outcome, openCount()]).toEqual([outcome, 0]);
    }
  });

  it("after a save that links, copies or fails", async () => {
    const world = await createWorld();
    const { directory, openCount } = counted(world);
    let stat = (await next({ ...world, directory }, 1, undefined)).stat;
    stat = (await next({ ...world, directory }, 2, stat)).stat;
    expect(openCount()).toBe(0);
    world.sim.fail(({ kind }) => kind === "link", "EPERM", { times: "forever" });
    stat = (await next({ ...world, directory }, 3, stat)).stat;
    expect(openCount()).toBe(0);
    for (const name of ["state.copy.tmp", "state.json.tmp"]) {
      world.sim.fail(({ kind, path }) => kind === "sync" && path === `${dir}/${name}`, "EIO");
      await expect(next({ ...world, directory }, 4, stat)).rejects.toThrow("EIO");
      expect([name, openCount()]).toEqual([name, 0]);
    }
  });
});

describe("the new state.json", () => {
  it("does not take its place if somebody changed or removed it meanwhile", async () => {
    for (const change of ["changed", "removed"]) {
      const world = await createWorld();
      const { sim, directory, clock } = world;
      const saved = await saveAll(world, [1]);
      const temporary = `${statePath}.tmp`;
      const release = sim.hang(({ kind, path }) => kind === "sync" && path === temporary);
      const saving = saveSnapshot(directory, sourceOf(2, clock), { clock, previous: saved?.stat });
      for (let turn = 0; turn < 200; turn++) await clock.yield();
      if (change === "changed") sim.writeRaw(temporary, bytesOf("somebody's"));
      else sim.removeRaw(temporary);
      release();
      await expect(saving).rejects.toMatchObject({ code: "EBUSY" });
      expect(await readSnapshot(directory, "state.json")).toMatchObject({ head: { sequence: 1 } });
    }
  });
});
