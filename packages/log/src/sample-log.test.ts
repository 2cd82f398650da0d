/**
 * What the tests of this package make logs with: on the simulated disk, by the writer or line by line.
 *
 * The rule: nothing here reads a log but through `readLog`, and what the sample says is tested below.
 */
import type { Directory } from "@taskwal/disk";
import { createSimDisk, type SimDisk, type SimProcess } from "@taskwal/disk/sim";
import {
  encodeHeadSlot,
  headerBody,
  LineBuffer,
  markerBody,
  recordBody,
  sealBody,
  segmentName,
  segmentSalt,
  type LogRecord,
  type PreviousSegment,
  type SegmentId,
} from "@taskwal/format";
import { describe, expect, it } from "vitest";

import { continueLog } from "./carry-tail.ts";
import { claimEpoch } from "./claim-epoch.ts";
import type { Range } from "./judge.ts";
import { LogWriter } from "./log-writer.ts";
import { replayLog } from "./replay-log.ts";
import type { ReplayEnd } from "./replay-result.ts";
import { listLog, type LogListing } from "./segment-list.ts";
import type { LogEntry, LogWriterOptions } from "./writer-options.ts";

export const store = "0123456789abcdef0123456789abcdef";
export const root = "/s";

export interface World {
  readonly sim: SimDisk;
  readonly disk: SimProcess;
  readonly directory: Directory;
}

/** A machine with an empty, durable `/s/wal`. */
export const newWorld = async (
  options: Parameters<typeof createSimDisk>[0] = {},
): Promise<World> => {
  const world = await reboot(createSimDisk(options));
  await world.directory.createFolder("wal");
  await world.directory.syncFolder(".");
  return world;
};

/** A new process on the machine. */
export const reboot = async (sim: SimDisk): Promise<World> => {
  const disk = sim.process();
  return { sim, disk, directory: await disk.createDirectory(root) };
};

/** Lets everything that was begun come to its end. */
export const settled = async ({ disk }: Pick<World, "disk">): Promise<void> => {
  for (let turn = 0; turn < 20; turn += 1) await disk.clock.yield();
};

export interface Reading {
  readonly records: readonly LogRecord[];
  readonly sequences: readonly number[];
  readonly lost: readonly Range[];
  readonly end: ReplayEnd;
  readonly listing: LogListing;
}

export interface ReadOptions {
  readonly base?: number;
  readonly promised?: number;
  readonly until?: number;
  readonly onReadError?: "throw" | "damage";
  readonly storeHint?: string;
}

export const readLog = async (
  directory: Directory,
  { base = 0, promised = 0, onReadError = "throw", storeHint, until }: ReadOptions = {},
): Promise<Reading> => {
  const listing = await listLog(directory, storeHint, { onReadError });
  const options = { base, promised, onReadError, ...(until === undefined ? {} : { until }) };
  const steps = replayLog(directory, listing, options);
  const records: LogRecord[] = [];
  const lost: Range[] = [];
  for (let step = await steps.next(); ; step = await steps.next()) {
    if (step.done) {
      const sequences = records.map(({ seq }) => seq);
      return { records, sequences, lost, end: step.value, listing };
    }
    if (step.value.kind === "records") records.push(...step.value.records);
    else lost.push([step.value.first, step.value.last]);
  }
};

export interface Opened {
  readonly writer: LogWriter;
  readonly before: Reading;
  readonly poisons: readonly unknown[];
}

/** As an opening does it: claim, read, go on behind what was kept. */
export const openWriter = async (
  { disk, directory }: Pick<World, "disk" | "directory">,
  options: Partial<LogWriterOptions> & ReadOptions = {},
): Promise<Opened> => {
  const epoch = await claimEpoch(directory, 0);
  const before = await readLog(directory, options);
  const { end, listing } = before;
  const poisons: unknown[] = [];
  const writer = await LogWriter.open({
    directory,
    clock: disk.clock,
    store,
    epoch,
    continuation: await continueLog(directory, listing, end),
    durable: end.durable,
    lastCrc: end.lastCrc ?? "00000000",
    segmentBytesMax: 1 << 20,
    idleMs: 1_000,
    fence: () => undefined,
    onPoison: (error) => poisons.push(error),
    ...options,
  });
  return { writer, before, poisons };
};

