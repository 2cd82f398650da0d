/** What a new segment says of the one before it: which bytes of it belong to the log, and what they hash to. */
import { createHash } from "node:crypto";

import { encodeHeadSlot, type Head } from "@taskwal/format";
import { describe, expect, it } from "vitest";

import { continueLog, type Continuation } from "./carry-tail.ts";
import {
  batch,
  batches,
  entry,
  laid,
  one,
  openWriter,
  range,
  rawSegment,
  readLog,
  store,
  type RawSegment,
  type ReadOptions,
  type World,
} from "./sample-log.test.ts";

const continued = async (
  { directory }: World,
  options: ReadOptions = {},
): Promise<Continuation> => {
  const { end, listing } = await readLog(directory, { storeHint: store, ...options });
  return continueLog(directory, listing, end);
};

const hashOf = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

const mebibyte = 1024 * 1024;

describe("the hash of the segment before", () => {
  it("is of all its bytes, however many they are", async () => {
    for (const pad of [0, 50_000, 800_000]) {
      const lines = batches(1, 4).map((line) => ({ ...line, pad }));
      const segment = rawSegment(one, [...lines, { dur: 4 }]);
      const { previous } = await continued(await laid([segment]));
      const { bytes } = segment;
      expect(previous).toEqual({ ...one, last: 4, bytes: bytes.length, sha256: hashOf(bytes) });
    }
  });

  it("is computed a mebibyte at a time: memory does not grow with the segment", async () => {
    const lines = batches(1, 3).map((line) => ({ ...line, pad: 800_000 }));
    const segment = rawSegment(one, [...lines, { dur: 3 }]);
    const { sim, directory } = await laid([segment]);
    const { end, listing } = await readLog(directory);
    const reads: unknown[] = [];
    sim.fail((call) => {
      if (call.kind === "read") reads.push([call.startBytes, call.endBytes]);
      return false;
    }, "EIO");
    await continueLog(directory, listing, end);
    expect(reads).toEqual([
      [0, mebibyte],
      [mebibyte, 2 * mebibyte],
      [2 * mebibyte, segment.bytes.length],
    ]);
  });

  it("is of what stands before the cut, and of nothing behind it", async () => {
    for (const pad of [3_000, 700_000]) {
      const lines = [...batches(1, 4), ...batch(5, 6, 3)].map((line) => ({ ...line, pad }));
      const segment = rawSegment(one, lines);
      const { previous, first } = await continued(await laid([segment]));
      const bytes = segment.bytes.subarray(0, segment.starts[first - 1]);
      expect(previous).toEqual({
        ...one,
        last: first - 1,
        bytes: bytes.length,
        sha256: hashOf(bytes),
      });
      expect(bytes.length > mebibyte).toBe(pad > 3_000);
    }
  });

  it("is of what stands before torn bytes", async () => {
    const whole = rawSegment(one, [...batches(1, 5), { dur: 5 }]);
    const torn = { ...whole, bytes: Buffer.concat([whole.bytes, Buffer.from("half a li")]) };
    const { previous } = await continued(await laid([torn]));
    expect(previous?.sha256).toBe(hashOf(whole.bytes));
  });

  it("is of what is still there, if the file became shorter since it was read", async () => {
    const segment = rawSegment(one, [...batches(1, 5), { dur: 5 }]);
    const { sim, directory } = await laid([segment]);
    const { end, listing } = await readLog(directory);
    const rest = segment.bytes.subarray(0, 300);
    sim.writeRaw(segment.path, rest);
    const { previous } = await continueLog(directory, listing, end);
    expect(previous?.sha256).toBe(hashOf(rest));
  });

  it("is not told where a block does not read, and stops the opening at any other error", async () => {
    const segment = rawSegment(one, [...batches(1, 5), { dur: 5 }]);
    const { sim, directory, disk } = await laid([segment]);
    const { end, listing } = await readLog(directory);
    const repair = sim.failReads(segment.path, 0, 10);
    const { previous } = await continueLog(directory, listing, end);
    // A header with a hash that is undefined would be another header: the field is not there.
    expect(previous).toStrictEqual({ ...one, last: 5, bytes: segment.bytes.length });
    repair();
    sim.fail(({ kind }) => kind === "read", "EACCES");
    await expect(continueLog(directory, listing, end)).rejects.toMatchObject({ code: "EACCES" });
    await continueLog(directory, listing, end);
    expect([...disk.openFiles]).toEqual([]);
  });
});

describe("a last segment of which only HEAD still tells", () => {
  const before = rawSegment(one, [...batches(1, 5), { dur: 5 }]);

  const behind = async (
    segment: RawSegment,
    head: Pick<Head, "first" | "epoch" | "durable">,
  ): Promise<World> => {
    const world = await laid([segment]);
    world.sim.writeRaw("/s/wal/HEAD", encodeHeadSlot({ store, ...head }));
    return world;
  };

  it("is named as the one before: its end is what was promised, and it has no bytes", async () => {
    for (const epoch of [1, 2]) {
      for (const [first, durable] of [
        [6, 5],
        [6, 8],
        [4, 5],
        [9, 8],
      ] as const) {
        const world = await behind(before, { first, epoch, durable });
        expect(await continued(world)).toStrictEqual({
          previous: { first, epoch, last: durable, bytes: 0 },
          first: durable + 1,
          carried: [],
        });
      }
    }
  });

  it("is not named where HEAD tells of what cannot stand behind the segment that is there", async () => {
    const found = { ...one, last: 5, bytes: before.bytes.length, sha256: hashOf(before.bytes) };
    // Behind the next sequence; or it is the segment that is there.
    for (const [first, epoch] of [
      [7, 2],
      [20, 2],
      [1, 1],
    ] as const) {
      const { previous } = await continued(await behind(before, { first, epoch, durable: 5 }));
      expect([first, previous]).toEqual([first, found]);
    }
    // Of an epoch that the segment there has overridden.
    const later = rawSegment({ first: 1, epoch: 3 }, [...batches(1, 5), { dur: 5 }]);
    const { previous } = await continued(await behind(later, { first: 4, epoch: 2, durable: 5 }));
    expect(previous).toMatchObject({ first: 1, epoch: 3, last: 5, bytes: later.bytes.length });
  });

  it("still overrides what it overrode when the next segment is written", async () => {
    const old = rawSegment(one, [...batches(1, 5), ...batch(6, 8, 5)]);
    const world = await behind(old, { first: 6, epoch: 2, durable: 7 });
    const { writer } = await openWriter(world);
    expect(await writer.append([entry("n")], true)).toEqual({ first: 8, last: 8 });
    const { sequences, end } = await readLog(world.directory);
    expect([sequences, end.lost]).toEqual([[...range(1, 5), 8], [[6, 7]]]);
  });
});
