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
import { pruneBackups, readSnapshot, readSnapshotHead, saveSnapshot } from "./index.ts";

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
    expect(names.map((name) => `quarantine/${name}`).sort()).toEqual(
      ["quarantine/a.json", quarantined].sort(),
    );
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

describe("pruning", () => {
  it("removes by sequence and then by time, whatever order the names have", async () => {
    const { directory, sim, clock } = await createWorld();
    const ids = [
      [9, 1],
      [8, 2],
      [7, 3],
      [5, 5],
      [4, 5],
      [2, 6],
      [1, 4],
    ] as const;
    const name = ([second, sequence]: readonly [number, number]) =>
      backupName(clock.now() - 100_000 + second * 1_000, sequence);
    for (const id of ids) sim.writeRaw(`${dir}/${name(id)}`, bytesOf("x"));
    const { removed } = await pruneBackups(directory, { clock, keep: 3 });
    const order = ids.map(name);
    const bySequence = [...order].sort((a, b) => sequenceIn(a) - sequenceIn(b));
    expect(removed).toEqual(bySequence.slice(0, 4));
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

const sequenceIn = (name: string): number => Number(/-(\d+)\.json$/.exec(name)?.[1]);

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
