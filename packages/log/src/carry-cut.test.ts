/** Where recovery cuts the last segment, and what it copies from there on. */
import { encodeHeadSlot, limits } from "@taskwal/format";
import { describe, expect, it } from "vitest";

import { continueLog, type Continuation } from "./carry-tail.ts";
import {
  batch,
  batches,
  entry,
  headerless,
  laid,
  newWorld,
  one,
  openWriter,
  previousOf,
  range,
  rawSegment,
  readLog,
  reboot,
  store,
  tx,
  without,
  type RawSegment,
  type ReadOptions,
  type SampleLine,
} from "./sample-log.test.ts";

const continued = async (
  segments: readonly RawSegment[],
  options: ReadOptions = {},
): Promise<Continuation> => {
  const { directory } = await laid(segments);
  const { end, listing } = await readLog(directory, { storeHint: store, ...options });
  return continueLog(directory, listing, end);
};

const carriedOf = ({ carried }: Continuation): number[] =>
  carried.map((body) => (JSON.parse(`{${body}`) as { seq: number }).seq);

const padded = (first: number, last: number, durable: number, pad: number): SampleLine[] =>
  range(first, last).map((seq) => ({ seq, lag: seq - durable, pad }));

describe("the cut", () => {
  it("is the same whether the segment is read from its beginning or from where all was settled", async () => {
    const inTransactions = (lines: SampleLine[]): SampleLine[] =>
      lines.map((line, index) => ({ ...line, tx: [(index % 4) + 1, 4] }));
    const kept = [...padded(1, 800, 0, 2_000), ...padded(801, 820, 790, 2_000)];
    for (const lines of [kept, inTransactions(kept)]) {
      const { directory } = await laid([rawSegment(one, lines)]);
      const { end, listing } = await readLog(directory, { storeHint: store });
      expect(end.settled?.bytes).toBeGreaterThan(1_000_000);
      const whole = await continueLog(directory, listing, { ...end, settled: undefined });
      expect(await continueLog(directory, listing, end)).toEqual(whole);
      expect(carriedOf(whole).at(-1)).toBe(820);
    }
  });

  it("is so above a base too, of which nothing is held: inside a transaction below it, and where lines stand out of order", async () => {
    const inOne = tx(1, 800, 0).map((line) => ({ ...line, pad: 2_000 }));
    const swapped = padded(1, 800, 0, 2_000);
    [swapped[799], swapped[99]] = [swapped[99], swapped[799]] as [SampleLine, SampleLine];
    for (const [lines, first] of [
      [inOne, 1],
      [swapped, 800],
    ] as const) {
      const segment = rawSegment(one, [...lines, ...padded(801, 802, 800, 100)]);
      const { directory } = await laid([segment]);
      const { end, listing } = await readLog(directory, { storeHint: store, base: 800 });
      const next = await continueLog(directory, listing, end);
      expect(next).toEqual(await continueLog(directory, listing, { ...end, settled: undefined }));
      expect(carriedOf(next)).toEqual(range(first, 802));
    }
  });

  it("is at the block that holds the end of D", async () => {
    for (const pad of [0, 100, 900, 5_000]) {
      const segment = rawSegment(one, [...padded(1, 20, 0, pad), ...padded(21, 24, 20, pad)]);
      const endOfD = (segment.starts[20] ?? 0) - 1;
      const block = endOfD - (endOfD % limits.blockBytes);
      const ends = segment.starts.slice(1);
      const first = ends.findIndex((end) => end > block) + 1;
      const next = await continued([segment]);
      expect([pad, next.first]).toEqual([pad, first]);
      expect(carriedOf(next)).toEqual(range(first, 24));
      expect(next.previous).toEqual(
        first === 1
          ? undefined
          : {
              ...one,
              last: first - 1,
              bytes: segment.starts[first - 1],
              sha256: expect.any(String) as string,
            },
      );
    }
  });

  it("is right to the byte, where a line ends beside the end of a block and where D does", async () => {
    const block = limits.blockBytes;
    /** Records 1, 2, 3 up to D, of which the first and the last end so many bytes behind the end of a block. */
    const segmentOf = (first: number, last: number): RawSegment => {
      const lines = (pads: readonly number[]): SampleLine[] => [
        ...range(1, 3).map((seq, at) => ({ seq, lag: 1, pad: pads[at] ?? 0 })),
        ...batch(4, 5, 3),
      ];
      const short = rawSegment(one, lines([])).starts;
      const pad = block + first - (short[1] ?? 0);
      return rawSegment(one, lines([pad, 0, 2 * block + last - (short[3] ?? 0) - pad]));
    };
    for (const first of range(-3, 3)) {
      for (const last of range(-3, 3)) {
        const segment = segmentOf(first, last);
        expect([segment.starts[1], segment.starts[3]]).toEqual([block + first, 2 * block + last]);
        const inBlockOfD = first > 0 ? 1 : 2;
        const next = await continued([segment]);
        expect([first, last, next.first]).toEqual([first, last, last > 0 ? 3 : inBlockOfD]);
        expect(carriedOf(next)).toEqual(range(next.first, 5));
      }
    }
  });

  it("is the begin of the log where D ends in the first block, however long the record behind it", async () => {
    const next = await continued([
      rawSegment(one, [...batches(1, 3), { seq: 4, lag: 1, pad: 20_000 }]),
    ]);
    expect([next.previous, carriedOf(next)]).toEqual([undefined, range(1, 4)]);
  });

  it("leaves out no record above D, in whatever order the lines stand", async () => {
    for (const order of [
      [6, 1, 2, 3, 4, 5],
      [1, 2, 3, 6, 5, 4],
      [2, 1, 4, 3, 6, 5],
    ]) {
      const lines = order.map((seq) => ({ seq, lag: seq > 4 ? seq - 4 : 1 }));
      const world = await laid([rawSegment(one, lines)]);
      const { end, listing } = await readLog(world.directory);
      expect([end.durable, end.lastKept, end.lost]).toEqual([4, 6, []]);
      const carried = carriedOf(await continueLog(world.directory, listing, end));
      expect(carried.filter((seq) => seq > 4)).toEqual([5, 6]);
      await openWriter(world);
      world.sim.powerCut("none");
      const again = await readLog((await reboot(world.sim)).directory);
      expect([again.sequences, again.end.lost]).toEqual([range(1, 6), []]);
    }
    // Long lines: the block that holds the end of D holds nothing else, also where one below D is behind it.
    const long = [1, 2, 4, 3, 5].map((seq) => ({ seq, lag: 1, pad: 9_000 }));
    expect(carriedOf(await continued([rawSegment(one, long)]))).toEqual([4, 5]);
  });

  it("copies no member of a transaction that has no end", async () => {
    const lines = [...batches(1, 2), ...batch(3, 4, 2), ...tx(5, 3, 2).slice(0, 2)];
    expect(carriedOf(await continued([rawSegment(one, lines)]))).toEqual(range(1, 4));
  });

  it("copies nothing that a segment has overridden of which only HEAD tells", async () => {
    const segment = rawSegment(one, [...batches(1, 4), ...batch(5, 8, 3)]);
    const { sim, directory } = await laid([segment]);
    sim.writeRaw("/s/wal/HEAD", encodeHeadSlot({ store, first: 6, epoch: 2, durable: 3 }));
    const { end, listing } = await readLog(directory);
    expect(carriedOf(await continueLog(directory, listing, end))).toEqual(range(1, 5));
  });

  it("stops the opening where a record that was kept does not read any more", async () => {
    const segment = rawSegment(one, [...batches(1, 5), ...batch(6, 9, 5)]);
    const { sim, directory, disk } = await laid([segment]);
    const { end, listing } = await readLog(directory);
    sim.writeRaw(segment.path, without(segment, [7]).bytes);
    await expect(continueLog(directory, listing, end)).rejects.toThrow("record 8 is kept");
    sim.writeRaw(segment.path, without(segment, range(0, 8)).bytes);
    await expect(continueLog(directory, listing, end)).rejects.toThrow("kept above D stands");
    expect([...disk.openFiles]).toEqual([]);
  });

  it("carries nothing where a promise covers all, and ends the old file before what is torn", async () => {
    const whole = rawSegment(one, [...batches(1, 5), { dur: 5 }]);
    const torn = { ...whole, bytes: Buffer.concat([whole.bytes, Buffer.from("half a li")]) };
    for (const segment of [whole, torn]) {
      const next = await continued([segment]);
      expect(next).toMatchObject({ first: 6, carried: [] });
      expect(next.previous).toMatchObject({ ...one, last: 5, bytes: whole.bytes.length });
    }
    expect(await continued([])).toEqual({ previous: undefined, first: 1, carried: [] });
  });

  it("is never inside a transaction", async () => {
    const lines = tx(3, 4, 2).map((line) => ({ ...line, pad: 1_500 }));
    const segment = rawSegment(one, [...batches(1, 2), ...lines, ...batch(7, 8, 6)]);
    expect((segment.starts[5] ?? 0) > limits.blockBytes).toBe(true);
    const next = await continued([segment]);
    expect([next.first, carriedOf(next)]).toEqual([3, range(3, 8)]);
  });

  it("is above the last hole: what is carried has no gaps", async () => {
    const segment = rawSegment(one, [...batches(1, 6), ...batch(7, 9, 6)]);
    expect(carriedOf(await continued([without(segment, [3])]))).toEqual(range(5, 9));
    expect(carriedOf(await continued([without(segment, [5])], { promised: 6 }))).toEqual(
      range(7, 9),
    );
    const grouped = rawSegment(one, [...batches(1, 2), ...tx(3, 3, 2), ...batch(6, 8, 5)]);
    expect(carriedOf(await continued([without(grouped, [3])], { promised: 5 }))).toEqual(
      range(6, 8),
    );
  });

  it("in the first record of a segment takes over what that one had before it", async () => {
    const first = rawSegment(one, [...batches(1, 4), { dur: 4 }, { seal: 4 }]);
    const second = rawSegment({ first: 5, epoch: 2 }, batch(5, 6, 4), previousOf(first, 4));
    const next = await continued([first, second]);
    expect([next.first, carriedOf(next), next.previous]).toEqual([5, [5, 6], previousOf(first, 4)]);
    const blind = await continued([first, headerless(second)]);
    expect(blind.previous).toMatchObject({ ...one, last: 4, bytes: first.bytes.length });
  });

  it("takes no line that a higher epoch has overridden, with or without its header", async () => {
    const old = rawSegment(one, [...batches(1, 5), ...batch(6, 9, 5)]);
    const over = rawSegment(
      { first: 6, epoch: 2 },
      batch(6, 8, 5),
      previousOf(old, 5, old.starts[5]),
    );
    for (const second of [over, headerless(over)]) {
      const next = await continued([old, second]);
      const ids = next.carried.map((body) => (JSON.parse(`{${body}`) as { id: string }).id);
      expect(ids).toEqual(["e2", "e2", "e2"]);
    }
  });

  it("copies every payload as it was", async () => {
    const { directory } = await newWorld();
    const payloads = [
      '{"2":1,"1":2}',
      '"\\ud800 ä😀"',
      "[1e21,5e-324,-1.5]",
      '{"a":{"crc":"x"}}',
      "null",
    ];
    const world = { ...(await newWorld()) };
    const { writer } = await openWriter(world);
    await writer.append([entry("a")], true);
    const drafts = payloads.map((dataJson) => ({ ...entry("p"), dataJson }));
    await writer.append(drafts, false);
    const read = await readLog(world.directory);
    const { carried } = await continueLog(world.directory, read.listing, read.end);
    const texts = carried
      .slice(-payloads.length)
      .map((body) => body.slice(body.indexOf('"data":') + 7, -1));
    expect(texts).toEqual(payloads.map((payload) => JSON.stringify(JSON.parse(payload))));
    expect(directory.path).toBe(world.directory.path);
  });
});