/** A record whose payload tells it from all others. */
export const entry = (label: string, tx?: readonly [number, number]): LogEntry => {
  const draft = { at: 1_000, type: "note.set", id: label, n: 1 };
  return { draft: tx ? { ...draft, tx } : draft, dataJson: JSON.stringify({ label }) };
};

/** A transaction of so many members. */
export const transaction = (label: string, count: number): LogEntry[] =>
  Array.from({ length: count }, (_, at) => entry(`${label}${at + 1}`, [at + 1, count]));

export type SampleLine =
  | {
      readonly seq: number;
      readonly lag: number;
      readonly tx?: readonly [number, number];
      readonly pad?: number;
    }
  | { readonly dur: number }
  | { readonly seal: number };

export interface RawSegment {
  readonly id: SegmentId;
  readonly path: string;
  readonly bytes: Uint8Array;
  /** Where each of the lines begins, the header's not among them. */
  readonly starts: readonly number[];
}

/** A segment line by line, as no writer need have written it. */
export const rawSegment = (
  id: SegmentId,
  lines: readonly SampleLine[],
  previous?: PreviousSegment,
): RawSegment => {
  const buffer = new LineBuffer();
  const salt = segmentSalt(store, id);
  const header = { format: 1, store, ...id };
  buffer.push(headerBody(previous ? { ...header, previous } : header), salt);
  const starts: number[] = [];
  for (const line of lines) {
    starts.push(buffer.length);
    if ("dur" in line) buffer.push(markerBody(line.dur), salt);
    else if ("seal" in line) buffer.push(sealBody({ last: line.seal, count: 1, sha256: "" }), salt);
    else buffer.push(bodyOf(line, id.epoch), salt);
  }
  const path = `${root}/${segmentName(id)}`;
  return { id, path, bytes: Uint8Array.from(buffer.view()), starts };
};

const bodyOf = (line: Extract<SampleLine, { seq: number }>, epoch: number): string => {
  const { seq, lag, tx, pad = 0 } = line;
  const draft = { at: 1_000, type: "note.set", id: `e${epoch}`, n: seq };
  const data = JSON.stringify({ pad: "x".repeat(pad) });
  return recordBody(tx ? { ...draft, tx } : draft, data, seq, lag);
};

export const one: SegmentId = { first: 1, epoch: 1 };

/** Records from `first` to `last`, each a batch of its own: its watermark is the one before. */
export const batches = (first: number, last: number): SampleLine[] =>
  range(first, last).map((seq) => ({ seq, lag: 1 }));

/** Records from `first` to `last` of one batch, begun when `durable` was. */
export const batch = (first: number, last: number, durable: number): SampleLine[] =>
  range(first, last).map((seq) => ({ seq, lag: seq - durable }));

export const tx = (first: number, count: number, durable: number): SampleLine[] =>
  range(1, count).map((index) => ({
    seq: first + index - 1,
    lag: first + index - 1 - durable,
    tx: [index, count],
  }));

export interface ReadChoice extends ReadOptions {
  /** HEAD's promise. */
  readonly head?: number;
  readonly headStore?: string;
}

/** A machine on which these segments lie. */
export const laid = async (segments: readonly RawSegment[]): Promise<World> => {
  const world = await newWorld();
  for (const { path, bytes } of segments) world.sim.writeRaw(path, bytes);
  return world;
};

export const readSegments = async (
  segments: readonly RawSegment[],
  choice: ReadChoice = {},
): Promise<Reading> => {
  const { sim, directory } = await laid(segments);
  const { head, headStore = store } = choice;
  if (head !== undefined) {
    const { epoch, first } = segments.at(-1)?.id ?? one;
    sim.writeRaw("/s/wal/HEAD", encodeHeadSlot({ store: headStore, epoch, first, durable: head }));
  }
  return readLog(directory, choice);
};

