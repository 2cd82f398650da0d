import type { SimCall } from "@taskwal/disk/sim";
import { backupName } from "@taskwal/format";
import { describe, expect, it } from "vitest";

import {
  bytesOf,
  createWorld,
  dir,
  namesIn,
  next,
  saveAll,
  sourceOf,
  statePath,
  tasks,
  textAt,
  wrapped,
  type World,
} from "./sample-snapshot.test.ts";
import { readSnapshot, saveSnapshot, unshareState } from "./index.ts";

const stateOf = async (world: World): Promise<number | string> => {
  const reading = await readSnapshot(world.directory, "state.json");
  return reading.ok ? reading.head.sequence : reading.reason;
};

const isLink = ({ kind }: SimCall): boolean => kind === "link";
const isLastSync = ({ kind, path }: SimCall): boolean => kind === "syncFolder" && path === dir;
const atTmp =
  (kind: SimCall["kind"]) =>
  (call: SimCall): boolean =>
    call.kind === kind && call.path === `${statePath}.tmp`;

describe("the old state.json", () => {
  it("becomes a backup, named by its own time and sequence, of the same bytes", async () => {
    const world = await createWorld();
    const first = await saveAll(world, [1]);
    const name = backupName(world.clock.now(), 1);
    const before = textAt(world, "state.json");
    world.sim.clock.advance(30_000);
    const second = await next(world, 2, first?.stat);
    expect(second).toMatchObject({ sequence: 2, backup: name, quarantined: undefined });
    expect(textAt(world, name)).toBe(before);
    expect((await world.directory.stat(name))?.inode).toBe(first?.stat.inode);
    expect((await world.directory.stat("state.json"))?.links).toBe(1);
  });

  it("goes to quarantine if it was edited in place or replaced, and never becomes a backup", async () => {
    for (const change of ["in place", "replaced", "same size"] as const) {
      const world = await createWorld();
      const saved = await saveAll(world, [1]);
      const text = textAt(world, "state.json");
      const edited = change === "same size" ? text.replace("step 1", "step 9") : `${text} `;
      if (change === "replaced") world.sim.removeRaw(statePath);
      world.sim.writeRaw(statePath, bytesOf(edited));
      const { backup, quarantined } = await next(world, 2, saved?.stat);
      expect(backup).toBeUndefined();
      expect(quarantined).toMatch(/^quarantine\/state\.\d{8}T\d{6}\.\d{3}Z-1\.json$/);
      expect(textAt(world, quarantined ?? "")).toBe(edited);
      expect(await stateOf(world)).toBe(2);
      expect(await namesIn(world.directory)).toEqual(["quarantine", "state.json"]);
    }
  });

  it("goes to quarantine at the first save if it does not verify, or is not of this history", async () => {
    for (const kind of ["damaged", "foreign", "other store", "later"] as const) {
      const world = await createWorld();
      const { sim, directory, clock } = world;
      const sequence = kind === "later" ? 9 : 1;
      const owner = kind === "other store" ? { store: "f".repeat(32) } : {};
      const source = sourceOf(sequence, clock, owner);
      await saveSnapshot(directory, source, { clock, previous: undefined });
      if (kind === "damaged") sim.flipBit(statePath, 3_000);
      if (kind === "foreign") sim.writeRaw(statePath, bytesOf('{"tasks":[]}'));
      const bytes = textAt(world, "state.json");
      const { backup, quarantined } = await next(world, 2, undefined);
      expect([kind, backup]).toEqual([kind, undefined]);
      expect(textAt(world, quarantined ?? "")).toBe(bytes);
    }
  });

  it("becomes a backup at the first save if it verifies", async () => {
    const world = await createWorld();
    await saveAll(world, [1]);
    expect(await next(world, 2, undefined)).toMatchObject({
      backup: backupName(world.clock.now(), 1),
      quarantined: undefined,
    });
  });

  it("goes to quarantine if the disk cannot read it, and does not keep the new one out", async () => {
    for (const isKnown of [true, false]) {
      const world = await createWorld();
      const saved = await saveAll(world, [1]);
      const repair = world.sim.failReads(statePath, 0, 10);
      const previous = isKnown ? saved?.stat : undefined;
      const { backup, quarantined } = await next(world, 2, previous);
      repair();
      expect(backup).toBeUndefined();
      expect(textAt(world, quarantined ?? "")).toContain('"sequence":1,');
      expect(await stateOf(world)).toBe(2);
    }
  });

  it("keeps what an editor saves while it is being linked", async () => {
    for (const how of ["in place", "replaced"] as const) {
      const world = await createWorld();
      const { sim, directory, clock } = world;
      const saved = await saveAll(world, [1]);
      const release = sim.hang(isLink);
      const saving = next(world, 2, saved?.stat);
      for (let turn = 0; turn < 200; turn++) await clock.yield();
      // The link is the next call: the editor is faster than it and slower than the look before.
      if (how === "replaced") sim.removeRaw(statePath);
      sim.writeRaw(statePath, bytesOf("edited"));
      release();
      const { backup, quarantined } = await saving;
      expect(backup).toBeUndefined();
      expect(textAt(world, quarantined ?? "")).toBe("edited");
      expect(await namesIn(directory)).toEqual(["quarantine", "state.json"]);
    }
  });

  it("is not taken for an edit after a save whose last sync failed", async () => {
    const world = await createWorld();
    const saved = await saveAll(world, [1, 2]);
    world.sim.fail(isLastSync, "EIO");
    await expect(next(world, 3, saved?.stat)).rejects.toThrow("EIO");
    // The caller was told of no new state.json: it knows that of @2.
    const { backup, quarantined } = await next(world, 4, saved?.stat);
    expect([backup, quarantined]).toEqual([backupName(world.clock.now(), 3), undefined]);
  });

  it("takes another name if its own is taken by another file, and none if by the same snapshot", async () => {
    const world = await createWorld();
    const { sim, clock } = world;
    const saved = await saveAll(world, [1]);
    const name = backupName(clock.now(), 1);
    sim.writeRaw(`${dir}/${name}`, bytesOf("somebody's"));
    const second = await next(world, 2, saved?.stat);
    expect(second.backup).toBe(backupName(clock.now() + 1, 1));
    expect(textAt(world, name)).toBe("somebody's");
    sim.writeRaw(`${dir}/${backupName(clock.now(), 2)}`, sim.readRaw(statePath));
    const third = await next(world, 3, second.stat);
    expect(third.backup).toBe(backupName(clock.now(), 2));
    expect((await namesIn(world.directory)).length).toBe(4);
  });

  it("becomes a backup by copy where hard links do not exist, and if it has a name of somebody else's", async () => {
    for (const errno of ["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"]) {
      const world = await createWorld();
      world.sim.fail(isLink, errno, { times: "forever" });
      await saveAll(world, [1, 2]);
      world.sim.powerCut("none");
      const names = world.sim.listRaw();
      expect(names).toEqual([`${dir}/${backupName(world.clock.now() - 30_000, 1)}`, statePath]);
    }
    const world = await createWorld();
    const saved = await saveAll(world, [1]);
    await world.directory.link("state.json", "mine.json");
    const { backup } = await next(world, 2, saved?.stat);
    const backupStat = await world.directory.stat(backup ?? "");
    expect(backupStat?.inode).not.toBe((await world.directory.stat("mine.json"))?.inode);
  });

  it("may be removed by hand: then there is nothing to keep", async () => {
    const world = await createWorld();
    const saved = await saveAll(world, [1]);
    await world.directory.remove("state.json");
    const { backup, quarantined } = await next(world, 2, saved?.stat);
    expect([backup, quarantined, await stateOf(world)]).toEqual([undefined, undefined, 2]);
  });
});

