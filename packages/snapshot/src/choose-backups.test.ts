import { Prng } from "@taskwal/disk/sim";
import { backupName, type BackupId } from "@taskwal/format";
import { describe, expect, it } from "vitest";

import { bytesOf, createWorld, dir, namesIn, saveAll, textAt } from "./sample-snapshot.test.ts";
import { chooseBackups, listSnapshots, pruneBackups } from "./index.ts";

const second = 1_000;
const hour = 3_600 * second;
const day = 24 * hour;

/** The ages of what is kept, the newest first, after each save of a run. */
function* agesOfRun(everyMs: number, forMs: number): Generator<readonly [number, number[]]> {
  let ids: BackupId[] = [];
  for (let sequence = 1; sequence * everyMs <= forMs; sequence++) {
    const nowMs = sequence * everyMs;
    ids = chooseBackups([...ids, { atMs: nowMs, sequence }], nowMs);
    yield [nowMs, ids.map(({ atMs }) => nowMs - atMs)];
  }
}

const randomIds = (prng: Prng, count: number): BackupId[] =>
  Array.from({ length: count }, (_, at) => ({
    sequence: at + 1 + prng.below(2),
    atMs: prng.pick([prng.below(100 * day), prng.below(hour), 50 * day]),
  }));

describe("the choice of backups", () => {
  it("keeps the newest three by sequence, whatever the clock said", () => {
    const prng = new Prng(1);
    for (let round = 0; round < 2_000; round++) {
      const ids = randomIds(prng, 4 + prng.below(30));
      const newest = [...ids].sort((a, b) => b.sequence - a.sequence || b.atMs - a.atMs);
      const kept = chooseBackups(ids, prng.below(120 * day) - 10 * day, prng.below(12));
      expect(kept.slice(0, 3)).toEqual(newest.slice(0, 3));
    }
  });

  it("keeps as many as it may, only given ones, newest first, the same for any order given", () => {
    const prng = new Prng(2);
    for (let round = 0; round < 2_000; round++) {
      const ids = randomIds(prng, prng.below(25));
      const keep = 3 + prng.below(9);
      const kept = chooseBackups(ids, 100 * day, keep);
      expect(kept.length).toBe(Math.min(keep, ids.length));
      expect(kept.every((id) => ids.includes(id))).toBe(true);
      const again = chooseBackups([...ids].reverse(), 100 * day, keep);
      expect(again.map(({ sequence, atMs }) => [sequence, atMs])).toEqual(
        kept.map(({ sequence, atMs }) => [sequence, atMs]),
      );
      for (let at = 1; at < kept.length; at++) {
        expect(kept[at]?.sequence).toBeLessThanOrEqual(kept[at - 1]?.sequence ?? 0);
      }
    }
  });

  it("chooses all of what it chose before, if nothing came and no time passed", () => {
    const prng = new Prng(3);
    for (let round = 0; round < 500; round++) {
      const kept = chooseBackups(randomIds(prng, 20), 100 * day);
      expect(chooseBackups(kept, 100 * day)).toEqual(kept);
    }
  });

  it("lets old ones age to hours and days while a save comes every 30 s or every second", () => {
    for (const [everyMs, forMs] of [
      [30 * second, 20 * day],
      [second, day / 4],
    ] as const) {
      let youngest = Infinity;
      let widest = 0;
      for (const [nowMs, ages] of agesOfRun(everyMs, forMs)) {
        if (nowMs < 20 * everyMs) continue;
        const oldest = ages.at(-1) ?? 0;
        // The first save of all stays until three days are covered without it.
        if (oldest < Math.min(nowMs - everyMs, 3 * day)) youngest = Math.min(youngest, oldest);
        for (let at = 3; at < ages.length; at++) {
          const youngerMs = Math.max(second, ages[at - 1] ?? 0);
          widest = Math.max(widest, (ages[at] ?? 0) / youngerMs);
        }
      }
      expect(youngest).toBe(Infinity);
      expect(widest).toBeLessThan(20);
    }
  });

  it("does not keep the oldest for ever: the log must reach back to it", () => {
    let oldest = 0;
    for (const [, ages] of agesOfRun(60 * second, 90 * day)) {
      oldest = Math.max(oldest, ages.at(-1) ?? 0);
    }
    expect(oldest).toBeGreaterThan(3 * day);
    expect(oldest).toBeLessThan(21 * day);
  });

  it("keeps old ones through a clock that steps back, ahead or stands still", () => {
    const clocks: ((nowMs: number) => number)[] = [
      (nowMs) => (nowMs > 5 * day ? nowMs - 4 * day : nowMs),
      (nowMs) => (nowMs > 5 * day && nowMs < 5 * day + hour ? nowMs + 10_000 * day : nowMs),
      (nowMs) => (nowMs > 5 * day && nowMs < 5 * day + hour ? 0 : nowMs),
      (nowMs) => Math.min(nowMs, 5 * day),
    ];
    for (const clock of clocks) {
      let ids: BackupId[] = [];
      for (let sequence = 1; sequence * 60 * second < 9 * day; sequence++) {
        const real = sequence * 60 * second;
        ids = chooseBackups([...ids, { atMs: clock(real), sequence }], clock(real));
        const newest = ids.slice(0, 3).map((id) => id.sequence);
        if (sequence > 3) expect(newest).toEqual([sequence, sequence - 1, sequence - 2]);
      }
      const realAges = ids.map(({ sequence }) => 9 * day - sequence * 60 * second);
      expect(realAges.filter((age) => age > 6 * hour).length).toBeGreaterThanOrEqual(2);
    }
  });
});

