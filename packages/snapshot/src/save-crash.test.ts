import type { Clock, Directory } from "@taskwal/disk";
import type { SimDisk, SimState } from "@taskwal/disk/sim";
import { backupName, parseBackupName } from "@taskwal/format";
import { describe, expect, it } from "vitest";

import { bytesOf, createWorld, dir, saveAll, sourceOf, statePath } from "./sample-snapshot.test.ts";
import {
  listSnapshots,
  pruneBackups,
  readSnapshot,
  saveSnapshot,
  unshareState,
  type KnownState,
} from "./index.ts";

const keep = 3;

/** What a run had been told when the power failed. */
interface Progress {
  /** The sequence of the last save that resolved; 0 if none did. */
  saved: number;
  /** The sequence that was being saved. */
  saving: number;
}

interface Subject {
  readonly directory: Directory;
  readonly clock: Clock;
}

/** As a store does: reads state.json, re-makes it if it is shared, saves and prunes. */
const openAndSave = async (
  { directory, clock }: Subject,
  sequences: readonly number[],
  progress: Progress,
): Promise<void> => {
  const reading = await readSnapshot(directory, "state.json");
  let previous: KnownState | undefined = reading.ok ? reading.stat : undefined;
  await unshareState(directory);
  for (const sequence of sequences) {
    progress.saving = sequence;
    const source = sourceOf(sequence, clock);
    const saved = await saveSnapshot(directory, source, { clock, previous });
    progress.saved = sequence;
    previous = saved.stat;
    await pruneBackups(directory, { clock, keep });
  }
};

/** Runs until the end or the power failure; any other error is a failure of the test. */
const runUntilCrash = async (sim: SimDisk, run: () => Promise<void>): Promise<void> => {
  const ended = run().catch((error: unknown) => {
    if (!sim.isCrashed) throw error;
  });
  await Promise.race([ended, sim.whenCrashed]);
};

const subjectOn = async (sim: SimDisk): Promise<Subject> => {
  const process = sim.process();
  return { directory: await process.openDirectory(dir), clock: process.clock };
};

/** Every choice of names that a power cut can make, and several of unsynced bytes. */
function* cuts(sim: SimDisk): Generator<() => void> {
  const names = sim.unsynced().filter(({ kind }) => kind !== "write" && kind !== "truncate");
  const crashed = sim.snapshotState();
  const writes = ["none", "all", "random", "random"] as const;
  for (let chosen = 0; chosen < 2 ** names.length; chosen++) {
    const kept = new Set(names.filter((_, at) => ((chosen >> at) & 1) === 1).map((n) => n.index));
    for (const [seed, choice] of writes.entries()) {
      yield () => {
        sim.restore(crashed);
        sim.powerCut({
          writes: choice,
          names: ({ index }) => kept.has(index),
          size: "random",
          newBytes: "random",
          sectorBytes: 1,
          seed: seed + 1,
        });
      };
    }
  }
}

/** There is a whole state.json, old or new, and every backup that must be there is whole. */
const assertWhole = async (sim: SimDisk, before: number, progress: Progress): Promise<void> => {
  const { directory } = await subjectOn(sim);
  const acknowledged = Math.max(before, progress.saved);
  const state = await readSnapshot(directory, "state.json");
  if (!state.ok) {
    // Only before the first save was acknowledged there may be none; never a broken one.
    expect([state.kind, acknowledged]).toEqual(["missing", 0]);
    return;
  }
  expect([acknowledged, progress.saving]).toContain(state.head.sequence);
  const backups = new Set<number>();
  for (const { name, backup } of await listSnapshots(directory)) {
    if (!backup) continue;
    const reading = await readSnapshot(directory, name);
    expect(reading).toMatchObject({ ok: true, head: { sequence: backup.sequence } });
    backups.add(backup.sequence);
  }
  for (let back = 1; back <= keep; back++) {
    if (acknowledged - back > 0) expect([...backups]).toContain(acknowledged - back);
  }
  expect(await directory.list("quarantine")).toEqual([]);
};

/** Crashes at every call of a run, in every way, and checks after every choice of what survives. */
const explore = async (
  sim: SimDisk,
  start: SimState,
  run: (subject: Subject, progress: Progress) => Promise<void>,
  check: (progress: Progress, recovered: () => void) => Promise<void>,
): Promise<void> => {
  for (let call = 1; ; call++) {
    let isPast = true;
    for (const inside of [false, true]) {
      sim.restore(start);
      const subject = await subjectOn(sim);
      const progress: Progress = { saved: 0, saving: 0 };
      sim.crashAt(sim.callCount + call, { inside });
      await runUntilCrash(sim, () => run(subject, progress));
      if (!sim.isCrashed) continue;
      isPast = false;
      for (const cut of cuts(sim)) await check(progress, cut);
    }
    if (isPast) return;
  }
};

