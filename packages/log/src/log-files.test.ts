/** The files beside the segments: claims, what is pruned, what is set aside. */
import { decodeHead, encodeHeadSlot } from "@taskwal/format";
import { describe, expect, it } from "vitest";

import { claimEpoch, isOverridden, pruneClaims } from "./claim-epoch.ts";
import { HeadFile } from "./head-file.ts";
import { pruneLog, type PruneOptions } from "./prune-log.ts";
import { quarantineDamaged, quarantineTorn } from "./quarantine.ts";
import {
  batches,
  entry,
  newWorld,
  one,
  openWriter,
  previousOf,
  range,
  rawSegment,
  readLog,
  reboot,
  root,
  store,
  type RawSegment,
  type World,
} from "./sample-log.test.ts";

const nameOf = ({ path }: RawSegment): string => path.slice(root.length + 1);
const namesIn = ({ sim }: Pick<World, "sim">, folder: string): string[] =>
  sim
    .listRaw()
    .flatMap((path) =>
      path.startsWith(`${root}/${folder}/`) ? [path.slice(root.length + folder.length + 2)] : [],
    );

describe("a claim", () => {
  it("is above every claim, segment and epoch that is known, and outlives a power cut", async () => {
    const { sim, directory } = await newWorld();
    expect(await claimEpoch(directory, 0)).toBe(1);
    expect(await claimEpoch(directory, 6)).toBe(7);
    sim.writeRaw(`${root}/wal/00000000000000000001-00000009.jsonl`, Buffer.alloc(0));
    expect(await claimEpoch(directory, 3)).toBe(10);
    sim.powerCut("none");
    const again = await reboot(sim);
    expect(namesIn(again, "wal")).toContain("00000010.claim");
    expect(await claimEpoch(again.directory, 0)).toBe(11);
  });

  it("is one owner's, also where several claim at the same time", async () => {
    const { sim } = await newWorld();
    const worlds = await Promise.all(range(1, 6).map(() => reboot(sim)));
    const epochs = await Promise.all(worlds.map(({ directory }) => claimEpoch(directory, 0)));
    expect(epochs.toSorted((a, b) => a - b)).toEqual(range(1, 6));
    const [first] = worlds;
    const over = range(1, 6).map((epoch) => first && isOverridden(first.directory, epoch));
    expect(over).toEqual([true, true, true, true, true, false]);
  });

  it("stays as long as a segment of its epoch or an older one; its owner sees it in any case", async () => {
    const { sim, directory } = await newWorld();
    for (const _ of range(1, 6)) await claimEpoch(directory, 0);
    sim.writeRaw(`${root}/wal/00000000000000000001-00000003.jsonl`, Buffer.alloc(0));
    await pruneClaims(directory, 6);
    expect(namesIn({ sim }, "wal").filter((name) => name.endsWith(".claim"))).toEqual(
      range(3, 6).map((epoch) => `0000000${epoch}.claim`),
    );
    for (const epoch of range(1, 5)) expect(isOverridden(directory, epoch)).toBe(true);
    expect(isOverridden(directory, 6)).toBe(false);
  });

  it("is pruned from the oldest on: an owner never finds its own without the one above it gone before", async () => {
    const { sim, directory } = await newWorld();
    for (const _ of range(1, 5)) await claimEpoch(directory, 0);
    const { callCount } = sim;
    await pruneClaims(directory, 5);
    const removed = sim.trace
      .filter(({ number = 0 }) => number > callCount)
      .map(({ path }) => path.slice(-7, -6));
    expect(removed).toEqual(["1", "2", "3", "4"]);
  });
});

