/**
 * One fault, anywhere outside the last batch, in a log of several segments, two epochs, transactions and
 * a torn tail of an earlier crash: no silent loss, and no false alarm.
 */
import { CorruptError } from "@taskwal/errors";
import { lineOf, type LogRecord } from "@taskwal/format";
import { describe, expect, it } from "vitest";

import {
  entry,
  flipped,
  newWorld,
  openWriter,
  range,
  readLog,
  reboot,
  spread,
  store,
  transaction,
  settled,
  type Reading,
  type World,
} from "./sample-log.test.ts";

interface Line {
  readonly startBytes: number;
  readonly endBytes: number;
  /** The sequences that are gone with it: its own and those of its transaction; none for other lines. */
  readonly members: readonly number[];
}

interface LogFile {
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly lines: readonly Line[];
}

interface Sample {
  readonly world: World;
  readonly whole: Reading;
  readonly files: readonly LogFile[];
}

const fill = async (world: World, label: string): Promise<void> => {
  const { writer } = await openWriter(world, { segmentBytesMax: 900 });
  for (const round of range(1, 5)) {
    await writer.append([entry(`${label}${round}`), ...transaction(`${label}${round}t`, 3)], true);
    await writer.append([entry(`${label}${round}x`)], round % 2 === 0);
  }
  world.sim.clock.advance(2_000);
  await settled(world);
};

