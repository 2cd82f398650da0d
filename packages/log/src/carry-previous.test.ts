/** What the next segment says of the one before it: its bytes, their SHA-256, and one that only HEAD knows. */
import { createHash } from "node:crypto";

import { encodeHeadSlot, limits, type SegmentId } from "@taskwal/format";
import { describe, expect, it } from "vitest";

import { continueLog, type Continuation } from "./carry-tail.ts";
import {
  batch,
  batches,
  newWorld,
  one,
  range,
  rawSegment,
  readLog,
  store,
  tx,
  without,
  type RawSegment,
  type SampleLine,
  type World,
} from "./sample-log.test.ts";

const laid = async (
  segments: readonly RawSegment[],
  options: Parameters<typeof newWorld>[0] = {},
): Promise<World> => {
  const world = await newWorld(options);
  for (const { path, bytes } of segments) world.sim.writeRaw(path, bytes);
  return world;
};

const continued = async ({ directory }: World): Promise<Continuation> => {
  const { end, listing } = await readLog(directory, { storeHint: store });
  return continueLog(directory, listing, end);
};

const carriedOf = ({ carried }: Continuation): number[] =>
  carried.map((body) => (JSON.parse(`{${body}`) as { seq: number }).seq);

const sha256Of = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

const mebibyte = 1024 * 1024;

describe("the hash of the segment before", () => {
  it("is the SHA-256 of exactly the bytes that it counts", async () => {
    const whole = rawSegment(one, [...batches(1, 5), { dur: 5 }]);
    const torn = { ...whole, bytes: Buffer.concat([whole.bytes, Buffer.from("half a li")]) };
    for (const segment of [whole, torn]) {
      const { previous } = await continued(await laid([segment]));
      const bytes = whole.bytes.length;
      expect(previous).toEqual({ ...one, last: 5, bytes, sha256: sha256Of(whole.bytes) });
    }
  });

  it("covers a prefix of some megabytes, read a megabyte at a time, and no byte behind it", async () => {
    const pad = 700_000;
    const lines = [...range(1, 4).map((seq) => ({ seq, lag: 1, pad })), { dur: 4 }];
    const whole = rawSegment(one, lines);
    // What is torn is longer than what the last piece leaves free of a megabyte.
    const bytes = Buffer.concat([whole.bytes, Buffer.alloc(mebibyte, "x")]);
    const world = await laid([{ ...whole, bytes }]);
    const { end, listing } = await readLog(world.directory);
    const reads: unknown[] = [];
    world.sim.fail((call) => {
      if (call.kind === "read") reads.push([call.startBytes, call.endBytes]);
      return false;
    }, "EIO");
    const { previous } = await continueLog(world.directory, listing, end);
    const size = whole.bytes.length;
    expect(previous).toMatchObject({ bytes: size, sha256: sha256Of(whole.bytes) });
    expect(reads).toEqual([
      [0, mebibyte],
      [mebibyte, 2 * mebibyte],
      [2 * mebibyte, size],
    ]);
  });

  it("ends where the file ends, if it became shorter meanwhile", async () => {
    // Real turns: a loop without an end would else hold the test's own time limit too.
    const segment = rawSegment(one, [...batches(1, 5), { dur: 5 }]);
    const world = await laid([segment], { realTurns: true });
    const { end, listing } = await readLog(world.directory);
    const shorter = segment.bytes.subarray(0, 300);
    world.sim.writeRaw(segment.path, shorter);
    const { previous } = await continueLog(world.directory, listing, end);
    expect(previous).toMatchObject({ sha256: sha256Of(shorter) });
  });

  it("is left out where a block does not read; another error passes through", async () => {
    const segment = rawSegment(one, [...batches(1, 5), { dur: 5 }]);
    const world = await laid([segment]);
    const { end, listing } = await readLog(world.directory);
    const repair = world.sim.failReads(segment.path, 0, 1);
    const { previous } = await continueLog(world.directory, listing, end);
    expect(previous).toStrictEqual({ ...one, last: 5, bytes: segment.bytes.length });
    repair();
    world.sim.fail(({ kind }) => kind === "read", "EACCES");
    await expect(continueLog(world.directory, listing, end)).rejects.toMatchObject({
      code: "EACCES",
    });
    expect([...world.disk.openFiles]).toEqual([]);
  });
});

