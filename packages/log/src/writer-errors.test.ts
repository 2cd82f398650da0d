/** What a failure says, field by field, and what it leaves behind: no open file, no timer. */
import { DiskFailedError } from "@taskwal/errors";
import type { SimCall } from "@taskwal/disk/sim";
import { describe, expect, it } from "vitest";

import {
  entry,
  newWorld,
  openWriter,
  reboot,
  settled,
  type Opened,
  type World,
} from "./sample-log.test.ts";
import { WriterLife } from "./writer-life.ts";

const on =
  (kind: SimCall["kind"], name = ".jsonl") =>
  (call: SimCall): boolean =>
    call.kind === kind && call.path.includes(name);

const first = "/s/wal/00000000000000000001-00000001.jsonl";

const begun = async (options: Parameters<typeof openWriter>[1] = {}): Promise<World & Opened> => {
  const world = await newWorld();
  const opened = await openWriter(world, options);
  await opened.writer.append([entry("a")], true);
  return { ...world, ...opened };
};

const errorOf = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => undefined,
    (error: unknown) => error,
  );

const factsOf = (error: unknown): unknown => {
  expect(error).toBeInstanceOf(DiskFailedError);
  const { operation, path, outcome, errno, reason, cause } = error as DiskFailedError;
  const code = (cause as { code?: string } | undefined)?.code;
  return { operation, path, outcome, errno, reason, code };
};

const facts = (
  operation: string,
  path: string,
  outcome: string,
  { errno, reason }: { errno?: string; reason?: string },
): unknown => ({ operation, path, outcome, errno, reason, code: errno });

describe("the error of an append", () => {
  it("names what was being done, to what, with which outcome and by which errno", async () => {
    const full = { errno: "ENOSPC" };
    const broken = { errno: "EIO" };
    // A segment of this size has room for one record.
    const rotating = { segmentBytesMax: 250 };
    const cases = [
      [{}, [[on("write"), "ENOSPC"]], facts("write", first, "not-written", full)],
      [
        {},
        [
          [on("write"), "ENOSPC"],
          [on("truncate"), "EIO"],
        ],
        facts("roll back", first, "unknown", broken),
      ],
      [
        {},
        [
          [on("write"), "ENOSPC"],
          [on("sync"), "EIO"],
        ],
        facts("roll back", first, "unknown", broken),
      ],
      [{}, [[on("sync"), "EIO"]], facts("sync", first, "unknown", broken)],
      [{}, [[on("stat"), "EIO"]], facts("keep", first, "unknown", broken)],
      [rotating, [[on("write"), "ENOSPC"]], facts("seal", first, "not-written", full)],
      [rotating, [[on("sync"), "EIO"]], facts("sync", first, "unknown", broken)],
      [
        rotating,
        [[on("create"), "ENOSPC"]],
        facts("start segment", "/s/wal/2", "not-written", full),
      ],
      [rotating, [[on("create"), "EIO"]], facts("start segment", "/s/wal/2", "unknown", broken)],
      [rotating, [[on("rename"), "ENOSPC"]], facts("start segment", "/s/wal/2", "unknown", full)],
    ] as const;
    for (const [options, faults, expected] of cases) {
      const { sim, disk, writer, poisons } = await begun(options);
      for (const [place, errno] of faults) sim.fail(place, errno);
      const error = await errorOf(writer.append([entry("b")], true));
      expect(factsOf(error)).toEqual(expected);
      const isDead = (error as DiskFailedError).outcome === "unknown";
      expect(poisons).toEqual(isDead ? [error] : []);
      await writer.close();
      expect([...disk.openFiles]).toEqual([]);
      expect(sim.clock.scheduled).toBe(0);
    }
  });

  it("says of a HEAD that cannot be synced what it says of a segment, and names it", async () => {
    const { sim, writer } = await begun({ segmentBytesMax: 250 });
    sim.fail(on("sync", "HEAD"), "EIO");
    const error = await errorOf(writer.append([entry("b")], true));
    expect(factsOf(error)).toEqual(facts("sync", "/s/wal/HEAD", "unknown", { errno: "EIO" }));
  });

  it("tells why a log is not this writer's any more", async () => {
    const world = await begun();
    world.sim.writeRaw("/s/wal/00000002.claim", new Uint8Array());
    const error = await errorOf(world.writer.append([entry("b")], true));
    const reason = "another process has claimed the log";
    expect(factsOf(error)).toEqual(facts("keep", first, "unknown", { reason }));
  });
});

/** Why a flushSync was refused with nothing written, or undefined if it was not. */
const refusalOf = ({ writer }: Opened): string | undefined => {
  try {
    writer.flushSync([entry("now")]);
    return undefined;
  } catch (error) {
    const { operation, outcome, reason } = error as DiskFailedError;
    expect([operation, outcome]).toEqual(["write", "not-written"]);
    return reason;
  }
};