/** The raw segment without some of its lines, or with them made unreadable. */
export const without = (
  raw: RawSegment,
  lines: readonly number[],
  how: "cut" | "rot" = "rot",
): RawSegment => {
  const ends = [...raw.starts.slice(1), raw.bytes.length];
  const parts: Uint8Array[] = [raw.bytes.subarray(0, raw.starts[0])];
  for (const [at, start] of raw.starts.entries()) {
    const line = Uint8Array.from(raw.bytes.subarray(start, ends[at]));
    if (lines.includes(at) && how === "cut") continue;
    if (lines.includes(at)) line[20] = (line[20] ?? 0) ^ 1;
    parts.push(line);
  }
  return { ...raw, bytes: Buffer.concat(parts) };
};

export const headerless = (raw: RawSegment): RawSegment => {
  const bytes = Uint8Array.from(raw.bytes);
  bytes[40] = (bytes[40] ?? 0) ^ 1;
  return { ...raw, bytes };
};

export const previousOf = (
  raw: RawSegment,
  last: number,
  bytes = raw.bytes.length,
): PreviousSegment => ({
  ...raw.id,
  last,
  bytes,
  sha256: "",
});

export const range = (first: number, last: number): number[] =>
  Array.from({ length: Math.max(0, last - first + 1) }, (_, at) => first + at);

/** Both ends included, as sequences. */
export const spread = (ranges: readonly Range[]): number[] =>
  ranges.flatMap(([first, last]) => range(first, last));

/** Bytes with one bit flipped. */
export const flipped = (bytes: Uint8Array, bit: number): Uint8Array => {
  const copy = Uint8Array.from(bytes);
  copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  return copy;
};

export interface Expected {
  readonly kept: readonly number[];
  readonly lost?: Reading["end"]["lost"];
  readonly dropped?: Reading["end"]["dropped"];
  readonly tornRecords?: number;
  readonly torn?: number;
  readonly damaged?: number;
  readonly durable?: number;
}

/** What a replay keeps and what it says of the rest. */
export const checkReading = ({ sequences, end }: Reading, expected: Expected): void => {
  const { kept, lost = [], dropped = [], tornRecords = 0, torn = 0, damaged = 0 } = expected;
  expect({
    sequences,
    lost: end.lost,
    dropped: end.dropped,
    tornRecords: end.tornRecords,
    torn: end.torn.length,
    damaged: end.damaged.length,
    recordCount: end.recordCount,
  }).toEqual({
    sequences: kept,
    lost,
    dropped,
    tornRecords,
    torn,
    damaged,
    recordCount: kept.length,
  });
  if (expected.durable !== undefined) expect(end.durable).toBe(expected.durable);
  expect(end.next).toBe(Math.max(end.durable, end.lastKept) + 1);
};

describe("the sample log", () => {
  it("reads back as the writer wrote it", async () => {
    const world = await newWorld();
    const { writer } = await openWriter(world);
    await writer.append([entry("a"), ...transaction("b", 2)], true);
    await writer.append([entry("c")], false);
    await writer.close();
    const { records, end } = await readLog(world.directory);
    expect(records.map(({ seq, id, tx }) => [seq, id, tx])).toEqual([
      [1, "a", undefined],
      [2, "b1", [1, 2]],
      [3, "b2", [2, 2]],
      [4, "c", undefined],
    ]);
    expect(end).toMatchObject({
      durable: 4,
      lastKept: 4,
      next: 5,
      lost: [],
      torn: [],
      damaged: [],
    });
  });

  it("reads back line by line", async () => {
    const { sim, directory } = await newWorld();
    const raw = rawSegment({ first: 1, epoch: 1 }, [
      { seq: 1, lag: 1 },
      { dur: 1 },
      { seq: 2, lag: 1 },
    ]);
    sim.writeRaw(raw.path, raw.bytes);
    const { sequences, end } = await readLog(directory);
    expect([sequences, end.durable]).toEqual([[1, 2], 1]);
  });
});
