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
import { saveSnapshot, type KnownState, type SavedSnapshot } from "./index.ts";

const isLink = ({ kind }: SimCall): boolean => kind === "link";
const isRenameOfTmp = ({ kind, path }: SimCall): boolean =>
  kind === "rename" && path === `${statePath}.tmp`;

/** Until the call that hangs is reached. */
const turns = async ({ clock }: World): Promise<void> => {
  for (let turn = 0; turn < 200; turn++) await clock.yield();
};

/** A state.json of 300 KB, @1. */
const saveBig = async ({ directory, clock }: World): Promise<SavedSnapshot> => {
  const source = sourceOf(1, clock, tasks({ id: "big", text: "x".repeat(300_000) }));
  return saveSnapshot(directory, source, { clock, previous: undefined });
};

/** The bytes of another whole snapshot of that sequence. */
const otherSnapshot = async (sequence: number): Promise<Uint8Array> => {
  const { sim, directory, clock } = await createWorld();
  const source = sourceOf(sequence, clock, tasks({ id: "another" }));
  await saveSnapshot(directory, source, { clock, previous: undefined });
  return sim.readRaw(statePath);
};

const withSaved = async (): Promise<[World, KnownState | undefined, string]> => {
  const world = await createWorld();
  const saved = await saveAll(world, [1]);
  return [world, saved?.stat, backupName(world.clock.now(), 1)];
};

describe("a state.json that is known", () => {
  it("is not read again beyond its first line, also if the save before had linked it and failed", async () => {
    const world = await createWorld();
    const { stat } = await saveBig(world);
    world.sim.failReads(statePath, 100_000, 100_001);
    world.sim.fail(isRenameOfTmp, "EIO");
    await expect(next(world, 2, stat)).rejects.toThrow("EIO");
    const { backup, quarantined } = await next(world, 2, stat);
    expect([backup, quarantined]).toEqual([backupName(world.clock.now(), 1), undefined]);
    expect((await namesIn(world.directory)).length).toBe(2);
  });

  it("becomes a backup of a save at the same sequence too", async () => {
    const [world, previous, name] = await withSaved();
    expect(await next(world, 1, previous)).toMatchObject({ backup: name, quarantined: undefined });
  });

  it("stays if it may not be opened: that does not make it a stranger's", async () => {
    for (const isKnown of [true, false]) {
      const [world, stat] = await withSaved();
      world.sim.fail(({ kind, path }) => kind === "open" && path === statePath, "EACCES");
      const saving = next(world, 2, isKnown ? stat : undefined);
      await expect(saving).rejects.toMatchObject({ code: "EACCES" });
      expect(await namesIn(world.directory)).toEqual(["state.json"]);
    }
  });
});

describe("the name of a backup", () => {
  it("is the next one if somebody takes it while it is being given", async () => {
    const [world, previous, name] = await withSaved();
    const release = world.sim.hang(isLink);
    const saving = next(world, 2, previous);
    await turns(world);
    world.sim.writeRaw(`${dir}/${name}`, bytesOf("somebody's"));
    release();
    const { backup } = await saving;
    expect(backup).toBe(backupName(world.clock.now() + 1, 1));
    expect(textAt(world, name)).toBe("somebody's");
  });

  it("is the next one if another whole snapshot has it", async () => {
    const [world, previous, name] = await withSaved();
    const other = await otherSnapshot(1);
    world.sim.writeRaw(`${dir}/${name}`, other);
    const before = textAt(world, "state.json");
    const { backup } = await next(world, 2, previous);
    expect(backup).toBe(backupName(world.clock.now() + 1, 1));
    expect(textAt(world, backup ?? "")).toBe(before);
  });

  it("is the next one if neither it nor state.json is whole: two wrecks are not the same", async () => {
    const [world, previous, name] = await withSaved();
    world.sim.writeRaw(`${dir}/${name}`, bytesOf("a wreck"));
    // Rot, which no time of the file tells.
    world.sim.flipBit(statePath, 8 * 300);
    const before = textAt(world, "state.json");
    const { backup } = await next(world, 2, previous);
    expect(textAt(world, backup ?? "")).toBe(before);
    expect(textAt(world, name)).toBe("a wreck");
  });

  it("is not given by copy if the disk fails: a copy is only for where links do not exist", async () => {
    const [world, previous] = await withSaved();
    world.sim.fail(isLink, "EIO");
    await expect(next(world, 2, previous)).rejects.toMatchObject({ code: "EIO" });
    expect(await namesIn(world.directory)).toEqual(["state.json"]);
  });

  it("is given to a copy with one write for each mebibyte", async () => {
    const world = await createWorld();
    const { stat } = await saveBig(world);
    world.sim.fail(isLink, "EPERM");
    const start = world.sim.callCount;
    await next(world, 2, stat);
    const isOfCopy = ({ kind, path }: SimCall): boolean =>
      kind === "write" && path === `${dir}/state.copy.tmp`;
    expect(world.sim.trace.slice(start).filter(isOfCopy).length).toBe(1);
  });

  it("is given to a copy also of a file that may only be read", async () => {
    const [world, previous, name] = await withSaved();
    const { directory, sim } = world;
    const before = textAt(world, "state.json");
    sim.fail(isLink, "EPERM");
    const open: typeof directory.open = (of, access) => {
      if (of === "state.json" && access !== "read")
        sim.fail(({ kind }) => kind === "open", "EACCES");
      return directory.open(of, access);
    };
    await next({ ...world, directory: wrapped(directory, { open }) }, 2, previous);
    expect(textAt(world, name)).toBe(before);
  });
});

