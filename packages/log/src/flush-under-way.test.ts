/** What a flushSync counts as before it: all that is in flight or waits, once. */
import type { DiskFailedError } from "@taskwal/errors";
import type { SimCall } from "@taskwal/disk/sim";
import { describe, expect, it } from "vitest";

import {
  entry,
  newWorld,
  openWriter,
  range,
  readLog,
  reboot,
  transaction,
  settled,
  type Opened,
  type World,
} from "./sample-log.test.ts";

const on =
  (kind: SimCall["kind"]) =>
  (call: SimCall): boolean =>
    call.kind === kind && call.path.includes(".jsonl");

const begun = async (): Promise<World & Opened> => {
  const world = await newWorld();
  const opened = await openWriter(world);
  await opened.writer.append([entry("a")], true);
  return { ...world, ...opened };
};

const errorOfFlush = ({ writer }: Opened, behind?: number): DiskFailedError => {
  try {
    writer.flushSync([entry("now")], behind);
  } catch (error) {
    return error as DiskFailedError;
  }
  return expect.fail("it was not refused");
};

/** The writes of at least a byte behind so many calls. */
const writtenSince = ({ sim }: World, callCount: number): readonly SimCall[] =>
  sim.trace.slice(callCount).filter(({ startBytes = 0, endBytes = 0 }) => endBytes > startBytes);

const checkDurable = async ({ sim }: World, labels: readonly string[]): Promise<void> => {
  sim.powerCut("none");
  const { records, end } = await readLog((await reboot(sim)).directory);
  expect(records.map(({ id }) => id)).toEqual(labels);
  expect(end).toMatchObject({ torn: [], damaged: [], lost: [] });
};

describe("flushSync", () => {
  it("takes its place behind what is written, in flight and waiting, and at no other", async () => {
    for (const hanging of ["write", "sync"] as const) {
      const world = await begun();
      const release = world.sim.hang(on(hanging));
      const calls = [
        world.writer.append([entry("b"), entry("c")], true),
        world.writer.append(transaction("d", 3), true),
        world.writer.append([entry("e")], true),
      ];
      await settled(world);
      const { callCount } = world.sim;
      for (const behind of [0, 1, 3, 5, 6, 8, 9, 10]) {
        expect(errorOfFlush(world, behind)).toMatchObject({
          operation: "write",
          outcome: "not-written",
          reason: "a call before it has failed",
        });
      }
      expect(world.sim.callCount).toBe(callCount);
      expect(world.writer.flushSync([entry("now")], 7)).toEqual({ first: 8, last: 8 });
      release();
      expect(await Promise.all(calls)).toEqual([
        { first: 2, last: 3 },
        { first: 4, last: 6 },
        { first: 7, last: 7 },
      ]);
      await checkDurable(world, ["a", "b", "c", "d1", "d2", "d3", "e", "now"]);
    }
  });

  it("takes the place behind an append whose turn is over, whatever became of it", async () => {
    const world = await begun();
    world.sim.fail(on("write"), "ENOSPC");
    await expect(world.writer.append([entry("b")], true)).rejects.toThrow("ENOSPC");
    expect(errorOfFlush(world, 2)).toMatchObject({ reason: "a call before it has failed" });
    await world.writer.append([entry("b")], false);
    expect(world.writer.flushSync([entry("c")], 2)).toEqual({ first: 3, last: 3 });
    await checkDurable(world, ["a", "b", "c"]);
  });

  it("makes durable what no sync was ever asked for", async () => {
    const world = await newWorld();
    const { writer } = await openWriter(world);
    await writer.append([entry("a")], false);
    expect(writer.flushSync([entry("b")])).toEqual({ first: 2, last: 2 });
    await checkDurable(world, ["a", "b"]);
  });

  it("writes nothing again that it has made durable before", async () => {
    for (const more of [[], [entry("c")]]) {
      const world = await begun();
      const release = world.sim.hang(on("write"));
      const call = world.writer.append([entry("b")], false);
      await settled(world);
      world.writer.flushSync(more);
      release();
      await call;
      const { callCount } = world.sim;
      world.writer.flushSync([]);
      expect(writtenSince(world, callCount)).toEqual([]);
    }
  });

  it("writes nothing again that is durable already, though its caller is not told yet", async () => {
    // Found by the model: on a full disk, bytes that had been answered for were written once more.
    let acknowledged = (): void => {};
    const world = await newWorld();
    const { writer } = await openWriter(world, {
      fence: () => {
        queueMicrotask(() => acknowledged());
        return undefined;
      },
    });
    await writer.append([entry("a")], true);
    let written: readonly SimCall[] | undefined;
    acknowledged = () => {
      acknowledged = () => {};
      const { callCount } = world.sim;
      writer.flushSync([]);
      written = writtenSince(world, callCount);
    };
    await writer.append([entry("b")], true);
    expect(written).toEqual([]);
    await checkDurable(world, ["a", "b"]);
  });

  it("writes nothing of one segment into the next", async () => {
    const world = await newWorld();
    const { writer } = await openWriter(world, { segmentBytesMax: 500 });
    const labels = range(1, 12).map((at) => `e${at}`);
    for (const label of labels) await writer.append([entry(label)], false);
    writer.flushSync([entry("now")]);
    await checkDurable(world, [...labels, "now"]);
  });

  it("is followed by the idle mark as an append is", async () => {
    const world = await begun();
    world.sim.clock.advance(1_000);
    await settled(world);
    expect(world.sim.clock.scheduled).toBe(0);
    world.writer.flushSync([entry("now")]);
    world.sim.clock.advance(1_000);
    await settled(world);
    const text = Buffer.from(world.sim.readRaw(`/s/${world.writer.activeName}`, "durable"));
    expect(text.toString()).toContain('"dur":2');
  });

  it("that the disk refuses says at what it was, and ends the writer", async () => {
    for (const operation of ["write", "sync"] as const) {
      const world = await begun();
      world.sim.fail(on(operation), "EIO");
      const error = errorOfFlush(world);
      expect(error).toMatchObject({ operation, outcome: "unknown", errno: "EIO" });
      expect(error.path).toBe("/s/wal/00000000000000000001-00000001.jsonl");
      expect(world.poisons).toEqual([error]);
      await expect(world.writer.append([entry("b")], true)).rejects.toBe(error);
    }
  });
});
