import { backupName } from "@taskwal/format";
import { describe, expect, it } from "vitest";

import {
  bytesOf,
  createWorld,
  dir,
  namesIn,
  saveAll,
  sourceOf,
  statePath,
} from "./sample-snapshot.test.ts";
import {
  listSnapshots,
  pruneBackups,
  readSnapshot,
  readSnapshotHead,
  saveSnapshot,
} from "./index.ts";

const edited = bytesOf("edited");

describe("a state.json that is not ours", () => {
  it("needs no place in quarantine if an import keeps the same file", async () => {
    const { directory, sim, clock } = await createWorld();
    sim.writeRaw(statePath, edited);
    await directory.createFolder("legacy");
    await directory.link("state.json", "legacy/state.json");
    const saved = await saveSnapshot(directory, sourceOf(1, clock), { clock, previous: undefined });
    expect(saved.quarantined).toBeUndefined();
    expect(await namesIn(directory)).toEqual(["legacy", "state.json"]);
    expect(sim.readRaw(`${dir}/legacy/state.json`)).toEqual(edited);
  });

  it("goes to quarantine although it has another name that is not the import's", async () => {
    for (const hasLegacy of [true, false]) {
      const { directory, sim, clock } = await createWorld();
      sim.writeRaw(statePath, edited);
      await directory.link("state.json", "mine.json");
      if (hasLegacy) {
        await directory.createFolder("legacy");
        sim.writeRaw(`${dir}/legacy/state.json`, bytesOf("older"));
      }
      const source = sourceOf(1, clock);
      const saved = await saveSnapshot(directory, source, { clock, previous: undefined });
      expect(sim.readRaw(`${dir}/${saved.quarantined ?? ""}`)).toEqual(edited);
      // The very file: who still has it open goes on writing to what is kept.
      const inode = (await directory.stat(saved.quarantined ?? ""))?.inode;
      expect(inode).toBe((await directory.stat("mine.json"))?.inode);
    }
  });

  it("is set aside once, although the save that did it failed and came again later", async () => {
    const { directory, sim, clock } = await createWorld();
    sim.writeRaw(statePath, edited);
    await directory.createFolder("quarantine");
    sim.writeRaw(`${dir}/quarantine/a.json`, bytesOf("another"));
    sim.fail(({ kind }) => kind === "rename", "EIO");
    const save = () => saveSnapshot(directory, sourceOf(1, clock), { clock, previous: undefined });
    await expect(save()).rejects.toMatchObject({ code: "EIO" });
    sim.clock.advance(5_000);
    const { quarantined } = await save();
    const names = await directory.list("quarantine");
    expect(names.length).toBe(2);
    expect(sim.readRaw(`${dir}/${quarantined ?? ""}`)).toEqual(edited);
  });
});

describe("an old state.json", () => {
  it("of the same sequence as the new one becomes a backup", async () => {
    const world = await createWorld();
    const { directory, clock, sim } = world;
    const saved = await saveAll(world, [1]);
    const name = backupName(clock.now(), 1);
    sim.clock.advance(5_000);
    const again = await saveSnapshot(directory, sourceOf(1, clock), {
      clock,
      previous: saved?.stat,
    });
    expect(again).toMatchObject({ backup: name, quarantined: undefined });
  });
});

describe("keeping the old state.json", () => {
  it("fails with the disk's own error if it may not be opened or linked", async () => {
    for (const [kind, isEdited] of [
      ["open", false],
      ["open", true],
      ["link", false],
    ] as const) {
      const world = await createWorld();
      const { directory, sim, clock } = world;
      const previous = (await saveAll(world, [1]))?.stat;
      if (isEdited) sim.writeRaw(statePath, edited);
      const before = sim.readRaw(statePath);
      sim.fail((call) => call.kind === kind, "EACCES");
      const save = saveSnapshot(directory, sourceOf(2, clock), { clock, previous });
      await expect(save).rejects.toMatchObject({ code: "EACCES" });
      expect(sim.readRaw(statePath)).toEqual(before);
    }
  });

  it("takes the next name if somebody takes the first just before the link", async () => {
    const world = await createWorld();
    const { directory, sim, clock } = world;
    const previous = (await saveAll(world, [1]))?.stat;
    sim.fail(({ kind }) => kind === "link", "EEXIST");
    const { backup } = await saveSnapshot(directory, sourceOf(2, clock), { clock, previous });
    expect(backup).toBe(backupName(clock.now() + 1, 1));
  });
});