/** The backups of these ages, the newest first, when at most `keep` may stay. */
const keptOfAges = (agesMs: readonly number[], keep: number): number[] => {
  const nowMs = 100 * day;
  const ids = agesMs.map((ageMs, at) => ({ atMs: nowMs - ageMs, sequence: 50 - at }));
  return chooseBackups(ids, nowMs, keep).map(({ atMs }) => nowMs - atMs);
};

describe("the oldest backup", () => {
  it("gives way once the next one is three days old, and not a millisecond before", () => {
    for (const next of [3 * day, 30 * day]) {
      const ages = [0, second, hour, next, 40 * day];
      expect(keptOfAges(ages, 4)).toEqual(ages.slice(0, 4));
    }
    expect(keptOfAges([0, second, hour, 3 * day - 1, 40 * day], 4)).toEqual([
      0,
      second,
      hour,
      40 * day,
    ]);
  });

  it("stays while the next one is young, however large the gap between them", () => {
    const ages = [0, 0, 0, 0, 2 * day];
    expect(keptOfAges(ages, 4)).toEqual([0, 0, 0, 2 * day]);
  });

  it("gives way then also if younger ones are of one age, which nothing lies between", () => {
    const ages = [4 * day, 4 * day, 4 * day, 4 * day, 4 * day, 5 * day];
    expect(keptOfAges(ages, 5)).toEqual(ages.slice(0, 5));
  });
});

describe("pruning", () => {
  it("removes the oldest first, in whatever order the folder lists them", async () => {
    const world = await createWorld();
    const nowMs = world.clock.now();
    const idsOf = (sequences: readonly number[]): BackupId[] =>
      sequences.flatMap((sequence) => [
        { sequence, atMs: nowMs - 1_000 * sequence },
        { sequence, atMs: nowMs - 500_000 },
      ]);
    for (const { atMs, sequence } of idsOf([4, 9, 1, 7, 12, 3])) {
      world.sim.writeRaw(`${dir}/${backupName(atMs, sequence)}`, bytesOf("any"));
    }
    const { kept, removed } = await pruneBackups(world.directory, { clock: world.clock, keep: 3 });
    expect(kept.map(({ sequence }) => sequence)).toEqual([12, 12, 9]);
    const ordered = idsOf([1, 3, 4, 7, 9])
      .sort((a, b) => a.sequence - b.sequence || a.atMs - b.atMs)
      .slice(0, 9);
    expect(removed).toEqual(ordered.map(({ atMs, sequence }) => backupName(atMs, sequence)));
  });

  it("has nothing to do, and no oldest to tell, where there are no backups", async () => {
    const { directory, clock } = await createWorld();
    const pruned = await pruneBackups(directory, { clock });
    expect(pruned).toEqual({ kept: [], removed: [], oldestSequence: undefined });
  });

  it("does not say that it removed what the disk kept", async () => {
    const world = await createWorld();
    await saveAll(world, [1, 2, 3, 4, 5, 6]);
    world.sim.fail(({ kind }) => kind === "remove", "EACCES");
    const pruning = pruneBackups(world.directory, { clock: world.clock, keep: 3 });
    await expect(pruning).rejects.toMatchObject({ code: "EACCES" });
  });

  it("removes the oldest first, syncs once, and tells how far the log must reach back", async () => {
    const world = await createWorld();
    await saveAll(world, [1, 2, 3, 4, 5, 6, 7]);
    const start = world.sim.callCount;
    const pruned = await pruneBackups(world.directory, { clock: world.clock, keep: 4 });
    expect(pruned.kept.length).toBe(4);
    expect(pruned.oldestSequence).toBe(pruned.kept.at(-1)?.sequence);
    const calls = world.sim.trace.slice(start);
    expect(calls.map(({ kind }) => kind)).toEqual(["remove", "remove", "syncFolder"]);
    expect(calls.slice(0, 2).map(({ path }) => path)).toEqual(
      pruned.removed.map((name) => `${dir}/${name}`),
    );
    expect([...pruned.removed].sort()).toEqual(pruned.removed);
    const again = await pruneBackups(world.directory, { clock: world.clock, keep: 4 });
    expect(again).toEqual({ ...pruned, removed: [] });
    expect(world.sim.callCount).toBe(start + 3);
  });

  it("counts and removes nothing but names of its own pattern", async () => {
    const world = await createWorld();
    await saveAll(world, [1, 2, 3, 4, 5, 6]);
    const others = [
      "state.backup.a.json",
      "state.backup.20250101T000000.000Z-1.json.tmp",
      "state.backup.20250230T000000.000Z-1.json",
      "state.backup.20250101T000000.000Z-01.json",
      "state.json.tmp",
      "notes.txt",
    ];
    for (const name of others) world.sim.writeRaw(`${dir}/${name}`, bytesOf("mine"));
    const { kept } = await pruneBackups(world.directory, { clock: world.clock, keep: 3 });
    const ours = kept.map(({ atMs, sequence }) => backupName(atMs, sequence));
    expect(await namesIn(world.directory)).toEqual([...others, ...ours, "state.json"].sort());
    const listed = (await listSnapshots(world.directory)).map(({ name }) => name);
    expect(listed).toEqual(["state.json", ...ours]);
  });

  it("does not mind that somebody removed a backup meanwhile", async () => {
    const world = await createWorld();
    await saveAll(world, [1, 2, 3, 4, 5, 6]);
    world.sim.fail(({ kind }) => kind === "remove", "ENOENT");
    const { kept } = await pruneBackups(world.directory, { clock: world.clock, keep: 3 });
    expect(kept.length).toBe(3);
  });
});

