import { limits, segmentSalt } from "@taskwal/format";
import { describe, expect, it } from "vitest";

import { flipped, newWorld, range, rawSegment, store } from "./sample-log.test.ts";
import { scanSegment, type Scanned } from "./scan-segment.ts";

const id = { first: 1, epoch: 1 };
const salt = segmentSalt(store, id);
const path = "/s/wal/sample";

const sample = rawSegment(id, [
  { seq: 1, lag: 1 },
  { seq: 2, lag: 1, pad: 30 },
  { seq: 3, lag: 2, tx: [1, 2] },
  { seq: 4, lag: 3, tx: [2, 2] },
  { dur: 4 },
  { seq: 5, lag: 1 },
  { dur: 5 },
  { seal: 5 },
]);
const lineStarts = [0, ...sample.starts];
const lineEnds = [...sample.starts, sample.bytes.length];

interface ScanChoice {
  readonly chunkBytes?: number;
  readonly onReadError?: "throw" | "damage";
  readonly sizeBytes?: number;
}

const world = await newWorld();

const scan = async (bytes: Uint8Array, choice: ScanChoice = {}): Promise<Scanned[]> => {
  world.sim.writeRaw(path, bytes);
  const file = await world.directory.open("wal/sample", "read");
  const { onReadError = "throw", chunkBytes = 1 << 20, sizeBytes = bytes.length } = choice;
  const options = { salt, startBytes: 0, endBytes: sizeBytes, onReadError, chunkBytes };
  const found: Scanned[] = [];
  for await (const items of scanSegment(file, options)) {
    expect(items).not.toEqual([]);
    found.push(...items);
  }
  await file.close();
  return found;
};

const sequencesOf = (found: readonly Scanned[]): number[] =>
  found.flatMap((item) =>
    item.kind === "line" && item.line.kind === "record" ? [item.line.record.seq] : [],
  );

/** Which lines of the sample were found whole, by where they stand in it. */
const linesOf = (found: readonly Scanned[]): number[] =>
  found.flatMap((item) => (item.kind === "line" ? [lineStarts.indexOf(item.startBytes)] : []));

/** Every byte is in exactly one line or bad stretch (a damaged newline in both its line's end and its own). */
const checkCover = (found: readonly Scanned[], sizeBytes: number): void => {
  let at = 0;
  for (const item of found) {
    if (item.kind === "mark") continue;
    if (item.startBytes > at || item.startBytes < at - 1)
      expect.fail(`${item.startBytes} after ${at}`);
    at = item.endBytes;
  }
  expect(at).toBe(sizeBytes);
};

/** Joined with its neighbours, as a stretch may be cut where chunks meet. */
const badRanges = (found: readonly Scanned[]): number[][] => {
  const ranges: number[][] = [];
  for (const item of found) {
    if (item.kind !== "bad") continue;
    const last = ranges.at(-1);
    if (last?.[1] === item.startBytes) last[1] = item.endBytes;
    else ranges.push([item.startBytes, item.endBytes]);
  }
  return ranges;
};

const lineAt = (bytesAt: number): number => lineEnds.findIndex((end) => bytesAt < end);

describe("a segment that was cut short", () => {
  it("reads as its whole lines and one torn stretch, at every length", async () => {
    for (const sizeBytes of range(0, sample.bytes.length)) {
      const found = await scan(sample.bytes.subarray(0, sizeBytes));
      const whole = lineEnds.filter((end) => end <= sizeBytes);
      expect(linesOf(found)).toEqual(whole.map((_, at) => at));
      const rest = [whole.at(-1) ?? 0, sizeBytes];
      expect(badRanges(found)).toEqual(rest[0] === sizeBytes ? [] : [rest]);
    }
  });

  it("reads as what is there where its size says more", async () => {
    const found = await scan(sample.bytes.subarray(0, -5), {
      sizeBytes: sample.bytes.length + 9_000,
    });
    expect(linesOf(found)).toEqual(range(0, 7));
    expect(badRanges(found)).toEqual([[lineStarts[8], sample.bytes.length - 5]]);
  });
});

describe("a part of a segment", () => {
  it("reads as the lines in it, and nothing of what stands behind it", async () => {
    for (const chunkBytes of [100, 256, 300, 1 << 20]) {
      for (const [line, sizeBytes] of lineEnds.entries()) {
        const found = await scan(sample.bytes, { sizeBytes, chunkBytes });
        expect([linesOf(found), badRanges(found)]).toEqual([range(0, line), []]);
      }
    }
  });

  it("is read by a chunk at a time, each byte once", async () => {
    const large = rawSegment(
      id,
      range(1, 300).map((seq) => ({ seq, lag: 1, pad: 900 })),
    );
    const reads: (readonly [number, number])[] = [];
    const unwatch = world.sim.fail(({ kind, startBytes = 0, endBytes = 0 }) => {
      if (kind === "read") reads.push([startBytes, endBytes]);
      return false;
    }, "EIO");
    expect(sequencesOf(await scan(large.bytes, { chunkBytes: 65_536 }))).toEqual(range(1, 300));
    unwatch();
    expect(reads.every(([start, end]) => start < end && end - start <= 65_536)).toBe(true);
    expect(reads.map(([start]) => start)).toEqual([0, ...reads.slice(0, -1).map(([, end]) => end)]);
    expect(reads.at(-1)?.[1]).toBe(large.bytes.length);
  });
});