describe("a flushSync that comes at a bad time", () => {
  it("says before the first segment that there is none", async () => {
    const { writer } = await openWriter(await newWorld());
    const reason = "no segment has been started";
    const error = await errorOf(Promise.resolve().then(() => writer.flushSync([entry("a")])));
    expect(factsOf(error)).toEqual(facts("write", "/s/wal", "not-written", { reason }));
  });

  it("says that a segment is being started, the first one as any other", async () => {
    const world = await newWorld();
    const opened = await openWriter(world);
    const release = world.sim.hang(on("create"));
    const call = opened.writer.append([entry("a")], true);
    await settled(world);
    expect(refusalOf(opened)).toBe("a segment is being started");
    release();
    await call;
    expect(refusalOf(opened)).toBeUndefined();
  });

  it("says at any turn of a rotation that a segment is being sealed or started", async () => {
    const reasons: unknown[] = [];
    for (let turn = 0; turn < 150; turn += 1) {
      const world = await begun({ segmentBytesMax: 250 });
      const call = world.writer.append([entry("b")], true);
      for (let left = turn; left > 0; left -= 1) await Promise.resolve();
      reasons.push(refusalOf(world));
      await call;
    }
    const changes = reasons.filter((reason, at) => reason !== reasons[at - 1]);
    expect(changes).toEqual(["a segment is being sealed", "a segment is being started", undefined]);
  });

  it("says that a failed write is being taken back", async () => {
    const world = await begun();
    world.sim.fail(on("write"), "ENOSPC");
    const release = world.sim.hang(on("truncate"));
    const error = errorOf(world.writer.append([entry("b")], true));
    await settled(world);
    expect(refusalOf(world)).toBe("a failed write is being taken back");
    release();
    expect(await error).toMatchObject({ outcome: "not-written" });
    expect(refusalOf(world)).toBeUndefined();
  });
});

describe("a segment that could not be begun", () => {
  it("is tried again where the disk was full or files were too many, and leaves none open", async () => {
    for (const errno of ["ENOSPC", "EDQUOT", "EFBIG", "EMFILE", "ENFILE"]) {
      for (const kind of ["create", "open", "write"] as const) {
        const world = await newWorld();
        const { writer, poisons } = await openWriter(world);
        const openBefore = world.disk.openFiles.size;
        world.sim.fail(on(kind, ".jsonl.tmp"), errno);
        const error = await errorOf(writer.append([entry("a")], true));
        expect(factsOf(error)).toEqual(
          facts("start segment", "/s/wal/1", "not-written", { errno }),
        );
        expect(world.disk.openFiles.size).toBe(openBefore);
        expect(await writer.append([entry("a")], true)).toEqual({ first: 1, last: 1 });
        expect(writer.flushSync([entry("b")])).toEqual({ first: 2, last: 2 });
        expect(poisons).toEqual([]);
      }
    }
  });

  it("is no end of the writer where the idle mark is next and finds no segment", async () => {
    const world = await begun({ segmentBytesMax: 250, idleMs: 500 });
    world.sim.fail(on("create"), "ENOSPC");
    const call = errorOf(world.writer.append([entry("b")], true));
    // The mark is due while the append waits for its turn.
    world.sim.clock.advance(500);
    expect(factsOf(await call)).toMatchObject({ outcome: "not-written" });
    await settled(world);
    expect(world.poisons).toEqual([]);
    expect(await world.writer.append([entry("b")], true)).toEqual({ first: 2, last: 2 });
  });
});

describe("a dead writer", () => {
  it("waits for nothing, also after it has refused another call", async () => {
    const world = await begun();
    world.sim.fail(on("sync"), "EIO");
    const error = await errorOf(world.writer.append([entry("b")], true));
    expect(await errorOf(world.writer.append([entry("c")], true))).toBe(error);
    await settled(world);
    expect(world.sim.clock.scheduled).toBe(0);
    await world.writer.close();
    expect([...world.disk.openFiles]).toEqual([]);
  });

  it("says for ever with what it ended, and says it to its owner once", () => {
    const told: unknown[] = [];
    const life = new WriterLife("/s", (error) => told.push(error));
    const error = life.die({ operation: "sync", name: "wal/x", cause: { code: "EIO" } });
    expect(factsOf(error)).toEqual(facts("sync", "/s/wal/x", "unknown", { errno: "EIO" }));
    expect(life.die({ operation: "write", name: "wal/y", reason: "later" })).toBe(error);
    expect(told).toEqual([error]);
    expect(() => life.assertUsable()).toThrow(error);
  });

  it("is told by a close whose seal ended it", async () => {
    const world = await begun();
    world.sim.fail(on("sync"), "EIO");
    expect(factsOf(await errorOf(world.writer.close()))).toEqual(
      facts("sync", first, "unknown", { errno: "EIO" }),
    );
    expect(world.poisons).toHaveLength(1);
    expect([...world.disk.openFiles]).toEqual([]);
  });

  it("leaves no file open where it died before it was there", async () => {
    const before = await begun();
    await before.writer.append([entry("b")], false);
    before.disk.kill();
    const world = await reboot(before.sim);
    world.sim.fail(on("sync"), "EIO");
    await expect(openWriter(world)).rejects.toMatchObject({ operation: "start segment" });
    expect([...world.disk.openFiles]).toEqual([]);
  });
});

describe("a closed writer", () => {
  it("has no open file and no timer, also after it has refused a call, and says why", async () => {
    const world = await begun();
    await world.writer.close();
    expect([...world.disk.openFiles]).toEqual([]);
    const error = await errorOf(world.writer.append([entry("b")], true));
    expect(error).toMatchObject({ code: "CLOSED", reason: "the log is closed" });
    await settled(world);
    expect(world.sim.clock.scheduled).toBe(0);
  });

  it("takes no flushSync from its seal on: nothing stands behind that", async () => {
    const world = await begun();
    const release = world.sim.hang(on("sync", "HEAD"));
    const closed = world.writer.close();
    await settled(world);
    expect(() => world.writer.flushSync([entry("b")])).toThrow("the log is closed");
    release();
    await closed;
    const text = Buffer.from(world.sim.readRaw(first)).toString();
    expect(text).toMatch(/"seal":.*\n$/);
  });
});
