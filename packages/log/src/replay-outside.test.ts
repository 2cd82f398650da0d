import { DiskFailedError, UnsupportedFormatError } from "@taskwal/errors";
import { encodeHeadSlot, headerBody, LineBuffer, segmentSalt } from "@taskwal/format";
import { describe, expect, it } from "vitest";

import {
  batches,
  checkReading,
  newWorld,
  one,
  previousOf,
  range,
  rawSegment,
  readLog,
  readSegments as read,
  store,
  without,
  type RawSegment,
  type Reading,
} from "./sample-log.test.ts";

const crlf = (raw: RawSegment): RawSegment => ({
  ...raw,
  bytes: Buffer.from(Buffer.from(raw.bytes).toString().replaceAll("\n", "\r\n")),
});

const raw = (body: string, id = one): RawSegment => {
  const lines = new LineBuffer();
  const salt = segmentSalt(store, id);
  lines.push(headerBody({ format: 1, store, ...id }), salt);
  lines.push(body, salt);
  return { ...rawSegment(id, []), bytes: Uint8Array.from(lines.view()) };
};

const headed = (header: object): RawSegment => {
  const lines = new LineBuffer();
  lines.push(JSON.stringify({ store, ...one, ...header }).slice(1), segmentSalt(store, one));
  return { ...rawSegment(one, []), bytes: Uint8Array.from(lines.view()) };
};

describe("files that a tool has touched", () => {
  const first = rawSegment(one, [...batches(1, 4), { dur: 4 }, { seal: 4 }]);
  const second = rawSegment({ first: 5, epoch: 1 }, batches(5, 8), previousOf(first, 4));
  it("lose nothing by CRLF line ends, in any of them, and it is said", async () => {
    for (const segments of [
      [crlf(first), second],
      [first, crlf(second)],
      [crlf(first), crlf(second)],
    ]) {
      const reading = await read(segments);
      checkReading(reading, { kept: range(1, 8) });
      expect(reading.end.notes.join()).toContain("CRLF");
    }
  });

  it("lose nothing by a byte order mark", async () => {
    const marked = { ...first, bytes: Buffer.concat([Buffer.from("\uFEFF"), first.bytes]) };
    const reading = await read([marked, second]);
    checkReading(reading, { kept: range(1, 8) });
    expect(reading.end.notes.join()).toContain("byte order mark");
  });
});

describe("what another version wrote", () => {
  it("is refused by the field, never skipped and never damage", async () => {
    const lines = [
      '"seq":1,"lag":1,"at":1,"type":"a","enc":{},"data":1}',
      '"dur":1,"x":1}',
      '"checkpoint":1}',
    ];
    for (const line of lines) {
      const error = await read([raw(line)]).catch((caught: unknown) => caught);
      expect(error).toBeInstanceOf(UnsupportedFormatError);
    }
    for (const header of [
      { format: 2 },
      { format: 2, more: 1 },
      { format: 1, replaces: "" },
      { format: 1, previous: { first: 1, epoch: 1, last: 1, bytes: 1, sha256: "", root: "" } },
    ]) {
      const error = await read([headed(header)]).catch((caught: unknown) => caught);
      expect(error).toBeInstanceOf(UnsupportedFormatError);
    }
  });

  it("is refused where a header holds what nobody writes, also with the checksum right", async () => {
    // Found by fuzzing: `last` as a text made D not a number, and every loss silent.
    const previous = { first: 1, epoch: 1, last: 1, bytes: 1, sha256: "" };
    for (const odd of [
      { previous: 7 },
      { previous: "previous" },
      { previous: { ...previous, last: "9" } },
      { previous: { ...previous, bytes: -1 } },
      { epoch: "1" },
      { parent: [] },
    ]) {
      const error = await read([headed({ format: 1, ...odd })]).catch((caught: unknown) => caught);
      expect(error).toBeInstanceOf(UnsupportedFormatError);
    }
  });

  it("is damage where a line verifies and is not JSON, or more than one value", async () => {
    // Found by fuzzing: the one was a SyntaxError, the other moved every line behind it by one.
    const bodies = ['"seq":2,"lag":1,', '"seq":2,"lag":1},{"seq":3}'];
    for (const body of bodies) {
      const lines = new LineBuffer();
      const salt = segmentSalt(store, one);
      lines.push(headerBody({ format: 1, store, ...one }), salt);
      for (const seq of [1, 2, 3, 4]) {
        lines.push(
          seq === 2 ? body : `"seq":${seq},"lag":1,"at":1,"type":"a","data":${seq}}`,
          salt,
        );
      }
      const reading = await read([
        { ...rawSegment(one, []), bytes: Uint8Array.from(lines.view()) },
      ]);
      expect(reading.records.map(({ data }) => data)).toEqual([1, 3, 4]);
      checkReading(reading, { kept: [1, 3, 4], lost: [[2, 2]], damaged: 1 });
    }
  });

  it("is refused behind damage as well, and in what is overridden", async () => {
    const newer = raw('"checkpoint":1}', { first: 5, epoch: 1 });
    const damaged = without(rawSegment(one, batches(1, 4)), [1]);
    await expect(read([damaged, newer])).rejects.toBeInstanceOf(UnsupportedFormatError);
    const over = rawSegment({ first: 1, epoch: 2 }, batches(1, 2));
    await expect(read([headed({ format: 2 }), over])).rejects.toBeInstanceOf(
      UnsupportedFormatError,
    );
  });
});