const linesOf = (
  bytes: Uint8Array,
  transactions: ReadonlyMap<number, readonly number[]>,
): Line[] => {
  const lines: Line[] = [];
  for (let startBytes = 0; startBytes < bytes.length;) {
    const newlineAt = bytes.indexOf(0x0a, startBytes);
    const endBytes = newlineAt < 0 ? bytes.length : newlineAt + 1;
    const text = Buffer.from(bytes.subarray(startBytes, endBytes)).toString();
    const seq = Number(/^\{"crc":"[0-9a-f]{8}","seq":(\d+),/.exec(text)?.[1] ?? 0);
    lines.push({ startBytes, endBytes, members: transactions.get(seq) ?? [] });
    startBytes = endBytes;
  }
  return lines;
};

const transactionsOf = (records: readonly LogRecord[]): Map<number, readonly number[]> =>
  new Map(
    records.map(
      ({ seq, tx = [1, 1] }) => [seq, range(seq - tx[0] + 1, seq - tx[0] + tx[1])] as const,
    ),
  );

/** Two epochs; the first ended in a power cut that tore its last batch, which was never acknowledged. */
const makeSample = async (): Promise<Sample> => {
  const first = await newWorld({ seed: 3 });
  await fill(first, "a");
  const { sim } = first;
  const { writer } = await openWriter(first, { segmentBytesMax: 4_000 });
  await writer.append([entry("b0"), ...transaction("bt", 2)], true);
  await writer.append([entry("gone1"), entry("gone2")], false);
  sim.powerCut({ writes: "all", names: "all", newBytes: "garbage", seed: 1 });
  const torn = sim.listRaw().findLast((path) => path.endsWith(".jsonl")) ?? "";
  sim.writeRaw(torn, sim.readRaw(torn).subarray(0, -130));
  const world = await reboot(sim);
  await fill(world, "c");
  const whole = await readLog(world.directory);
  const transactions = transactionsOf(whole.records);
  const names = sim
    .listRaw()
    .filter((path) => path.startsWith("/s/wal/") && !path.endsWith(".claim"));
  const files = names.map((path): LogFile => {
    const bytes = sim.readRaw(path);
    return { path, bytes, lines: path.endsWith(".jsonl") ? linesOf(bytes, transactions) : [] };
  });
  return { world, whole, files };
};

const sample = await makeSample();
const { world, whole, files } = sample;
const segments = files.filter(({ path }) => path.endsWith(".jsonl"));
const lastRecordEnd = Math.max(
  ...(segments.at(-1)?.lines ?? [])
    .filter(({ members }) => members.length > 0)
    .map((l) => l.endBytes),
);

const withFile = async (
  { path, bytes }: LogFile,
  changed: Uint8Array | undefined,
  check: () => Promise<void>,
): Promise<void> => {
  if (changed) world.sim.writeRaw(path, changed);
  else world.sim.removeRaw(path);
  try {
    await check();
  } finally {
    world.sim.writeRaw(path, bytes);
  }
};

/** What was touched: at most these sequences may be gone, and each that is gone is named. */
const checkReading = (reading: Reading, mayBeGone: readonly number[], fault: string): void => {
  const { end, sequences, records } = reading;
  const gone = whole.sequences.filter((seq) => !sequences.includes(seq));
  expect(
    spread([...end.lost, ...end.dropped]).sort((a, b) => a - b),
    fault,
  ).toEqual(gone);
  expect(spread(reading.lost), fault).toEqual(gone);
  expect(
    sequences.toSorted((a, b) => a - b),
    fault,
  ).toEqual(sequences);
  const unexpected = gone.filter((seq) => !mayBeGone.includes(seq));
  if (unexpected.length > 0) expect.fail(`${fault} lost ${unexpected.join()}`);
  for (const record of records) {
    const original = whole.records[record.seq - 1];
    if (JSON.stringify(record) !== JSON.stringify(original))
      expect.fail(`${fault} changed ${record.seq}`);
  }
  expect(end.tornRecords, fault).toBe(0);
  expect(end.next, fault).toBe(whole.end.next);
};

const touched = (file: LogFile, startBytes: number, endBytes: number): number[] =>
  file.lines
    .filter((line) => line.startBytes < endBytes && startBytes < line.endBytes)
    .flatMap(({ members }) => members);

const checkBytes = async (
  file: LogFile,
  changed: Uint8Array,
  [startBytes, endBytes]: readonly [number, number],
): Promise<void> => {
  await withFile(file, changed, async () => {
    const reading = await readLog(world.directory, { storeHint: store });
    if (reading.sequences.length < whole.sequences.length) {
      expect(reading.end.damaged.length).toBeGreaterThan(0);
    }
    const fault = `${file.path} ${startBytes} to ${endBytes}`;
    checkReading(reading, touched(file, startBytes, endBytes), fault);
    // Only behind the last record does rot look like what a crash leaves.
    const isTail = file === segments.at(-1) && endBytes >= lastRecordEnd;
    if (!isTail) expect(reading.end.torn, fault).toEqual([]);
  });
};

describe("the log that is harmed here", () => {
  it("has several segments, two epochs, an overridden torn tail, and reads whole", () => {
    const { end, sequences, listing } = whole;
    expect(sequences).toEqual(range(1, sequences.length));
    expect(end).toMatchObject({
      durable: sequences.length,
      lost: [],
      torn: [],
      damaged: [],
      dropped: [],
    });
    expect(listing.segments.length).toBeGreaterThan(4);
    expect(new Set(listing.segments.map(({ id }) => id.epoch)).size).toBe(3);
    expect(listing.segments.some((segment) => segment.endBytes < segment.sizeBytes)).toBe(true);
    expect(sequences.length).toBeGreaterThan(40);
  });
});

describe("one flipped bit", () => {
  it("costs at most the record that holds it and its transaction, and these are named", async () => {
    for (const file of segments) {
      for (let at = 0; at < file.bytes.length; at += 3) {
        const bit = at * 8 + (at % 8);
        await checkBytes(file, flipped(file.bytes, bit), [at, at + 1]);
      }
    }
  });

  it("costs nothing in a header, a marker, a seal, a newline, an overridden line or HEAD", async () => {
    for (const file of files) {
      const harmless = file.lines.filter(({ members }) => members.length === 0);
      const ends = file.lines.map(({ endBytes }) => endBytes - 1);
      const spots =
        file.lines.length > 0
          ? [...harmless.map((line) => line.startBytes + 20), ...ends]
          : [9, 4_105];
      for (const at of spots) {
        if (at >= file.bytes.length) continue;
        await withFile(file, flipped(file.bytes, at * 8 + 1), async () => {
          const reading = await readLog(world.directory, { storeHint: store });
          expect(reading.sequences, `${file.path} at ${at}`).toEqual(whole.sequences);
        });
      }
    }
  });
});

describe("a stretch of bytes", () => {
  it("that reads as zeros, or as something else, costs the records in it and no more", async () => {
    for (const file of segments) {
      for (let at = 0; at < file.bytes.length; at += 61) {
        for (const sizeBytes of [16, 300, 512]) {
          const endBytes = Math.min(at + sizeBytes, file.bytes.length);
          for (const filling of [0, 0x7b]) {
            const changed = Uint8Array.from(file.bytes).fill(filling, at, endBytes);
            await checkBytes(file, changed, [at, endBytes]);
          }
        }
      }
    }
  });

  it("that was written elsewhere in its file costs what stood there and no more", async () => {
    for (const file of segments) {
      for (const target of file.lines) {
        for (const source of file.lines) {
          const sizeBytes = target.endBytes - target.startBytes;
          if (source === target || source.endBytes - source.startBytes !== sizeBytes) continue;
          const changed = Uint8Array.from(file.bytes);
          changed.copyWithin(target.startBytes, source.startBytes, source.endBytes);
          await checkBytes(file, changed, [target.startBytes, target.endBytes]);
        }
      }
    }
  });

  it("that was written elsewhere in its file, as a sector, costs what stood there and no more", async () => {
    const sectorBytes = 512;
    for (const file of segments) {
      const count = Math.ceil(file.bytes.length / sectorBytes);
      for (const target of range(0, count - 1)) {
        for (const source of range(0, count - 1)) {
          const from = source * sectorBytes;
          const to = target * sectorBytes;
          const size = Math.min(sectorBytes, file.bytes.length - Math.max(from, to));
          const changed = Uint8Array.from(file.bytes);
          changed.copyWithin(to, from, from + size);
          await checkBytes(file, changed, [to, to + size]);
        }
      }
    }
  });
});

describe("a file", () => {
  it("that is gone costs its records, which are named; HEAD costs nothing", async () => {
    for (const file of files) {
      const own = whole.listing.segments.find(({ name }) => file.path.endsWith(name));
      if (own?.id.first === 1) continue;
      await withFile(file, undefined, async () => {
        const mayBeGone = own ? touched(file, 0, file.bytes.length) : [];
        checkReading(await readLog(world.directory), mayBeGone, file.path);
      });
    }
  });

  it("that is the first one, gone, leaves nothing to start from: no empty log", async () => {
    const [first] = segments;
    if (!first) expect.fail("no segment");
    const last = (segments[1]?.lines[1]?.members[0] ?? 0) - 1;
    await withFile(first, undefined, async () => {
      const error = await readLog(world.directory).catch((caught: unknown) => caught);
      expect(error).toBeInstanceOf(CorruptError);
      expect(error).toMatchObject({ sequences: [[1, last]] });
      const above = await readLog(world.directory, { base: last, promised: last });
      expect(above.sequences).toEqual(range(last + 1, whole.end.lastKept));
    });
  });

  it("that ends early costs what stood behind, which is named", async () => {
    for (const file of segments) {
      for (let sizeBytes = 0; sizeBytes < file.bytes.length; sizeBytes += 37) {
        await withFile(file, file.bytes.subarray(0, sizeBytes), async () => {
          const { sequences, end } = await readLog(world.directory, { storeHint: store });
          const behind = touched(file, sizeBytes, file.bytes.length);
          const gone = whole.sequences.filter((seq) => !sequences.includes(seq));
          expect(spread([...end.lost, ...end.dropped]).sort((a, b) => a - b)).toEqual(gone);
          expect(gone.filter((seq) => !behind.includes(seq))).toEqual([]);
        });
      }
    }
  });

  it("has nothing in it that a reader would not name", () => {
    const text = segments.map(({ bytes }) => Buffer.from(bytes).toString()).join("");
    const kinds = text.split("\n").flatMap((line) => {
      try {
        return [lineOf(JSON.parse(line)).kind];
      } catch {
        return [];
      }
    });
    expect([...new Set(kinds)].sort()).toEqual(["header", "marker", "record", "seal"]);
  });
});