describe("the list of snapshots", () => {
  it("begins with a backup of a newer format, whatever sequence its name tells", async () => {
    const world = await createWorld();
    const { directory, sim, clock } = world;
    await saveAll(world, [1, 2]);
    const newer = backupName(clock.now() - 30_000, 1);
    const text = Buffer.from(sim.readRaw(`${dir}/${newer}`)).toString("utf8");
    sim.writeRaw(`${dir}/${newer}`, bytesOf(text.replace('"format":1,', '"format":2,')));
    const damaged = backupName(clock.now() - 60_000, 1);
    sim.writeRaw(`${dir}/${damaged}`, bytesOf("{}"));
    const listed = await listSnapshots(directory);
    expect(listed.map(({ name, sequence }) => [name, sequence])).toEqual([
      [newer, -1],
      ["state.json", 2],
      [damaged, 1],
    ]);
  });

  it("has sequence 0 last, and passes on that a file may not be opened", async () => {
    const world = await createWorld();
    await saveAll(world, [0, 1]);
    const listed = await listSnapshots(world.directory);
    expect(listed.map(({ sequence }) => sequence)).toEqual([1, 0]);
    world.sim.fail(({ kind }) => kind === "open", "EACCES");
    await expect(listSnapshots(world.directory)).rejects.toMatchObject({ code: "EACCES" });
  });
});

describe("pruning", () => {
  it("removes by sequence and then by time, whatever order the names have", async () => {
    const { directory, sim, clock } = await createWorld();
    // Of each: second of its time, sequence.
    const ids = ["3 2", "9 1", "5 4", "1 2", "7 3", "2 5", "4 6"];
    const nameOf = (id: string): string => {
      const [second = 0, sequence = 0] = id.split(" ").map(Number);
      return backupName(clock.now() + second * 1_000, sequence);
    };
    for (const id of ids) sim.writeRaw(`${dir}/${nameOf(id)}`, bytesOf("x"));
    const { removed } = await pruneBackups(directory, { clock, keep: 3 });
    expect(removed).toEqual(["9 1", "1 2", "3 2", "7 3"].map(nameOf));
  });

  it("finds nothing to keep in a folder without backups", async () => {
    const { directory, clock } = await createWorld();
    expect(await pruneBackups(directory, { clock })).toEqual({
      kept: [],
      removed: [],
      oldestSequence: undefined,
    });
  });

  it("tells of a disk that fails", async () => {
    const world = await createWorld();
    await saveAll(world, [1, 2, 3, 4, 5, 6]);
    world.sim.fail(({ kind }) => kind === "remove", "EIO");
    const pruning = pruneBackups(world.directory, { clock: world.clock, keep: 3 });
    await expect(pruning).rejects.toMatchObject({ code: "EIO" });
  });
});

describe("reading", () => {
  it("says why there is no snapshot where nothing or a folder stands", async () => {
    const { directory } = await createWorld();
    await directory.createFolder("folder");
    expect(await readSnapshot(directory, "none")).toMatchObject({ reason: "it does not exist" });
    expect(await readSnapshot(directory, "folder")).toMatchObject({ reason: "it is not a file" });
    expect(await readSnapshotHead(directory, "none")).toEqual({ kind: "other" });
    expect(await readSnapshotHead(directory, "folder")).toEqual({ kind: "other" });
  });

  it("passes on that a file may not be opened", async () => {
    const world = await createWorld();
    await saveAll(world, [1]);
    world.sim.fail(({ kind }) => kind === "open", "EACCES");
    const reading = readSnapshot(world.directory, "state.json");
    await expect(reading).rejects.toMatchObject({ code: "EACCES" });
  });
});
