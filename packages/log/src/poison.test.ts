/** After a failed sync, or when the log is not this process's any more, the writer is dead for good. */
import { DiskFailedError } from "@taskwal/errors";
import type { SimCall } from "@taskwal/disk/sim";
import { describe, expect, it } from "vitest";

import {
  entry,
  newWorld,
  openWriter,
  readLog,
  reboot,
  store,
  settled,
  type Opened,
  type World,
} from "./sample-log.test.ts";
import type { LogEntry } from "./writer-options.ts";

const onSegment =
  (kind: SimCall["kind"]) =>
  (call: SimCall): boolean =>
    call.kind === kind && call.path.includes(".jsonl");

const begun = async (options: Parameters<typeof openWriter>[1] = {}): Promise<World & Opened> => {
  const world = await newWorld();
  const opened = await openWriter(world, options);
  await opened.writer.append([entry("a")], true);
  return { ...world, ...opened };
};

/** This call, all that waited, and all later ones fail alike; nothing is written or synced any more. */
const checkDead = async (
  begunWorld: World & Opened,
  call: Promise<unknown>,
  reason?: string,
): Promise<void> => {
  const { sim, writer, poisons } = begunWorld;
  const waiting = [
    writer.append([entry("w")], false),
    writer.sync(),
    writer.append([entry("v")], true),
  ];
  const outcomes = await Promise.allSettled([call, ...waiting]);
  const { callCount } = sim;
  expect(outcomes.every(({ status }) => status === "rejected")).toBe(true);
  const errors = outcomes.map((outcome) => (outcome as PromiseRejectedResult).reason as unknown);
  expect(errors[0]).toBeInstanceOf(DiskFailedError);
  expect(errors[0]).toMatchObject({ outcome: "unknown" });
  if (reason !== undefined) expect((errors[0] as DiskFailedError).reason).toContain(reason);
  expect(errors.every((error) => error === errors[0])).toBe(true);
  expect(poisons).toEqual([errors[0]]);
  expect(writer.poison).toBe(errors[0]);
  await expect(writer.append([entry("z")], true)).rejects.toBe(errors[0]);
  expect(() => writer.flushSync([entry("z")])).toThrow(DiskFailedError);
  sim.clock.advance(100_000);
  await settled(begunWorld);
  await writer.close();
  expect(sim.callCount).toBe(callCount);
};

describe("a failed sync", () => {
  it("of an append kills the writer: nothing is written after it, and fsync is not retried", async () => {
    for (const afterSync of ["clean", "dirty", "revert"] as const) {
      const world = await begun();
      world.sim.fail(onSegment("sync"), "EIO", { afterSync });
      await checkDead(world, world.writer.append([entry("b")], true));
      world.sim.powerCut("none");
      const { records, end } = await readLog((await reboot(world.sim)).directory);
      expect([records.map(({ id }) => id), end.damaged, end.torn]).toEqual([["a"], [], []]);
    }
  });

  it("of a full disk's rollback, of a seal, of a new segment or of HEAD does so too", async () => {
    const rollback = await begun();
    rollback.sim.fail(onSegment("write"), "ENOSPC");
    rollback.sim.fail(onSegment("sync"), "EIO");
    await checkDead(rollback, rollback.writer.append([entry("b")], true));
    const truncate = await begun();
    truncate.sim.fail(onSegment("write"), "ENOSPC");
    truncate.sim.fail(onSegment("truncate"), "EIO");
    await checkDead(truncate, truncate.writer.append([entry("b")], true));
    // Of the rotation: the seal's, the new file's, its folder's, HEAD's; whatever the errno.
    for (const skipped of [0, 1, 2, 3]) {
      const world = await begun({ segmentBytesMax: 250 });
      let left = skipped;
      const isNext = ({ kind }: SimCall): boolean =>
        (kind === "sync" || kind === "syncFolder") && left-- === 0;
      world.sim.fail(isNext, "ENOSPC");
      await checkDead(world, world.writer.append([entry("b")], true));
    }
  });

  it("while idle is told at once", async () => {
    const world = await begun();
    world.sim.fail(onSegment("sync"), "EIO");
    world.sim.clock.advance(2_000);
    await settled(world);
    expect(world.poisons).toHaveLength(1);
    await checkDead(world, world.writer.sync());
  });

  it("of a first segment leaves no segment, or a whole one", async () => {
    for (let at = 1; at < 12; at += 1) {
      const world = await newWorld();
      const { writer } = await openWriter(world);
      let left = at;
      world.sim.fail(({ number }) => number !== undefined && --left === 0, "EIO");
      await writer.append([entry("a")], true).catch(() => {});
      world.sim.clearFaults();
      world.sim.powerCut({ writes: "none", names: "all" });
      const { end } = await readLog((await reboot(world.sim)).directory, { storeHint: store });
      expect([end.lost, end.damaged], `call ${at}`).toEqual([[], []]);
    }
  });
});

