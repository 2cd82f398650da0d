/** What a replay yields on its way, where it leaves off, and how it goes on from there. */
import { DiskFailedError } from "@taskwal/errors";
import { encodeHeadSlot } from "@taskwal/format";
import { describe, expect, it } from "vitest";

import { replayLog, type ReplayOptions } from "./replay-log.ts";
import type { ReplayEnd, ReplayStep } from "./replay-result.ts";
import { listLog } from "./segment-list.ts";
import {
  batches,
  headerless,
  newWorld,
  one,
  previousOf,
  range,
  rawSegment,
  readSegments,
  root,
  store,
  tx,
  without,
  type RawSegment,
  type World,
} from "./sample-log.test.ts";

const defaults = { base: 0, promised: 0, onReadError: "throw" } as const;

const worldOf = async (segments: readonly RawSegment[]): Promise<World> => {
  const world = await newWorld();
  for (const { path, bytes } of segments) world.sim.writeRaw(path, bytes);
  return world;
};

const begin = async (
  { directory }: World,
  options: Partial<ReplayOptions> = {},
): Promise<AsyncGenerator<ReplayStep, ReplayEnd>> =>
  replayLog(directory, await listLog(directory, store), { ...defaults, ...options });

const stepsIn = async (
  world: World,
  options: Partial<ReplayOptions> = {},
): Promise<{ steps: ReplayStep[]; end: ReplayEnd }> => {
  const replay = await begin(world, options);
  const steps: ReplayStep[] = [];
  for (let step = await replay.next(); ; step = await replay.next()) {
    if (step.done) return { steps, end: step.value };
    steps.push(step.value);
  }
};

const stepsOf = async (
  segments: readonly RawSegment[],
  options?: Partial<ReplayOptions>,
): ReturnType<typeof stepsIn> => stepsIn(await worldOf(segments), options);

/** A step as its kind and its sequences. */
const shown = (steps: readonly ReplayStep[]): unknown[] =>
  steps.map((step) => {
    if (step.kind === "records") return [step.kind, step.records.map(({ seq }) => seq)];
    return [step.kind, step.first, step.last];
  });

const fileOf = ({ path }: RawSegment): string => path.slice(root.length + 1);
const behind = (raw: RawSegment): ReplayEnd["position"] => ({
  file: fileOf(raw),
  bytes: raw.bytes.length,
});

const first = rawSegment(one, [...batches(1, 4), { dur: 4 }, { seal: 4 }]);
const second = rawSegment({ first: 5, epoch: 1 }, batches(5, 8), previousOf(first, 4));

describe("the steps of a replay", () => {
  it("are none where no record is, also behind damage", async () => {
    const empty = rawSegment(one, [{ dur: 0 }, { seal: 0 }]);
    expect((await stepsOf([empty])).steps).toEqual([]);
    expect((await stepsOf([without(empty, [0])])).steps).toEqual([]);
  });

  it("give a record before the next segment is read", async () => {
    const world = await worldOf([first, second]);
    const replay = await begin(world);
    world.sim.fail((call) => call.kind === "open" && call.path.endsWith(fileOf(second)), "EIO");
    const step = await replay.next();
    expect(shown(step.done ? [] : [step.value])).toEqual([["records", range(1, 4)]]);
    await expect(replay.next()).rejects.toBeInstanceOf(DiskFailedError);
  });

  it("hold a record each, with no empty one between them, with damage and without", async () => {
    const sound = ["records", range(5, 8)];
    expect(shown((await stepsOf([first, second])).steps)).toEqual([
      ["records", range(1, 4)],
      sound,
    ]);
    expect(shown((await stepsOf([without(first, [1]), second])).steps)).toEqual([
      ["records", [1]],
      ["lost", 2, 2],
      ["records", [3, 4]],
      sound,
    ]);
    const broken = without(rawSegment(one, [...batches(1, 2), ...tx(3, 3, 2), { dur: 5 }]), [4]);
    expect(shown((await stepsOf([broken])).steps)).toEqual([
      ["records", [1, 2]],
      ["lost", 3, 4],
      ["lost", 5, 5],
    ]);
  });

  it("hold at most 4,096 records behind damage, and no fewer while there are more", async () => {
    const rotten = without(rawSegment(one, batches(1, 9_001)), [0]);
    const { steps, end } = await stepsOf([rotten]);
    const counts = steps.map((step) => [
      step.kind,
      step.kind === "records" ? step.records.length : 0,
    ]);
    expect(counts).toEqual([
      ["lost", 0],
      ["records", 4_096],
      ["records", 4_096],
      ["records", 808],
    ]);
    expect(end.recordCount).toBe(9_000);
  });

  it("leave no file open, whoever breaks off and when", async () => {
    for (const segments of [
      [first, second],
      [without(first, [1]), second],
    ]) {
      for (const count of range(1, 5)) {
        const world = await worldOf(segments);
        const replay = await begin(world);
        for (const _ of range(1, count)) await replay.next();
        await replay.return(undefined as never);
        expect([...world.disk.openFiles]).toEqual([]);
      }
    }
  });
});

describe("the record at the base", () => {
  it("is given no more, wherever it stands", async () => {
    const old = rawSegment({ first: 1, epoch: 3 }, batches(1, 4));
    for (const raw of [old, without(old, [0])]) {
      expect(shown((await stepsOf([raw], { base: 2 })).steps)).toEqual([["records", [3, 4]]]);
    }
    const again = [{ seq: 2, lag: 1 }, ...batches(5, 6)];
    const spliced = rawSegment({ first: 5, epoch: 2 }, again, previousOf(first, 4));
    expect(shown((await stepsOf([first, spliced], { base: 2 })).steps)).toEqual([
      ["records", [3, 4]],
      ["records", [5, 6]],
    ]);
  });

  it("may be the last of a log whose rest is overridden by a segment that is gone", async () => {
    // HEAD alone tells of it. The old one is not even looked at: its damage is history.
    const world = await worldOf([without(rawSegment(one, batches(1, 6)), [1])]);
    const head = { store, epoch: 2, first: 5, durable: 4 };
    world.sim.writeRaw("/s/wal/HEAD", encodeHeadSlot(head));
    const { steps, end } = await stepsIn(world, { base: 4 });
    expect([steps, end.damaged, end.lastKept, end.next]).toEqual([[], [], 4, 5]);
  });
});