describe("the list of snapshots", () => {
  it("goes by what the files say, not by their names or times", async () => {
    const world = await createWorld();
    const { sim, directory, clock } = world;
    await saveAll(world, [1, 2, 3]);
    const old = backupName(clock.now() - 60_000, 1);
    // A restored backup: state.json says @1 now, and stands before the backup of the same.
    sim.writeRaw(`${dir}/state.json`, sim.readRaw(`${dir}/${old}`));
    const misnamed = backupName(clock.now(), 900);
    sim.writeRaw(`${dir}/${misnamed}`, sim.readRaw(`${dir}/${old}`));
    const files = await listSnapshots(directory);
    expect(files.map(({ name, sequence }) => [name, sequence])).toEqual([
      [backupName(clock.now() - 30_000, 2), 2],
      ["state.json", 1],
      [misnamed, 1],
      [old, 1],
    ]);
  });

  it("begins with what does not tell its sequence, so that it is looked at before an older one", async () => {
    const world = await createWorld();
    const { sim, directory } = world;
    await saveAll(world, [1, 2]);
    sim.writeRaw(`${dir}/state.json`, bytesOf("{}"));
    expect((await listSnapshots(directory))[0]).toMatchObject({ name: "state.json", sequence: -1 });
    const repair = sim.failReads(`${dir}/state.json`, 0, 1);
    expect((await listSnapshots(directory)).map(({ sequence }) => sequence)).toEqual([-1, 1]);
    repair();
  });

  it("takes the word of the name where the first line is damaged, and none where the format is newer", async () => {
    const world = await createWorld();
    const { sim, directory, clock } = world;
    await saveAll(world, [1, 2, 3, 4]);
    const [newer, damaged] = [
      backupName(clock.now() - 60_000, 2),
      backupName(clock.now() - 30_000, 3),
    ];
    const text = textAt(world, newer).replace('"format":1', '"format":2');
    sim.writeRaw(`${dir}/${newer}`, bytesOf(text));
    sim.flipBit(`${dir}/${damaged}`, 0);
    const files = await listSnapshots(directory);
    expect(files.map(({ name, sequence }) => [name, sequence])).toEqual([
      [newer, -1],
      ["state.json", 4],
      [damaged, 3],
      [backupName(clock.now() - 90_000, 1), 1],
    ]);
  });

  it("ends with the empty state: sequence 0 is one that is told", async () => {
    const world = await createWorld();
    await saveAll(world, [0, 1]);
    const files = await listSnapshots(world.directory);
    expect(files.map(({ sequence }) => sequence)).toEqual([1, 0]);
  });

  it("is none if a file may not be read: that is not damage", async () => {
    const world = await createWorld();
    await saveAll(world, [1, 2]);
    world.sim.fail(({ kind, path }) => kind === "open" && path === `${dir}/state.json`, "EACCES");
    await expect(listSnapshots(world.directory)).rejects.toMatchObject({ code: "EACCES" });
  });
});