describe("HEAD", () => {
  it("is written in turn, the newest slot last, by one process after the other", async () => {
    const { sim, directory } = await newWorld();
    for (const durable of range(1, 5)) {
      const head = await HeadFile.open(directory);
      const before = sim.callCount;
      head.update({ store, epoch: 1, first: 1, durable });
      await head.close();
      const at = sim.trace.find(({ number = 0, kind }) => number > before && kind === "write");
      expect(at?.startBytes).toBe(durable % 2 === 1 ? 0 : 4_096);
      expect((await readLog(directory)).listing.head?.durable).toBe(durable);
    }
  });

  it("keeps the promise before, whichever of its writes is torn", async () => {
    const { sim, directory } = await newWorld();
    const head = await HeadFile.open(directory);
    for (const durable of range(1, 6)) {
      const before = sim.callCount;
      head.update({ store, epoch: 1, first: 1, durable });
      await head.sync();
      const at = sim.trace.find(({ number = 0, kind }) => number > before && kind === "write");
      const torn = Buffer.from(sim.readRaw(`${root}/wal/HEAD`));
      expect(decodeHead(torn)?.head.durable).toBe(durable);
      const start = at?.startBytes ?? 0;
      torn.fill(0, start + 40, Math.min(start + 256, torn.length));
      expect(decodeHead(torn)?.head.durable ?? 0).toBe(durable - 1);
    }
    await head.close();
  });

  it("that is not ours, too large or unreadable is written over, and keeps nobody from opening", async () => {
    for (const bytes of [Buffer.from("mine"), Buffer.alloc(2 << 20, 1), Buffer.alloc(0)]) {
      const world = await newWorld();
      world.sim.writeRaw(`${root}/wal/HEAD`, bytes);
      const { writer } = await openWriter(world);
      await writer.append([entry("a")], true);
      await writer.close();
      const { listing } = await readLog(world.directory);
      expect([listing.promised, listing.head?.durable]).toEqual([1, 1]);
    }
    const world = await newWorld();
    world.sim.writeRaw(`${root}/wal/HEAD`, encodeHeadSlot({ store, ...one, durable: 3 }));
    world.sim.fail(({ kind, path }) => kind === "read" && path.endsWith("HEAD"), "EIO", {
      times: "forever",
    });
    const { writer } = await openWriter(world, { onReadError: "damage" });
    await writer.append([entry("a")], true);
  });

  it("that cannot be written costs detection, and no append", async () => {
    const world = await newWorld();
    const { writer, poisons } = await openWriter(world);
    world.sim.fail(({ kind, path }) => kind === "write" && path.endsWith("HEAD"), "ENOSPC", {
      times: "forever",
    });
    for (const label of ["a", "b"]) await writer.append([entry(label)], true);
    await writer.close();
    expect(poisons).toEqual([]);
  });
});

describe("pruning", () => {
  const sizes = [3, 2, 4, 1, 2];
  const segments = sizes.reduce<RawSegment[]>((before, size) => {
    const first =
      (before.at(-1)?.id.first ?? 1) + (before.length > 0 ? (sizes[before.length - 1] ?? 0) : 0);
    const last = before.at(-1);
    const lines = batches(first, first + size - 1);
    return [...before, rawSegment({ first, epoch: 1 }, lines, last && previousOf(last, first - 1))];
  }, []);
  const none = { historyBytesMax: 0, historyFilesMax: 0, active: undefined, epoch: 1 };

  const laid = async (): Promise<World> => {
    const world = await newWorld();
    for (const { path, bytes } of segments) world.sim.writeRaw(path, bytes);
    return world;
  };

  const left = async (options: PruneOptions): Promise<number[]> => {
    const world = await laid();
    const removed = await pruneLog(world.directory, options);
    const { listing } = await readLog(world.directory, { base: options.below });
    const kept = listing.segments.map(({ name }) =>
      segments.findIndex((raw) => nameOf(raw) === name),
    );
    expect(removed).toEqual(segments.slice(0, segments.length - kept.length).map(nameOf));
    return kept;
  };

  it("removes whole segments from the oldest on, and none with a record that is needed", async () => {
    const lasts = [3, 5, 9, 10];
    for (const below of range(0, 14)) {
      expect(await left({ ...none, below })).toEqual(
        range(lasts.filter((last) => last <= below).length, 4),
      );
    }
  });

  it("keeps history within its bytes and its files", async () => {
    const total = segments.slice(0, 4).reduce((sum, { bytes }) => sum + bytes.length, 0);
    const within = { ...none, below: 10, historyBytesMax: total, historyFilesMax: 4 };
    expect(await left(within)).toEqual(range(0, 4));
    expect(await left({ ...within, historyBytesMax: total - 1 })).toEqual(range(1, 4));
    expect(await left({ ...within, historyFilesMax: 2 })).toEqual(range(2, 4));
  });

  it("never removes the active segment", async () => {
    const world = await laid();
    const active = nameOf(segments[1] ?? expect.fail());
    await pruneLog(world.directory, { ...none, below: 100, active });
    expect(namesIn(world, "wal")).toContain(active.slice(4));
  });

  it("removes what is overridden before what overrides it", async () => {
    const world = await newWorld();
    const old = rawSegment(one, batches(1, 6));
    const middle = rawSegment(
      { first: 5, epoch: 2 },
      batches(5, 9),
      previousOf(old, 4, old.starts[4]),
    );
    const over = rawSegment(
      { first: 5, epoch: 3 },
      batches(5, 8),
      previousOf(old, 4, old.starts[4]),
    );
    const last = rawSegment({ first: 9, epoch: 3 }, batches(9, 9), previousOf(over, 8));
    for (const { path, bytes } of [old, middle, over, last]) world.sim.writeRaw(path, bytes);
    const options = { ...none, below: 8 };
    expect(await pruneLog(world.directory, options)).toEqual([middle, old, over].map(nameOf));
  });

  it("takes the claims that nothing needs any more with a segment, and does nothing without", async () => {
    for (const below of [4, 5]) {
      const { sim, directory } = await newWorld();
      const old = rawSegment({ first: 1, epoch: 3 }, batches(1, 5));
      const last = rawSegment({ first: 6, epoch: 3 }, batches(6, 6), previousOf(old, 5));
      for (const { path, bytes } of [old, last]) sim.writeRaw(path, bytes);
      const older = range(1, 2).map((epoch) => `${root}/wal/0000000${epoch}.claim`);
      for (const path of older) sim.writeRaw(path, Buffer.alloc(0));
      const { callCount } = sim;
      await pruneLog(directory, { ...none, below, epoch: 3 });
      const removed = sim.trace
        .slice(callCount)
        .flatMap(({ kind, path }) => (kind === "remove" ? [path] : []));
      expect(removed).toEqual(below === 5 ? [old.path, ...older] : []);
    }
  });

  it("leaves no hole, whatever of it survives a power cut", async () => {
    for (let call = 1; call < 12; call += 1) {
      for (let seed = 1; seed < 12; seed += 1) {
        const { sim, directory } = await laid();
        sim.crashAt(sim.callCount + call);
        await pruneLog(directory, { ...none, below: 10 }).catch(() => {});
        sim.cancelCrash();
        sim.powerCut({ names: "subset", writes: "none", seed });
        const names = namesIn({ sim }, "wal");
        const there = segments.map((raw) => names.includes(nameOf(raw).slice(4)));
        expect(
          there.toSorted((a, b) => Number(a) - Number(b)),
          `call ${call} seed ${seed}`,
        ).toEqual(there);
      }
    }
  });
});