const lastSequenceOf = async (sim: SimDisk): Promise<number> => {
  const reading = await readSnapshot((await subjectOn(sim)).directory, "state.json");
  return reading.ok ? reading.head.sequence : 0;
};

/** Explores save, save and prune from a store of `before` saves; at some crashes a second crash in what follows. */
const campaign = async (
  before: number,
  { hasLinks = true, againEvery }: { readonly hasLinks?: boolean; readonly againEvery: number },
): Promise<number> => {
  const world = await createWorld();
  const { sim } = world;
  await saveAll(
    world,
    Array.from({ length: before }, (_, at) => at + 1),
  );
  await pruneBackups(world.directory, { clock: world.clock, keep });
  if (!hasLinks) sim.fail(({ kind }) => kind === "link", "EPERM", { times: "forever" });
  const start = sim.snapshotState();
  const run = (subject: Subject, progress: Progress): Promise<void> =>
    openAndSave(subject, [before + 1, before + 2], progress);
  let states = 0;
  await explore(sim, start, run, async (progress, cut) => {
    cut();
    await assertWhole(sim, before, progress);
    states += 1;
    if (states % againEvery !== 0) return;
    cut();
    await againFrom(sim, () => (states += 1));
  });
  return states;
};

/** The next opening, with a crash at each of its calls as well. */
const againFrom = async (sim: SimDisk, onState: () => void): Promise<void> => {
  const last = await lastSequenceOf(sim);
  const start = sim.snapshotState();
  const run = (subject: Subject, progress: Progress): Promise<void> =>
    openAndSave(subject, [last + 1], progress);
  let count = 0;
  const check = async (progress: Progress, cut: () => void): Promise<void> => {
    count += 1;
    if (count % 5 !== 0) return;
    cut();
    await assertState(sim, [last, last + 1], progress);
    onState();
  };
  await explore(sim, start, run, check);
  sim.restore(start);
  await assertFinal(sim, last + 1);
};

const assertState = async (
  sim: SimDisk,
  allowed: readonly number[],
  { saved }: Progress,
): Promise<void> => {
  const sequence = await lastSequenceOf(sim);
  expect(allowed).toContain(sequence);
  expect(sequence).toBeGreaterThanOrEqual(saved);
  const { directory } = await subjectOn(sim);
  for (const { name } of await listSnapshots(directory)) {
    expect(await readSnapshot(directory, name)).toMatchObject({ ok: true });
  }
  expect(await directory.list("quarantine")).toEqual([]);
};

/** Undisturbed, the next life ends as if nothing had been: no leftovers, no shared bytes, no state twice. */
const assertFinal = async (sim: SimDisk, sequence: number): Promise<void> => {
  const subject = await subjectOn(sim);
  await openAndSave(subject, [sequence], { saved: 0, saving: 0 });
  expect(await lastSequenceOf(sim)).toBe(sequence);
  expect((await subject.directory.stat("state.json"))?.links).toBe(1);
  const names = await subject.directory.list(".");
  expect(names.filter((name) => name.endsWith("json.tmp"))).toEqual([]);
  const sequences = names.flatMap((name) => parseBackupName(name)?.sequence ?? []);
  expect(new Set(sequences).size).toBe(sequences.length);
};

describe("a power failure at any call of save, save and prune", () => {
  it("leaves a whole state.json and all backups, whatever survives, and again in the next opening", async () => {
    expect(await campaign(5, { againEvery: 7 })).toBeGreaterThan(1_000);
  });

  it("does so where hard links do not exist", async () => {
    expect(await campaign(5, { hasLinks: false, againEvery: 97 })).toBeGreaterThan(1_000);
  });

  it("leaves a whole state.json or none in a new directory", async () => {
    expect(await campaign(0, { againEvery: 7 })).toBeGreaterThan(100);
  });

  it("never loses a state.json that somebody edited", async () => {
    const world = await createWorld();
    const { sim } = world;
    await saveAll(world, [1, 2]);
    const previous = await world.directory.stat("state.json");
    const edited = bytesOf("edited by hand\n");
    sim.writeRaw(statePath, edited);
    const start = sim.snapshotState();
    const run = async ({ directory, clock }: Subject): Promise<void> => {
      await saveSnapshot(directory, sourceOf(3, clock), { clock, previous });
      await saveSnapshot(directory, sourceOf(4, clock), { clock, previous: undefined });
    };
    await explore(sim, start, run, async (_, cut) => {
      cut();
      const held = sim.listRaw().filter((path) => Buffer.compare(sim.readRaw(path), edited) === 0);
      expect(held.length).toBeGreaterThan(0);
      for (const path of held) expect(path).toMatch(/^\/state\/(state\.json$|quarantine\/)/);
      const state = await readSnapshot((await subjectOn(sim)).directory, "state.json");
      expect(state.ok || held.includes(statePath)).toBe(true);
      expect(sim.listRaw()).toContain(`${dir}/${backupName(sim.clock.now() - 30_000, 1)}`);
    });
  });
});