describe("an editor who saves while a second name is given", () => {
  /** Saves @2 while an editor, each time after the look at state.json, changes it again. */
  const saveAgainst = async (edits: number): Promise<[World, Promise<SavedSnapshot>]> => {
    const [world, previous] = await withSaved();
    const { directory, clock, sim } = world;
    let edit = 0;
    const edited = wrapped(directory, {
      statSync: (name) => {
        if (edit < edits) sim.writeRaw(statePath, bytesOf(`edit ${(edit += 1)}`));
        return directory.statSync(name);
      },
    });
    return [world, saveSnapshot(edited, sourceOf(2, clock), { clock, previous })];
  };

  it("is waited for four times; after the fifth the save gives up, and his file stays", async () => {
    const [patient, saving] = await saveAgainst(4);
    expect(textAt(patient, (await saving).quarantined ?? "")).toBe("edit 4");
    const [world, failing] = await saveAgainst(5);
    await expect(failing).rejects.toMatchObject({ code: "EBUSY" });
    expect(textAt(world, "state.json")).toBe("edit 5");
  });

  it("does not cost the old state its backup if he replaced the file after that was copied", async () => {
    const [world, previous, name] = await withSaved();
    const { sim } = world;
    const before = textAt(world, "state.json");
    sim.fail(isLink, "EPERM");
    const release = sim.hang(({ kind, to }) => kind === "rename" && to === `${dir}/${name}`);
    const saving = next(world, 2, previous);
    await turns(world);
    sim.removeRaw(statePath);
    sim.writeRaw(statePath, bytesOf("edited"));
    release();
    const { backup, quarantined } = await saving;
    expect(backup).toBe(name);
    expect(textAt(world, name)).toBe(before);
    expect(textAt(world, quarantined ?? "")).toBe("edited");
  });

  it("may take the backup away himself", async () => {
    const [world, previous, name] = await withSaved();
    const { sim } = world;
    const releaseLink = sim.hang(isLink);
    const saving = next(world, 2, previous);
    await turns(world);
    const releaseStat = sim.hang(({ kind, path }) => kind === "stat" && path === `${dir}/${name}`);
    sim.writeRaw(statePath, bytesOf("edited"));
    releaseLink();
    await turns(world);
    sim.removeRaw(`${dir}/${name}`);
    releaseStat();
    expect(textAt(world, (await saving).quarantined ?? "")).toBe("edited");
  });

  it("is told of all that was set aside, also if he puts a whole snapshot back", async () => {
    const world = await createWorld();
    const { sim, directory, clock } = world;
    const replaceBy = (bytes: Uint8Array): void => {
      sim.removeRaw(statePath);
      sim.writeRaw(statePath, bytes);
    };
    const [first, second] = [await otherSnapshot(1), await otherSnapshot(2)];
    sim.writeRaw(statePath, bytesOf("foreign"));
    // After each look: replaced by a whole one, that one edited in place, replaced by another.
    const steps = [() => replaceBy(first), () => sim.writeRaw(statePath, second)];
    const edited = wrapped(directory, {
      statSync: (name) => {
        steps.shift()?.();
        return directory.statSync(name);
      },
    });
    const source = sourceOf(3, clock);
    const saved = await saveSnapshot(edited, source, { clock, previous: undefined });
    expect(textAt(world, saved.quarantined ?? "")).toBe("foreign");
    expect(Buffer.from(sim.readRaw(`${dir}/${saved.backup}`))).toEqual(Buffer.from(second));
  });
});
