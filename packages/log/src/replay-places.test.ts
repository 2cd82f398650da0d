/** What a replay says of bytes that are torn or damaged, and of what it refuses: where, and why. */
import { UnsupportedFormatError } from "@taskwal/errors";
import { describe, expect, it } from "vitest";
import { LineBuffer, headerBody, segmentSalt } from "@taskwal/format";

import type { DamagedBytes } from "./replay-result.ts";
import {
  batch,
  batches,
  checkReading,
  headerless,
  one,
  previousOf,
  range,
  rawSegment,
  readSegments as read,
  root,
  store,
  tx,
  without,
  type RawSegment,
} from "./sample-log.test.ts";

const fileOf = ({ path }: RawSegment): string => path.slice(root.length + 1);

/** The bytes from one line of the segment up to another. */
const bytesOf = (raw: RawSegment, from: number, to: number, reason: string): DamagedBytes => ({
  file: fileOf(raw),
  startBytes: raw.starts[from] ?? -1,
  endBytes: raw.starts[to] ?? raw.bytes.length,
  reason,
});
const noLine = "no line verifies here";
const cut = (first: number, last: number): string =>
  `records ${first} to ${last}, behind a hole or of an unfinished transaction`;

const first = rawSegment(one, [...batches(1, 4), { dur: 4 }, { seal: 4 }]);

describe("what is torn", () => {
  it("is said to the byte: what verifies behind a hole, and the hole", async () => {
    const raw = rawSegment(one, batch(1, 5, 0));
    const { end } = await read([without(raw, [2])]);
    expect(end.torn).toEqual([bytesOf(raw, 3, 5, cut(4, 5)), bytesOf(raw, 2, 3, noLine)]);
  });

  it("begins with the first member of an unfinished transaction, not with what is kept before it", async () => {
    const raw = rawSegment(one, [...batches(1, 5), ...tx(6, 4, 5).slice(0, 3)]);
    const reading = await read([without(raw, [1])]);
    checkReading(reading, {
      kept: [1, 3, 4, 5],
      lost: [[2, 2]],
      damaged: 1,
      tornRecords: 3,
      torn: 1,
    });
    expect(reading.end.torn).toEqual([bytesOf(raw, 5, 8, cut(6, 8))]);
    expect(reading.end.damaged).toEqual([bytesOf(raw, 1, 2, noLine)]);
  });

  it("is not damage for what was lost before its segment", async () => {
    const last = rawSegment({ first: 9, epoch: 1 }, batches(9, 9), previousOf(first, 8));
    checkReading(await read([first, without(last, [0])]), {
      kept: range(1, 4),
      lost: [[5, 8]],
      torn: 1,
    });
  });

  it("is not damage for a record behind it that stands below its segment", async () => {
    const spliced = rawSegment(
      { first: 5, epoch: 1 },
      [...batches(5, 6), { seq: 3, lag: 1 }],
      previousOf(first, 4),
    );
    checkReading(await read([first, without(spliced, [1])]), { kept: range(1, 5), torn: 1 });
  });
});

describe("what is damaged", () => {
  it("is so where only the record at the base stands behind it", async () => {
    const raw = without(rawSegment(one, batches(1, 4)), [2]);
    checkReading(await read([raw], { base: 4 }), { kept: [], damaged: 1 });
  });

  it("ends at the byte at which a later segment ended the file", async () => {
    const torn = {
      ...first,
      bytes: Buffer.concat([first.bytes, Buffer.from("torn by a crash\n")]),
    };
    const second = rawSegment({ first: 5, epoch: 1 }, batches(5, 8), previousOf(first, 4));
    const { end } = await read([without(torn, [5]), second]);
    expect(end.damaged).toEqual([bytesOf(first, 5, 6, noLine)]);
  });

  it("is no line behind that byte which verifies, and only repeats another", async () => {
    const copy = first.bytes.subarray(first.starts[2], first.starts[3]);
    const repeated = { ...first, bytes: Buffer.concat([first.bytes, copy]) };
    const second = rawSegment({ first: 5, epoch: 1 }, batches(5, 8), previousOf(first, 4));
    const reading = await read([without(repeated, [1]), second]);
    checkReading(reading, { kept: [1, ...range(3, 8)], lost: [[2, 2]], damaged: 1 });
    expect(reading.end.damaged).toEqual([bytesOf(first, 1, 2, noLine)]);
  });
});

describe("behind damage", () => {
  it("it is still said what a tool brought", async () => {
    const second = rawSegment({ first: 5, epoch: 1 }, batches(5, 8), previousOf(first, 4));
    const text = Buffer.from(second.bytes).toString();
    const marked = { ...second, bytes: Buffer.from(text.replaceAll("\n", "\r\n")) };
    const { sequences, end } = await read([without(first, [1]), marked]);
    expect(sequences).toEqual([1, ...range(3, 8)]);
    expect(end.notes).toEqual([
      `${fileOf(second)} has CRLF line ends that a tool brought; the records are read without them`,
    ]);
  });
});

describe("what is refused", () => {
  it("names the file, the field that nobody knows, and what is known", async () => {
    const lines = new LineBuffer();
    const salt = segmentSalt(store, one);
    lines.push(headerBody({ format: 1, store, ...one }), salt);
    lines.push('"checkpoint":1}', salt);
    const raw = { ...rawSegment(one, []), bytes: Uint8Array.from(lines.view()) };
    const error = await read([raw]).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(UnsupportedFormatError);
    expect(error).toMatchObject({
      file: fileOf(raw),
      found: 'a line with the field "checkpoint"',
      supported: "log format 1",
    });
  });

  it("says why a log without its beginning is: nothing to start from", async () => {
    const second = rawSegment({ first: 5, epoch: 1 }, batches(5, 8), previousOf(first, 4));
    for (const raw of [second, headerless(second)]) {
      await expect(read([raw], { storeHint: store })).rejects.toMatchObject({
        file: fileOf(second),
        reason:
          "the log begins here and no snapshot before it verifies, so there is nothing to start from",
      });
    }
  });
});