describe("a last segment that only HEAD tells of", () => {
  const behind = async (id: SegmentId, head: SegmentId): Promise<Continuation> => {
    const world = await laid([rawSegment(id, [...batches(1, 5), { dur: 5 }])]);
    world.sim.writeRaw("/s/wal/HEAD", encodeHeadSlot({ store, ...head, durable: 5 }));
    return continued(world);
  };

  it("is what the next one stands behind, with no byte of it", async () => {
    for (const head of [
      { first: 6, epoch: 1 },
      { first: 6, epoch: 2 },
      { first: 4, epoch: 2 },
    ]) {
      expect(await behind(one, head)).toEqual({
        previous: { ...head, last: 5, bytes: 0 },
        first: 6,
        carried: [],
      });
    }
  });

  it("is none if it began above the log's end, or is older than what is there", async () => {
    expect((await behind(one, { first: 7, epoch: 2 })).previous).toMatchObject(one);
    const later = { first: 1, epoch: 3 };
    expect((await behind(later, { first: 6, epoch: 2 })).previous).toMatchObject(later);
  });

  it("ends what is carried", async () => {
    const world = await laid([rawSegment(one, [...batches(1, 3), ...batch(4, 7, 3)])]);
    const head = { store, first: 6, epoch: 2, durable: 3 };
    world.sim.writeRaw("/s/wal/HEAD", encodeHeadSlot(head));
    const { end } = await readLog(world.directory);
    expect([end.durable, end.lastKept]).toEqual([3, 5]);
    expect(carriedOf(await continued(world))).toEqual(range(1, 5));
  });
});

describe("what is carried", () => {
  /** Records whose lines end at exactly these bytes; the second is D, a third stands above it. */
  const endingAt = (first: number, second: number): RawSegment => {
    const bare = rawSegment(one, [
      { seq: 1, lag: 1 },
      { seq: 2, lag: 1 },
      { seq: 3, lag: 1 },
    ]);
    const pad1 = first - (bare.starts[1] ?? 0);
    const pad2 = second - (bare.starts[2] ?? 0) - pad1;
    const pads = [pad1, pad2, 0];
    const lines: SampleLine[] = pads.map((pad, at) => ({ seq: at + 1, lag: 1, pad }));
    return rawSegment(one, lines);
  };

  it("begins with what reaches into D's block by a byte, and with nothing before that", async () => {
    const { blockBytes } = limits;
    for (const [end1, endOfD, first] of [
      [blockBytes, blockBytes + 500, 2],
      [blockBytes + 1, blockBytes + 500, 1],
      [blockBytes + 2, blockBytes + 500, 1],
      [blockBytes + 900, 2 * blockBytes - 1, 1],
      [blockBytes + 900, 2 * blockBytes, 1],
      [blockBytes + 900, 2 * blockBytes + 1, 2],
    ] as const) {
      const segment = endingAt(end1, endOfD);
      expect([segment.starts[1], segment.starts[2]]).toEqual([end1, endOfD]);
      const next = await continued(await laid([segment]));
      expect([end1, endOfD, next.first]).toEqual([end1, endOfD, first]);
    }
  });

  it("is nothing of a transaction that lacks its end", async () => {
    const whole = rawSegment(one, [...batches(1, 2), ...batch(3, 4, 2), ...tx(5, 3, 2)]);
    const bytes = whole.bytes.subarray(0, whole.starts[6]);
    expect(carriedOf(await continued(await laid([{ ...whole, bytes }])))).toEqual(range(1, 4));
  });

  it("is in the order of sequences, also where lines above a hole at D are not", async () => {
    const lines: SampleLine[] = [
      { seq: 1, lag: 1 },
      { seq: 4, lag: 2 },
      { seq: 3, lag: 1 },
      { seq: 5, lag: 3 },
    ];
    const { directory } = await laid([rawSegment(one, lines)]);
    const { end, listing } = await readLog(directory, { promised: 2 });
    const next = await continueLog(directory, listing, end);
    expect([end.durable, end.lost, next.first]).toEqual([2, [[2, 2]], 3]);
    expect(carriedOf(next)).toEqual(range(3, 5));
  });

  it("is an error, and no endless search, if it went since it was read", async () => {
    const segment = rawSegment(one, [...batches(1, 2), ...batch(3, 5, 2)]);
    const world = await laid([segment], { realTurns: true });
    const { end, listing } = await readLog(world.directory);
    world.sim.writeRaw(segment.path, without(segment, [3]).bytes);
    await expect(continueLog(world.directory, listing, end)).rejects.toThrow(
      "record 4 is kept, so it reads",
    );
    world.sim.writeRaw(segment.path, segment.bytes.subarray(0, segment.starts[0]));
    await expect(continueLog(world.directory, listing, end)).rejects.toThrow(
      "what is kept above D stands behind D",
    );
  });
});
