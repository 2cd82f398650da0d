/** How a segment is read: what is asked of the disk, how much at a time, and what a failing read becomes. */
import { limits, segmentSalt } from "@taskwal/format";
import { describe, expect, it } from "vitest";

import { newWorld, one, range, rawSegment, store, type RawSegment } from "./sample-log.test.ts";
import { scanSegment, type Scanned } from "./scan-segment.ts";

const { blockBytes, recordBytesMax } = limits;
const salt = segmentSalt(store, one);
const path = "/s/wal/sample";

interface Choice {
  readonly chunkBytes?: number;
  readonly startBytes?: number;
  readonly endBytes?: number;
  readonly onReadError?: "throw" | "damage";
  /** Reads that touch it fail with EIO. */
  readonly unreadable?: readonly [number, number];
  /** The error of each read of one block or less. */
  readonly blockError?: string;
  /** The error of each longer read. */
  readonly chunkError?: string;
}

interface Scan {
  readonly found: readonly Scanned[];
  /** Each read that was asked for, as from where to where. */
  readonly reads: readonly (readonly number[])[];
  /** How often it yielded something. */
  readonly steps: number;
}

const scan = async (bytes: Uint8Array, choice: Choice = {}): Promise<Scan> => {
  // Real turns: a loop without an end would else hold the test's own time limit too.
  const { sim, directory } = await newWorld({ realTurns: true });
  sim.writeRaw(path, bytes);
  const { startBytes = 0, endBytes = bytes.length, onReadError = "throw", chunkBytes } = choice;
  const file = await directory.open("wal/sample", "read");
  const reads: number[][] = [];
  sim.fail(({ kind, startBytes: from = 0, endBytes: to = 0 }) => {
    if (kind === "read") reads.push([from, to]);
    return false;
  }, "EIO");
  const { unreadable, blockError, chunkError } = choice;
  if (unreadable) sim.failReads(path, ...unreadable);
  const failLength = (isBlock: boolean, errno: string): void => {
    sim.fail(
      ({ kind, startBytes: from = 0, endBytes: to = 0 }) =>
        kind === "read" && to - from <= blockBytes === isBlock,
      errno,
      { times: "forever" },
    );
  };
  if (blockError) failLength(true, blockError);
  if (chunkError) failLength(false, chunkError);
  const options = { salt, startBytes, endBytes, onReadError };
  const found: Scanned[] = [];
  let steps = 0;
  const scanned = scanSegment(file, chunkBytes ? { ...options, chunkBytes } : options);
  for await (const items of scanned) {
    found.push(...items);
    steps += 1;
  }
  await file.close();
  return { found, reads, steps };
};

const sequencesOf = ({ found }: Scan): number[] =>
  found.flatMap((item) =>
    item.kind === "line" && item.line.kind === "record" ? [item.line.record.seq] : [],
  );

const segmentOf = (count: number, pad: number): RawSegment =>
  rawSegment(
    one,
    range(1, count).map((seq) => ({ seq, lag: 1, pad })),
  );

describe("what is asked of the disk", () => {
  it("is the bytes from the start to the end, once each, and none behind", async () => {
    const { bytes, starts } = segmentOf(5, 10);
    const [startBytes = 0, endBytes = 0] = [starts[1], starts[3]];
    const part = await scan(bytes, { startBytes, endBytes });
    expect(part.reads).toEqual([[startBytes, endBytes]]);
    expect(sequencesOf(part)).toEqual([2, 3]);
    const small = await scan(bytes, {
      startBytes,
      endBytes,
      chunkBytes: endBytes - startBytes - 9,
    });
    expect(small.reads[0]).toEqual([startBytes, endBytes - 9]);
    expect(small.reads.at(-1)?.[1]).toBe(endBytes);
    expect(sequencesOf(small)).toEqual([2, 3]);
  });

  it("is nothing of an empty stretch", async () => {
    const { bytes, starts } = segmentOf(2, 10);
    const [startBytes = 0] = starts;
    expect(await scan(bytes, { startBytes, endBytes: startBytes })).toEqual({
      found: [],
      reads: [],
      steps: 0,
    });
  });

  it("is 64 KiB at a time, unless more is wanted", async () => {
    const { bytes } = segmentOf(40, 5_000);
    const { reads } = await scan(bytes);
    expect(reads[0]).toEqual([0, 64 * 1024]);
    expect(Math.max(...reads.map(([from = 0, to = 0]) => to - from))).toBe(64 * 1024);
  });
});

describe("what is read in one piece", () => {
  it("is yielded at once, with one bad stretch at the end of the file", async () => {
    const { bytes } = segmentOf(2, 10);
    // Judged by itself the last line would be a stretch of its own.
    const torn = Buffer.concat([bytes, Buffer.from("no line\nhalf a li")]);
    const { found, steps } = await scan(torn);
    expect(steps).toBe(1);
    expect(found.filter(({ kind }) => kind === "bad")).toMatchObject([
      { startBytes: bytes.length, endBytes: torn.length },
    ]);
  });
});

describe("a line longer than any record", () => {
  it(
    "is told as that, in pieces that are longer than a record may be",
    { timeout: 20_000 },
    async () => {
      const { bytes } = segmentOf(2, 10);
      const long = Buffer.alloc(recordBytesMax * 2 + 1_000, "x");
      const all = Buffer.concat([long, Buffer.from("\n"), bytes]);
      const scanned = await scan(all, { chunkBytes: recordBytesMax });
      const [given] = scanned.found;
      expect(given).toMatchObject({ kind: "bad", reason: "a line longer than any record" });
      // A record of the greatest length is not given up for filling the buffer to the last byte.
      expect(given?.kind === "bad" && given.endBytes).toBe(2 * recordBytesMax);
      expect(sequencesOf(scanned)).toEqual([1, 2]);
    },
  );
});

describe("a read that fails", () => {
  it("marks no stretch in a later block as unreadable", async () => {
    const segment = segmentOf(30, 700);
    const bytes = Uint8Array.from(segment.bytes);
    const rotten = (segment.starts[20] ?? 0) + 30;
    bytes[rotten] = (bytes[rotten] ?? 0) ^ 1;
    const { found } = await scan(bytes, {
      onReadError: "damage",
      unreadable: [blockBytes, blockBytes + 1],
      chunkBytes: 2 * blockBytes,
    });
    const bad = found.flatMap((item) => (item.kind === "bad" ? [item.readError] : []));
    expect([bad[0], bad.at(-1)]).toEqual([true, false]);
  });

  it("is an error, if it is not the disk's, of a chunk or of a block", async () => {
    const { bytes } = segmentOf(30, 700);
    const options = { onReadError: "damage", unreadable: [0, 1] } as const;
    await expect(
      scan(bytes, { onReadError: "damage", chunkError: "EACCES" }),
    ).rejects.toMatchObject({ code: "EACCES" });
    await expect(
      scan(bytes, { onReadError: "damage", chunkError: "EIO", blockError: "EACCES" }),
    ).rejects.toMatchObject({ code: "EACCES" });
    expect(sequencesOf(await scan(bytes, options))).not.toEqual([]);
  });

  it("ends where the file does, if that is before its size says", async () => {
    const { bytes } = segmentOf(30, 700);
    const scanned = await scan(bytes, {
      onReadError: "damage",
      chunkError: "EIO",
      endBytes: bytes.length + 3 * blockBytes,
    });
    expect(sequencesOf(scanned)).toEqual(range(1, 30));
  });
});