describe("a save that fails", () => {
  it("leaves the old state.json, its backups and no temporary file", async () => {
    for (const kind of ["create", "write", "sync", "rename"] as const) {
      const world = await createWorld();
      const saved = await saveAll(world, [1, 2]);
      world.sim.fail(atTmp(kind), "EIO");
      await expect(next(world, 3, saved?.stat)).rejects.toMatchObject({ code: "EIO" });
      expect(await stateOf(world)).toBe(2);
      expect((await namesIn(world.directory)).filter((name) => name.endsWith(".tmp"))).toEqual([]);
      const { quarantined } = await next(world, 3, saved?.stat);
      expect([quarantined, await stateOf(world)]).toEqual([undefined, 3]);
    }
  });

  it("gives a full disk its bytes back, and works again when there is space", async () => {
    const world = await createWorld();
    const { sim, directory, clock } = world;
    const saved = await saveAll(world, [1]);
    sim.capacityBytes = sim.usedBytes + 100_000;
    const used = sim.usedBytes;
    const big = sourceOf(2, clock, tasks("x".repeat(300_000)));
    const save = saveSnapshot(directory, big, { clock, previous: saved?.stat });
    await expect(save).rejects.toMatchObject({ code: "ENOSPC" });
    expect([sim.usedBytes, await stateOf(world)]).toEqual([used, 1]);
    expect((await next(world, 2, saved?.stat)).sequence).toBe(2);
  });

  it("does so when the source throws", async () => {
    const world = await createWorld();
    const { directory, clock } = world;
    const saved = await saveAll(world, [1]);
    const entities = (function* () {
      yield { id: "a" };
      throw new Error("of the source");
    })();
    const source = sourceOf(2, clock, { collections: [{ name: "tasks", entities }] });
    const save = saveSnapshot(directory, source, { clock, previous: saved?.stat });
    await expect(save).rejects.toThrow("of the source");
    expect(await namesIn(directory)).toEqual(["state.json"]);
  });

  it("gives up if state.json never stands still, and leaves no backup that may be edited", async () => {
    const world = await createWorld();
    const { directory, clock } = world;
    const saved = await saveAll(world, [1]);
    let change = 0;
    const restless = wrapped(directory, {
      statSync: (name) => {
        const stat = directory.statSync(name);
        return stat && { ...stat, modified: `${(change += 1)}` };
      },
    });
    const save = saveSnapshot(restless, sourceOf(2, clock), { clock, previous: saved?.stat });
    await expect(save).rejects.toMatchObject({ code: "EBUSY" });
    await expect(save).rejects.toThrow("state.json keeps changing");
    expect(await stateOf(world)).toBe(1);
    expect(await namesIn(directory)).toEqual(["state.json"]);
  });

  it("is a failed save if the disk says that it wrote and did not", async () => {
    const world = await createWorld();
    const { directory, clock } = world;
    const saved = await saveAll(world, [1]);
    const short = wrapped(directory, {
      create: async (name) => {
        const file = await directory.create(name);
        return wrapped(file, { write: (bytes, at) => file.write(bytes.subarray(1), at) });
      },
    });
    const save = saveSnapshot(short, sourceOf(2, clock), { clock, previous: saved?.stat });
    await expect(save).rejects.toMatchObject({ code: "EIO" });
    await expect(save).rejects.toThrow(/wrote \d+ bytes, found \d+, write 'state\.json\.tmp'/);
    expect(await stateOf(world)).toBe(1);
  });
});