describe("a disk that does not read", () => {
  const segment = rawSegment(one, [
    ...batches(1, 4),
    { seq: 5, lag: 1, pad: 9_000 },
    ...batches(6, 9),
  ]);

  const failing = async (onReadError: "throw" | "damage", head?: number): Promise<Reading> => {
    const { sim, directory } = await newWorld();
    sim.writeRaw(segment.path, segment.bytes);
    if (head !== undefined) {
      sim.writeRaw("/s/wal/HEAD", encodeHeadSlot({ store, ...one, durable: head }));
    }
    const at = segment.starts[4] ?? 0;
    sim.failReads(segment.path, at - (at % 4_096) + 4_096, at - (at % 4_096) + 4_097);
    return readLog(directory, { onReadError, storeHint: store });
  };

  it("is an error that names the file, unless damage may be salvaged", async () => {
    const error = await failing("throw").catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(DiskFailedError);
    expect(error).toMatchObject({ errno: "EIO", path: segment.path.slice(3) });
  });

  it("is damage, never a torn end", async () => {
    checkReading(await failing("damage"), {
      kept: [...range(1, 4), ...range(6, 9)],
      lost: [[5, 5]],
      damaged: 1,
    });
    const { end } = await failing("damage", 9);
    expect(end.damaged[0]?.reason).toContain("could not be read");
  });

  it("in its last bytes is damage although nothing promises them", async () => {
    const { sim, directory } = await newWorld();
    const last = rawSegment(one, [...batches(1, 3), { seq: 4, lag: 1, pad: 9_000 }]);
    sim.writeRaw(last.path, last.bytes);
    sim.failReads(last.path, 4_096, 8_192);
    const reading = await readLog(directory, { onReadError: "damage" });
    checkReading(reading, { kept: [1, 2, 3], damaged: 1 });
  });

  it("in a header or in HEAD costs nothing where damage may be salvaged", async () => {
    const { sim, directory } = await newWorld();
    sim.writeRaw(segment.path, segment.bytes);
    sim.writeRaw("/s/wal/HEAD", encodeHeadSlot({ store, ...one, durable: 9 }));
    sim.fail((call) => call.kind === "read" && call.path.endsWith("HEAD"), "EIO", {
      times: "forever",
    });
    const open = { onReadError: "damage", storeHint: store } as const;
    expect((await readLog(directory, open)).sequences).toEqual(range(1, 9));
    await expect(readLog(directory)).rejects.toMatchObject({ code: "EIO" });
  });
});
