/** flushSync among whatever else is under way: the same log as without it, in the order of the calls. */
import type { SimCall } from "@taskwal/disk/sim";
import { describe, expect, it } from "vitest";

import type { LogWriter } from "./log-writer.ts";
import type { LogEntry } from "./writer-options.ts";
import {
  entry,
  newWorld,
  openWriter,
  readLog,
  reboot,
  transaction,
  type Opened,
  type World,
} from "./sample-log.test.ts";

const on =
  (kind: SimCall["kind"]) =>
  (call: SimCall): boolean =>
    call.kind === kind && call.path.includes(".jsonl");

const begun = async (options: Parameters<typeof openWriter>[1] = {}): Promise<World & Opened> => {
  const world = await newWorld();
  const opened = await openWriter(world, options);
  await opened.writer.append([entry("a")], true);
  return { ...world, ...opened };
};

/** What is written and not synced before: behind it a batch is not written through. */
const earlier: readonly (readonly LogEntry[])[] = [[], [entry("early")]];

const turns = async ({ disk }: World, count = 10): Promise<void> => {
  for (let turn = 0; turn < count; turn += 1) await disk.clock.yield();
};

/** After a power cut that keeps only what was synced. */
const checkDurable = async ({ sim }: World, labels: readonly string[]): Promise<void> => {
  sim.powerCut("none");
  const { records, end } = await readLog((await reboot(sim)).directory);
  expect(records.map(({ id }) => id)).toEqual(labels);
  expect(end).toMatchObject({ torn: [], damaged: [], lost: [] });
};