const withSegment = async (): Promise<World & { bytes: Uint8Array }> => {
  const world = await newWorld();
  const { path, bytes } = rawSegment(one, batches(1, 5));
  world.sim.writeRaw(path, bytes);
  return { ...world, bytes };
};

describe("the quarantine", () => {
  const torn = { file: nameOf(rawSegment(one, [])), startBytes: 10, endBytes: 30, reason: "" };

  it("holds copies of torn bytes, once, and they outlive a power cut", async () => {
    const { sim, directory, bytes } = await withSegment();
    const names = await quarantineTorn(directory, [torn]);
    const { callCount } = sim;
    expect(await quarantineTorn(directory, [torn])).toEqual(names);
    expect(sim.trace.slice(callCount).map(({ kind }) => kind)).not.toContain("write");
    sim.powerCut("none");
    expect(names).toEqual([`quarantine/${torn.file.slice(4)}.10-30.torn`]);
    expect(sim.readRaw(`${root}/${names[0]}`)).toEqual(bytes.subarray(10, 30));
  });

  it("keeps the newest torn bytes within its budget of files, and those of now in any case", async () => {
    const { sim, directory } = await withSegment();
    const many = range(1, 70).map((at) => ({ ...torn, startBytes: at, endBytes: at + 5 }));
    await quarantineTorn(directory, many);
    expect(namesIn({ sim }, "quarantine")).toHaveLength(70);
    const later = rawSegment({ first: 9, epoch: 2 }, batches(9, 9));
    sim.writeRaw(later.path, later.bytes);
    const [name] = await quarantineTorn(directory, [{ ...torn, file: nameOf(later) }]);
    const left = namesIn({ sim }, "quarantine");
    expect(left).toHaveLength(64);
    expect(left).toContain(name?.slice("quarantine/".length));
  });

  it("holds damaged files as links that outlive a power cut, and says so of one that is there", async () => {
    const { sim, directory, bytes } = await withSegment();
    for (const _ of range(1, 2)) {
      const names = await quarantineDamaged(directory, [torn.file, torn.file]);
      expect(names).toEqual([`quarantine/${torn.file.slice(4)}`]);
    }
    sim.powerCut("none");
    const copy = `${root}/quarantine/${torn.file.slice(4)}`;
    expect(sim.readRaw(copy)).toEqual(bytes);
    const { directory: again } = await reboot(sim);
    expect((await again.stat(torn.file))?.links).toBe(2);
  });

  it("holds copies where links do not exist, and leaves out what does not read", async () => {
    for (const isReadable of [true, false]) {
      const { sim, directory, bytes } = await withSegment();
      sim.fail(({ kind }) => kind === "link", "ENOTSUP");
      if (!isReadable) sim.failReads(`${root}/${torn.file}`, 0, 10);
      const names = await quarantineDamaged(directory, [torn.file]);
      expect(names).toHaveLength(isReadable ? 1 : 0);
      sim.powerCut("none");
      if (names[0]) expect(sim.readRaw(`${root}/${names[0]}`)).toEqual(bytes);
    }
  });

  it("is not made where there is nothing to set aside", async () => {
    const { sim, directory } = await withSegment();
    expect([await quarantineTorn(directory, []), await quarantineDamaged(directory, [])]).toEqual([
      [],
      [],
    ]);
    expect(namesIn({ sim }, "quarantine")).toEqual([]);
    expect(await directory.stat("quarantine")).toBeUndefined();
  });
});