const checkLost = async (touch: (world: World & Opened) => void, reason: string): Promise<void> => {
  await checkLostBehind([], touch, reason);
  // Behind what no sync has covered a batch is not written through.
  await checkLostBehind([entry("early")], touch, reason);
};

const checkLostBehind = async (
  early: readonly LogEntry[],
  touch: (world: World & Opened) => void,
  reason: string,
): Promise<void> => {
  const world = await begun();
  await world.writer.append(early, false);
  // Between the sync and the acknowledgement.
  const release = world.sim.hang(onSegment("sync"));
  const call = world.writer.append([entry("b")], true);
  await settled(world);
  touch(world);
  release();
  await checkDead(world, call, reason);
};

const pathOf = ({ writer }: Opened): string => `/s/${writer.activeName}`;

describe("a log that somebody else has touched", () => {
  it("is given up before the acknowledgement: a foreign append", () =>
    checkLost((world) => {
      const bytes = world.sim.readRaw(pathOf(world));
      world.sim.writeRaw(pathOf(world), Buffer.concat([bytes, Buffer.from("x\n")]));
    }, "bytes where"));

  it("is given up: a replaced file, and one that is gone", async () => {
    await checkLost((world) => {
      const bytes = world.sim.readRaw(pathOf(world));
      world.sim.removeRaw(pathOf(world));
      world.sim.writeRaw(pathOf(world), bytes);
    }, "no longer means");
    await checkLost((world) => world.sim.removeRaw(pathOf(world)), "no longer means");
  });

  it("is given up: a higher claim, or one so much higher that its own was pruned", async () => {
    const claim = Buffer.alloc(0);
    await checkLost((world) => world.sim.writeRaw("/s/wal/00000002.claim", claim), "claimed");
    await checkLost((world) => world.sim.removeRaw("/s/wal/00000001.claim"), "claimed");
  });

  it("is given up where the fence says so, or cannot be asked", async () => {
    const fenced = await begun();
    const { writer } = await openWriter(fenced, { fence: () => "its LOCK was replaced" });
    await expect(writer.append([entry("b")], true)).rejects.toMatchObject({
      outcome: "unknown",
      reason: "its LOCK was replaced",
    });
    const world = await begun();
    world.sim.fail(({ kind, path }) => kind === "stat" && path.includes(".jsonl"), "EIO");
    await checkDead(world, world.writer.append([entry("b")], true));
  });

  it("keeps every record that was acknowledged when another owner reads", async () => {
    const world = await begun();
    const other = await openWriter(await reboot(world.sim));
    expect(other.before.sequences).toEqual([1]);
    await checkDead(world, world.writer.append([entry("late")], true), "claimed");
    await other.writer.append([entry("b")], true);
    const { records, end } = await readLog((await reboot(world.sim)).directory);
    expect([records.map(({ id }) => id), end.torn, end.damaged, end.lost]).toEqual([
      ["a", "b"],
      [],
      [],
      [],
    ]);
  });
});