describe("a segment that ends at the base", () => {
  it("is not read: what is damaged there costs nothing, and is not said", async () => {
    const rotten = without(first, [0, 3]);
    const { steps, end } = await stepsOf([rotten, second], { base: 4 });
    expect([shown(steps), end.damaged, end.torn]).toEqual([[["records", range(5, 8)]], [], []]);
  });
});

describe("reading up to a sequence", () => {
  it("gives a transaction that goes on beyond it whole", async () => {
    const raw = rawSegment(one, [...batches(1, 2), ...tx(3, 3, 2), ...batches(6, 7)]);
    const { steps, end } = await stepsOf([raw], { until: 4 });
    expect(shown(steps)).toEqual([["records", range(1, 5)]]);
    expect([end.lastKept, end.torn]).toEqual([5, []]);
  });

  it("says no loss beyond it", async () => {
    // Found by changing expressions: the loss of 7 came as a step from 7 to 3.
    const rotten = without(rawSegment(one, batches(1, 9)), [1, 6]);
    const { steps } = await stepsOf([rotten], { until: 3, promised: 9 });
    expect(shown(steps)).toEqual([
      ["records", [1]],
      ["lost", 2, 2],
      ["records", [3]],
    ]);
  });

  it("that is lost keeps what is below it, and no more", async () => {
    const rotten = without(rawSegment(one, batches(1, 9)), [2]);
    const { steps, end } = await stepsOf([rotten], { until: 3 });
    expect(shown(steps)).toEqual([
      ["records", [1, 2]],
      ["lost", 3, 3],
    ]);
    expect(end.lastKept).toBe(2);
  });
});

describe("where a replay leaves off", () => {
  it("is behind the last record as it was read, in the file that holds it", async () => {
    expect((await stepsOf([first])).end.position).toEqual({
      file: fileOf(first),
      bytes: first.starts[4],
    });
    expect((await stepsOf([first, second])).end.position).toEqual(behind(second));
    expect((await stepsOf([rawSegment(one, [])])).end.position).toBeUndefined();
  });

  it("is before a hole, although what stands behind it is kept", async () => {
    const { end } = await stepsOf([without(first, [2])]);
    expect(end.position).toEqual({ file: fileOf(first), bytes: first.starts[2] });
  });

  it("is behind a whole transaction, and before one that has not ended", async () => {
    const raw = rawSegment(one, [...batches(1, 2), ...tx(3, 5, 2)]);
    expect((await stepsOf([raw])).end.position).toEqual(behind(raw));
    for (const members of range(1, 4)) {
      const { end } = await stepsOf([without(raw, range(2 + members, 6), "cut")]);
      expect(end.position).toEqual({ file: fileOf(raw), bytes: raw.starts[2] });
    }
  });

  it("is not held up by what a tool brought", async () => {
    const text = Buffer.from(second.bytes).toString();
    const bytes = Buffer.from(text.replaceAll("\n", "\r\n"));
    const { end } = await stepsOf([first, { ...second, bytes }]);
    expect(end.position).toEqual(behind({ ...second, bytes }));
    expect(end.notes).toEqual([
      `${fileOf(second)} has CRLF line ends that a tool brought; the records are read without them`,
    ]);
  });

  it("is not held up by what a later segment ended: torn bytes are no hole", async () => {
    const bytes = Buffer.concat([first.bytes, Buffer.from("torn by a crash\n")]);
    const torn = { ...first, bytes };
    const over = rawSegment(
      { first: 5, epoch: 2 },
      batches(5, 6),
      previousOf(first, 4, first.bytes.length),
    );
    // By the byte that its header tells, in the same epoch and in a later one; by its name alone.
    for (const [later, damaged] of [
      [second, 0],
      [over, 0],
      [headerless(over), 1],
    ] as const) {
      const { end } = await stepsOf([torn, later]);
      expect([end.damaged.length, end.torn, end.lost]).toEqual([damaged, [], []]);
      if (damaged === 0) expect(end.position).toEqual(behind(later));
    }
  });

  it("is where the next one goes on, and does not look at what stands before", async () => {
    const whole = await stepsOf([first, second], { until: 6 });
    const resume = whole.end.position ?? expect.fail("nothing was read");
    const rotten = without(second, [0]);
    const { steps, end } = await stepsOf([first, rotten], { base: 6, resume });
    expect([shown(steps), end.damaged]).toEqual([[["records", [7, 8]]], []]);
    // Without it the damage before the base is seen.
    const { end: anew } = await stepsOf([first, rotten], { base: 6 });
    expect(anew.damaged.length).toBe(1);
    // It speaks of one file: any other is read from its beginning.
    const other = await stepsOf([first, second], { base: 2, resume });
    expect(shown(other.steps)).toContainEqual(["records", [3, 4]]);
  });

  it("is the last record that is kept, although verified members of a broken transaction follow", async () => {
    const raw = rawSegment(one, [...batches(1, 2), ...tx(3, 3, 2), { dur: 5 }]);
    const { end } = await readSegments([without(raw, [4])]);
    expect([end.lastKept, end.next]).toEqual([2, 6]);
  });
});