describe("a segment with one bit flipped", () => {
  it("loses the line with the bit and no other; with the bit of a newline, none", async () => {
    for (let bit = 0; bit < sample.bytes.length * 8; bit += 1) {
      const found = await scan(flipped(sample.bytes, bit));
      const line = lineAt(bit >> 3);
      const isNewline = (bit >> 3) + 1 === lineEnds[line];
      const expected = range(0, 8).filter((one) => isNewline || one !== line);
      expect(linesOf(found), `bit ${bit}`).toEqual(expected);
      checkCover(found, sample.bytes.length);
    }
  });

  it("reads the same in chunks of any size", async () => {
    const bits = [
      3,
      200 * 8,
      (lineEnds[1] ?? 0) * 8 - 3,
      (lineEnds[4] ?? 0) * 8 - 1,
      sample.bytes.length * 8 - 1,
    ];
    for (const bytes of [sample.bytes, ...bits.map((bit) => flipped(sample.bytes, bit))]) {
      const whole = await scan(bytes);
      for (const chunkBytes of [1, 2, 7, 64, 100, 255, 256, 257, 300, 1_000]) {
        const found = await scan(bytes, { chunkBytes });
        expect([linesOf(found), badRanges(found)]).toEqual([linesOf(whole), badRanges(whole)]);
      }
    }
  });
});

/** The sequences, and what tools did; nothing else is found. */
const marks = async (touched: string): Promise<[number[], string[]]> => {
  const found = await scan(Buffer.from(touched));
  const names = found.flatMap((item) => (item.kind === "mark" ? [item.mark] : []));
  expect(badRanges(found)).toEqual([]);
  return [sequencesOf(found), [...new Set(names)]];
};

describe("a segment that a tool has touched", () => {
  const text = Buffer.from(sample.bytes).toString();

  it("is read without carriage returns and a byte order mark, which are named", async () => {
    expect(await marks(text.replaceAll("\n", "\r\n"))).toEqual([range(1, 5), ["crlf"]]);
    expect(await marks(`\uFEFF${text}`)).toEqual([range(1, 5), ["bom"]]);
    expect(await marks(`\uFEFF${text.replaceAll("\n", "\r\n")}`)).toEqual([
      range(1, 5),
      ["bom", "crlf"],
    ]);
  });

  it("is read around what was put between lines, and where lines were joined", async () => {
    expect(sequencesOf(await scan(Buffer.from(text.replaceAll("\n", "\n\n"))))).toEqual(
      range(1, 5),
    );
    expect(sequencesOf(await scan(Buffer.from(text.replaceAll("\n", "\n# note\n"))))).toEqual(
      range(1, 5),
    );
    expect(sequencesOf(await scan(Buffer.from(text.replaceAll("\n", " "))))).toEqual(range(1, 5));
    const garbled = text.replace('"seq":2', '"seq":9').replace("\n", " ").replace("\n", "\t");
    expect(sequencesOf(await scan(Buffer.from(garbled)))).toEqual([1, 3, 4, 5]);
  });
});

