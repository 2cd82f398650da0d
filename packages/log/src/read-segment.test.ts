import { DiskFailedError } from "@taskwal/errors";
import type { SimCall } from "@taskwal/disk/sim";
import { describe, expect, it } from "vitest";

import { readRun, readSegment, type SegmentReading } from "./read-segment.ts";
import { listLog } from "./segment-list.ts";
import {
  batches,
  newWorld,
  one,
  rawSegment,
  root,
  without,
  type RawSegment,
  type World,
} from "./sample-log.test.ts";

const sample = rawSegment(one, batches(1, 3));

const readingOf = async (raw: RawSegment): Promise<World & { reading: SegmentReading }> => {
  const world = await newWorld();
  world.sim.writeRaw(raw.path, raw.bytes);
  const { segments } = await listLog(world.directory);
  const [segment = expect.fail("no segment")] = segments;
  return { ...world, reading: { directory: world.directory, segment, onReadError: "throw" } };
};

const errorOfReading = async (reading: SegmentReading): Promise<unknown> => {
  try {
    for await (const _ of readSegment(reading, [0, sample.bytes.length]));
  } catch (error) {
    return error;
  }
  return undefined;
};

describe("reading a segment", () => {
  it("names it in the error of the disk, whether it does not open or does not read, and closes it", async () => {
    for (const [kind, errno] of [
      ["open", "EACCES"],
      ["read", "EIO"],
    ] as const) {
      const { sim, disk, reading } = await readingOf(sample);
      sim.fail((call) => call.kind === kind, errno);
      const error = await errorOfReading(reading);
      expect(error).toBeInstanceOf(DiskFailedError);
      const { operation, path, outcome, errno: found } = error as DiskFailedError;
      expect([operation, path, outcome, found]).toEqual([
        "read",
        sample.path.slice(root.length + 1),
        "not-written",
        errno,
      ]);
      expect([...disk.openFiles]).toEqual([]);
    }
  });

  it("passes on what is no error of the disk", async () => {
    const { sim, disk, reading } = await readingOf(sample);
    const release = sim.hang(({ kind }: SimCall) => kind === "read");
    const failed = errorOfReading(reading);
    for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
    disk.kill();
    release();
    expect(await failed).toMatchObject({ name: "SimCrash" });
  });

  it("leaves no file open, also for whoever breaks off", async () => {
    const { disk, reading } = await readingOf(sample);
    expect(await errorOfReading(reading)).toBeUndefined();
    expect([...disk.openFiles]).toEqual([]);
    for await (const _ of readSegment(reading, [0, sample.bytes.length])) break;
    expect([...disk.openFiles]).toEqual([]);
  });
});

describe("reading a run again", () => {
  it("gives its records with their places, and nothing else that stands between them", async () => {
    const raw = rawSegment(one, [
      { seq: 1, lag: 1 },
      { dur: 1 },
      { seq: 7, lag: 1 },
      { seq: 1, lag: 1 },
      { dur: 1 },
      { seq: 2, lag: 1 },
      { seq: 3, lag: 1 },
    ]);
    const { reading } = await readingOf(without(raw, [4]));
    const [startBytes = 0] = raw.starts;
    const endBytes = raw.bytes.length;
    const run = { from: 1, to: 3, segment: 0, startBytes, endBytes };
    const found: (readonly [number, number])[] = [];
    for await (const { record, startBytes: at } of readRun(reading, {
      ...run,
      firstTx: undefined,
      lastTx: undefined,
    })) {
      found.push([record.seq, at]);
    }
    const [, , , , , second, third] = raw.starts;
    expect(found).toEqual([
      [1, startBytes],
      [2, second],
      [3, third],
    ]);
  });
});