describe("flushSync", () => {
  it("makes durable what it is given, and what was written before", async () => {
    const world = await begun();
    await world.writer.append([entry("b")], false);
    expect(world.writer.flushSync([entry("c"), ...transaction("d", 2)])).toEqual({
      first: 3,
      last: 5,
    });
    expect(world.writer.durable).toBe(5);
    expect(world.writer.flushSync([])).toEqual({ first: 6, last: 5 });
    await checkDurable(world, ["a", "b", "c", "d1", "d2"]);
  });

  it("while a write or its sync is under way writes the same log, whichever ends first", async () => {
    for (const kind of ["write", "sync"] as const) {
      for (const sync of [true, false]) {
        for (const cutFirst of [true, false]) {
          const world = await begun();
          const release = world.sim.hang(on(kind));
          const call = world.writer.append([entry("b"), entry("c")], sync);
          const waits = world.writer.append([entry("d")], sync);
          await turns(world);
          expect(world.writer.flushSync([entry("e")])).toEqual({ first: 5, last: 5 });
          const labels = ["a", "b", "c", "d", "e"];
          if (cutFirst) {
            await checkDurable(world, labels);
            continue;
          }
          release();
          expect(await call).toEqual({ first: 2, last: 3 });
          expect(await waits).toEqual({ first: 4, last: 4 });
          expect(await world.writer.append([entry("f")], true)).toEqual({ first: 6, last: 6 });
          await checkDurable(world, [...labels, "f"]);
        }
      }
    }
  });

  it("keeps D where it is when the sync under way ends behind it, in HEAD too", async () => {
    for (const early of earlier) {
      const world = await begun();
      await world.writer.append(early, false);
      const release = world.sim.hang(on("sync"));
      const call = world.writer.append([entry("b")], true);
      await turns(world);
      world.writer.flushSync([entry("c"), entry("d")]);
      const durable = 4 + early.length;
      expect(world.writer.durable).toBe(durable);
      release();
      await call;
      await turns(world);
      expect(world.writer.durable).toBe(durable);
      const { listing } = await readLog(world.directory);
      expect(listing.head?.durable).toBe(durable);
    }
  });

  it("holds what it said also where the write under way fails behind it", async () => {
    const world = await begun();
    const release = world.sim.hang(on("write"));
    const call = world.writer.append([entry("b")], true);
    await turns(world);
    world.writer.flushSync([entry("c")]);
    world.sim.fail(on("write"), "ENOSPC");
    release();
    expect(await call).toEqual({ first: 2, last: 2 });
    expect(await world.writer.append([entry("d")], true)).toEqual({ first: 4, last: 4 });
    await checkDurable(world, ["a", "b", "c", "d"]);
  });

  it("at any turn of many appends, rotations and idle marks keeps the order of the calls", async () => {
    for (let turn = 0; turn < 120; turn += 1) {
      const world = await begun({ segmentBytesMax: 700, idleMs: 1 });
      const { writer, sim } = world;
      const calls = ["b", "c", "d", "e", "f"].map((label, at) =>
        writer.append(transaction(label, 2), at % 2 === 0),
      );
      for (let left = turn; left > 0; left -= 1) {
        await Promise.resolve();
        if (left % 7 === 0) sim.clock.advance(5);
      }
      const flushed = attempt(writer);
      await Promise.all(calls);
      await turns(world, 3);
      await writer.append([entry("g")], true);
      const order = [
        "a",
        ...["b", "c", "d", "e", "f"].flatMap((label) => [`${label}1`, `${label}2`]),
      ];
      await checkDurable(world, [...order, ...(flushed ? ["now"] : []), "g"]);
    }
  });

  it("refuses, with nothing written, while a segment is started or sealed, or a write is taken back", async () => {
    const noSegment = await newWorld();
    const { writer } = await openWriter(noSegment);
    expect(() => writer.flushSync([entry("b")])).toThrow("no segment");
    for (const [kind, isClose] of [
      ["sync", false],
      ["create", false],
      ["rename", false],
      ["syncFolder", false],
      ["write", true],
    ] as const) {
      const world = await begun({ segmentBytesMax: 250 });
      const release = world.sim.hang((call) => call.kind === kind);
      const call = isClose ? world.writer.close() : world.writer.append([entry("b")], true);
      await turns(world);
      expect(() => world.writer.flushSync([entry("x")])).toThrow(/segment|closed/);
      release();
      await call;
      await checkDurable(world, isClose ? ["a"] : ["a", "b"]);
    }
    const full = await begun();
    full.sim.fail(on("write"), "ENOSPC", { partialBytes: 50 });
    const release = full.sim.hang(on("truncate"));
    const call = full.writer.append([entry("b")], true);
    await turns(full);
    expect(() => full.writer.flushSync([entry("x")])).toThrow("taken back");
    release();
    await expect(call).rejects.toMatchObject({ outcome: "not-written" });
    expect(full.writer.flushSync([entry("c")])).toEqual({ first: 2, last: 2 });
    await checkDurable(full, ["a", "c"]);
  });

  it("that fails poisons the writer and all that was under way", async () => {
    for (const kind of ["write", "sync"] as const) {
      const world = await begun();
      const release = world.sim.hang(on("write"));
      const calls = [
        world.writer.append([entry("b")], true),
        world.writer.append([entry("c")], true),
      ];
      await turns(world);
      world.sim.fail(on(kind), "EIO");
      expect(() => world.writer.flushSync([entry("d")])).toThrow("unknown");
      const { callCount } = world.sim;
      release();
      const outcomes = await Promise.allSettled(calls);
      expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
      expect(world.poisons).toHaveLength(1);
      // The write that was under way, with its own sync, cannot be called back; nothing follows it.
      const late = world.sim.trace.filter(({ number = 0 }) => number > callCount);
      expect(late.map((call) => call.kind)).toEqual(["write", "sync"]);
    }
  });

  it("that fails leaves no success to the sync under way, though that one succeeds", async () => {
    const kinds = earlier.flatMap((early) =>
      (["write", "sync"] as const).map((kind) => ({ early, kind })),
    );
    for (const { early, kind } of kinds) {
      const world = await begun();
      await world.writer.append(early, false);
      const release = world.sim.hang(on("sync"));
      const call = world.writer.append([entry("b")], true);
      await turns(world);
      world.sim.fail(on(kind), "EIO");
      expect(() => world.writer.flushSync([entry("c")])).toThrow("unknown");
      world.sim.clearFaults();
      release();
      await expect(call).rejects.toMatchObject({ outcome: "unknown" });
    }
  });

  it("is not believed where the sync under way turns out to have failed", async () => {
    const world = await begun();
    const release = world.sim.hang(on("sync"));
    const call = world.writer.append([entry("b")], true);
    await turns(world);
    world.writer.flushSync([entry("c")]);
    world.sim.fail(on("sync"), "EIO", { afterSync: "clean" });
    release();
    await expect(call).rejects.toMatchObject({ outcome: "unknown" });
    expect(world.poisons).toHaveLength(1);
    await checkDurable(world, ["a", "b", "c"]);
  });

  it("holds what it said where the sync under way had failed already and nobody knew", async () => {
    for (const isWrittenBefore of [false, true]) {
      let flushedCount = 0;
      for (let turn = 0; turn < 12; turn += 1) {
        const world = await begun();
        // The failed sync took these pages too; they were not in the batch that asked for it.
        if (isWrittenBefore) await world.writer.append([entry("early")], false);
        const release = world.sim.hang(on("sync"));
        const call = world.writer.append([entry("b")], true);
        await turns(world);
        world.sim.fail(on("sync"), "EIO", { afterSync: "clean" });
        release();
        for (let left = turn; left > 0; left -= 1) await Promise.resolve();
        world.sim.clearFaults();
        const isFlushed = attempt(world.writer);
        await call.catch(() => {});
        flushedCount += isFlushed ? 1 : 0;
        const labels = ["a", ...(isWrittenBefore ? ["early"] : []), "b", "now"];
        if (isFlushed) await checkDurable(world, labels);
      }
      // A write-through fails alone: what syncs after it is told, and only what synced before it succeeds.
      expect(flushedCount).toBeGreaterThan(isWrittenBefore ? 1 : 0);
    }
  });

  it("leaves no write unsynced that it did again and that comes late, once the next append is acknowledged", async () => {
    // Found by the model: the append behind it wrote through, which makes nothing durable but its own bytes.
    const world = await begun();
    const release = world.sim.hang(on("write"));
    const written = world.writer.append([entry("b")], false);
    await turns(world);
    world.writer.flushSync([entry("c")]);
    release();
    await written;
    expect(world.sim.unsynced().filter(({ path }) => path.endsWith(".jsonl"))).toHaveLength(1);
    await world.writer.append([entry("d")], true);
    expect(world.sim.unsynced().filter(({ path }) => path.endsWith(".jsonl"))).toEqual([]);
    await checkDurable(world, ["a", "b", "c", "d"]);
  });

  it("checks the fence as every acknowledgement does", async () => {
    const world = await begun();
    world.sim.writeRaw("/s/wal/00000002.claim", Buffer.alloc(0));
    expect(() => world.writer.flushSync([entry("b")])).toThrow("claimed");
    expect(world.poisons).toHaveLength(1);
  });
});

const attempt = (writer: LogWriter): boolean => {
  try {
    writer.flushSync([entry("now")]);
    return true;
  } catch {
    return false;
  }
};