describe("a segment with lines that are no lines", () => {
  it(
    "gives up what is longer than any line, and reads on behind it",
    { timeout: 20_000 },
    async () => {
      const long = Buffer.alloc(limits.recordBytesMax * 2 + 1_000_000, "x");
      const head = sample.bytes.subarray(0, lineEnds[2]);
      const tail = sample.bytes.subarray(lineEnds[2]);
      const found = await scan(Buffer.concat([head, long, Buffer.from("\n"), tail]));
      expect(sequencesOf(found)).toEqual(range(1, 5));
      checkCover(found, sample.bytes.length + long.length + 1);
      const reasons = found.flatMap((item) => (item.kind === "bad" ? [item.reason] : []));
      expect(reasons).toContain("a line longer than any record");
    },
  );

  it(
    "reads a line as long as any may be, and none that is longer",
    { timeout: 20_000 },
    async () => {
      const short = rawSegment(id, [{ seq: 2, lag: 1 }]);
      const padMax = limits.recordBytesMax - (short.bytes.length - (short.starts[0] ?? 0));
      for (const [pad, sequences] of [
        [padMax, [1, 2, 3]],
        [padMax + 1, [1, 3]],
      ] as const) {
        const { bytes } = rawSegment(id, [
          { seq: 1, lag: 1 },
          { seq: 2, lag: 1, pad },
          { seq: 3, lag: 1 },
        ]);
        expect(sequencesOf(await scan(bytes, { chunkBytes: 65_536 }))).toEqual(sequences);
      }
    },
  );

  it("tells what is torn and the rubbish right before it as one stretch", async () => {
    const { length } = sample.bytes;
    const found = await scan(Buffer.concat([sample.bytes, Buffer.from("rubbish\nhalf a li")]));
    expect(found.flatMap((item) => (item.kind === "bad" ? [item] : []))).toMatchObject([
      { startBytes: length, endBytes: length + 17 },
    ]);
  });

  it("keeps lines that were read before and behind a great many starts of lines", async () => {
    const starts = Buffer.from('{"crc":"'.repeat(5_000));
    const head = sample.bytes.subarray(0, lineEnds[1]);
    const found = await scan(
      Buffer.concat([head, starts, Buffer.from("\n"), sample.bytes.subarray(lineEnds[1])]),
    );
    expect(sequencesOf(found)).toEqual(range(1, 5));
  });

  it("reads zeros and old bytes at the end as bytes that do not verify, not as a read error", async () => {
    for (const tail of [
      Buffer.alloc(5_000),
      Buffer.alloc(300, 0xa5),
      Buffer.from(sample.bytes.subarray(3, 90)),
    ]) {
      const found = await scan(Buffer.concat([sample.bytes, tail]));
      expect(sequencesOf(found)).toEqual(range(1, 5));
      expect(found.at(-1)).toMatchObject({ kind: "bad", readError: false });
    }
  });

  it("accepts no line of another segment", async () => {
    const other = rawSegment({ first: 1, epoch: 2 }, [
      { seq: 1, lag: 1 },
      { seq: 2, lag: 1 },
    ]);
    expect(linesOf(await scan(other.bytes))).toEqual([]);
  });
});

describe("a segment on a disk that does not read everywhere", () => {
  const { blockBytes } = limits;

  const checkUnreadable = async (pad: number, block: number, chunkBytes: number): Promise<void> => {
    const { lines, large } = segmentOf(pad);
    const [start, end] = [block * blockBytes, (block + 1) * blockBytes];
    world.sim.writeRaw(path, large.bytes);
    const repair = world.sim.failReads(path, start, end);
    const found = await scan(large.bytes, { onReadError: "damage", chunkBytes });
    await expect(scan(large.bytes)).rejects.toMatchObject({ code: "EIO" });
    repair();
    const ends = [...large.starts.slice(1), large.bytes.length];
    const expected = lines.filter(
      (_, at) => (ends[at] ?? 0) <= start || (large.starts[at] ?? 0) >= end,
    );
    expect(sequencesOf(found)).toEqual(expected.map(({ seq }) => seq));
    const bad = found.flatMap((item) => (item.kind === "bad" ? [item] : []));
    expect(bad.every(({ readError }) => readError)).toBe(true);
    expect(bad).not.toEqual([]);
  };

  const segmentOf = (pad: number) => {
    const lines = range(1, Math.ceil(28_000 / pad)).map((seq) => ({ seq, lag: 1, pad }));
    return { lines, large: rawSegment(id, lines) };
  };

  it("reads as what is there, also where its size says more", async () => {
    const { large } = segmentOf(700);
    world.sim.writeRaw(path, large.bytes);
    const repair = world.sim.failReads(path, 0, 1);
    const sizeBytes = large.bytes.length + 9_000;
    const found = await scan(large.bytes, { onReadError: "damage", sizeBytes });
    repair();
    expect(badRanges(found)).toEqual([[0, large.starts.find((start) => start >= blockBytes)]]);
    checkCover(found, large.bytes.length);
  });

  it("passes on any other error of the disk, also where it comes while blocks are read", async () => {
    const { large } = segmentOf(700);
    const damage = { onReadError: "damage" } as const;
    world.sim.fail(({ kind }) => kind === "read", "EACCES");
    await expect(scan(large.bytes, damage)).rejects.toMatchObject({ code: "EACCES" });
    world.sim.fail(({ kind }) => kind === "read", "EIO");
    world.sim.fail(({ kind }) => kind === "read", "EACCES");
    await expect(scan(large.bytes, damage)).rejects.toMatchObject({ code: "EACCES" });
    expect(badRanges(await scan(large.bytes, damage))).toEqual([]);
  });

  it("loses the lines in an unreadable block, says so, and reads on", async () => {
    // Of one block and less; and such as reach over several, and from one chunk into the next.
    for (const pad of [700, 9_000]) {
      const { large } = segmentOf(pad);
      for (const block of range(0, Math.floor((large.bytes.length - 1) / blockBytes))) {
        for (const chunkBytes of [1 << 20, 5_000, 9_000]) {
          await checkUnreadable(pad, block, chunkBytes);
        }
      }
    }
  });
});