describe("unshareState", () => {
  it("gives state.json bytes of its own, so that an edit in place does not reach the backup", async () => {
    const world = await createWorld();
    const { directory } = world;
    const saved = await saveAll(world, [1]);
    await directory.link("state.json", backupName(world.clock.now(), 1));
    const text = textAt(world, "state.json");
    expect(await unshareState(directory)).toBe(true);
    expect(await unshareState(directory)).toBe(false);
    expect(textAt(world, "state.json")).toBe(text);
    const { quarantined, backup } = await next(world, 2, saved?.stat);
    expect([quarantined, backup]).toEqual([undefined, backupName(world.clock.now(), 1)]);
    expect((await namesIn(directory)).length).toBe(2);
  });

  it("is durable when it resolves: a power cut does not make it the shared file again", async () => {
    const world = await createWorld();
    const { sim, directory } = world;
    await saveAll(world, [1]);
    await directory.link("state.json", "backup.json");
    await directory.syncFolder(".");
    await unshareState(directory);
    sim.powerCut("none");
    const reopened = await sim.process().openDirectory(dir);
    expect((await reopened.stat("state.json"))?.links).toBe(1);
    expect(await readSnapshot(reopened, "state.json")).toMatchObject({ ok: true });
  });

  it("does not bless what somebody wrote: it still goes to quarantine", async () => {
    const world = await createWorld();
    const saved = await saveAll(world, [1]);
    await world.directory.link("state.json", "mine.json");
    world.sim.writeRaw(statePath, bytesOf("edited"));
    expect(await unshareState(world.directory)).toBe(true);
    const { quarantined } = await next(world, 2, saved?.stat);
    expect(textAt(world, quarantined ?? "")).toBe("edited");
  });

  it("does nothing without a state.json, or with a folder of that name", async () => {
    const { directory } = await createWorld();
    expect(await unshareState(directory)).toBe(false);
    await directory.createFolder("state.json");
    expect(await unshareState(directory)).toBe(false);
  });
});
