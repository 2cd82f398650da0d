import { DiskFailedError } from "@taskwal/errors";
import { describe, expect, it } from "vitest";
import { recordCrc } from "./find-record.ts";
import {
  batches,
  newWorld,
  one,
  previousOf,
  range,
  rawSegment,
  without,
  type RawSegment,
  type World,
} from "./sample-log.test.ts";
import { listLog } from "./segment-list.ts";

const crcOf = (raw: RawSegment, line: number): string => {
  const start = raw.starts[line] ?? 0;
  return Buffer.from(raw.bytes).toString("latin1", start + 8, start + 16);
};

const worldOf = async (segments: readonly RawSegment[]): Promise<World> => {
  const world = await newWorld();
  for (const { path, bytes } of segments) world.sim.writeRaw(path, bytes);
  return world;
};

const found = async (
  { directory, disk }: World,
  epoch: number,
  sequence: number,
  onReadError: "throw" | "damage" = "throw",
): Promise<string | undefined> => {
  const listing = await listLog(directory, undefined, { onReadError });
  const crc = await recordCrc(listing, { epoch, sequence }, { directory, onReadError });
  expect([...disk.openFiles]).toEqual([]);
  return crc;
};

describe("the checksum of a record", () => {
  // Lines of all lengths around the bytes that are read at a time.
  const long = rawSegment(
    one,
    range(1, 40).map((seq) => ({ seq, lag: 1, pad: seq * 1_500 })),
  );

  it("is that of its line, wherever that stands in the segment", async () => {
    const world = await worldOf([long]);
    for (const sequence of range(1, 40)) {
      expect(await found(world, 1, sequence), String(sequence)).toBe(crcOf(long, sequence - 1));
    }
  });

  it("is found wherever its beginning falls between the bytes that are read at a time", async () => {
    const pattern = ',"seq":2,"lag":'.length;
    const short = rawSegment(one, batches(1, 2));
    for (const at of range(256 * 1024 - pattern - 2, 256 * 1024 + 2)) {
      const pad = at - 17 - (short.starts[1] ?? 0);
      const raw = rawSegment(one, [
        { seq: 1, lag: 1, pad },
        { seq: 2, lag: 1 },
      ]);
      expect(Buffer.from(raw.bytes).indexOf(',"seq":2,"lag":')).toBe(at);
      expect(await found(await worldOf([raw]), 1, 2), String(at)).toBe(crcOf(raw, 1));
    }
  });

  it("is the one that its epoch wrote, also where a later epoch carried it over or overrode all of it", async () => {
    const first = rawSegment(one, batches(1, 6));
    const second = rawSegment({ first: 5, epoch: 2 }, batches(5, 8), previousOf(first, 4));
    const third = rawSegment({ first: 5, epoch: 3 }, batches(5, 9), previousOf(first, 4));
    const world = await worldOf([first, second, third]);
    expect(await found(world, 1, 5)).toBe(crcOf(first, 4));
    expect(await found(world, 2, 5)).toBe(crcOf(second, 0));
    expect(await found(world, 3, 5)).toBe(crcOf(third, 0));
    expect(crcOf(first, 4)).not.toBe(crcOf(third, 0));
  });

  it("is of the segment that holds it, of several of one epoch", async () => {
    const first = rawSegment(one, batches(1, 4));
    const second = rawSegment({ first: 5, epoch: 1 }, batches(5, 8), previousOf(first, 4));
    const world = await worldOf([first, second]);
    expect(await found(world, 1, 4)).toBe(crcOf(first, 3));
    expect(await found(world, 1, 5)).toBe(crcOf(second, 0));
  });

  it("is unknown where no segment of the epoch is there, or no line verifies as the record", async () => {
    const raw = rawSegment({ first: 5, epoch: 2 }, batches(5, 8));
    const world = await worldOf([without(raw, [2])]);
    expect(await found(world, 1, 6)).toBeUndefined();
    expect(await found(world, 2, 4)).toBeUndefined();
    expect(await found(world, 2, 7)).toBeUndefined();
    expect(await found(world, 2, 9)).toBeUndefined();
    expect(await found(world, 2, 6)).toBe(crcOf(raw, 1));
  });

  it("is not what stands in another line, or behind its beginning", async () => {
    const raw = rawSegment(one, batches(1, 3));
    // The search finds these bytes inside of a line that was joined with the one before: no record begins there.
    const text = Buffer.from(raw.bytes)
      .toString()
      .replace(/\n(?=[^\n]*"seq":3)/, ',"seq":3,"lag":');
    const world = await worldOf([{ ...raw, bytes: Buffer.from(text) }]);
    expect(await found(world, 1, 3)).toBe(crcOf(raw, 2));
    const other = await worldOf([{ ...raw, bytes: Buffer.from(text.replace(/"n":3/, '"n":4')) }]);
    expect(await found(other, 1, 3)).toBeUndefined();
  });

  it("that cannot be read is the disk's error, or unknown where damage may be salvaged", async () => {
    const world = await worldOf([rawSegment(one, batches(1, 3))]);
    const fail = (): unknown =>
      world.sim.fail(
        ({ kind, path, endBytes = 0 }) =>
          kind === "read" && path.endsWith(".jsonl") && endBytes > 200_000,
        "EIO",
        { times: "forever" },
      );
    fail();
    await expect(found(world, 1, 2)).rejects.toBeInstanceOf(DiskFailedError);
    expect(await found(world, 1, 2, "damage")).toBeUndefined();
  });

  it("whose segment may not be opened is the disk's error, also where damage may be salvaged", async () => {
    const { sim, directory } = await worldOf([rawSegment(one, batches(1, 3))]);
    const listing = await listLog(directory);
    sim.fail(({ kind, path }) => kind === "open" && path.endsWith(".jsonl"), "EACCES");
    const asked = recordCrc(
      listing,
      { epoch: 1, sequence: 2 },
      { directory, onReadError: "damage" },
    );
    await expect(asked).rejects.toMatchObject({ operation: "read", errno: "EACCES" });
  });
});
