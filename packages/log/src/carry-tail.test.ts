/** An opening after a crash: what no promise covers is written anew, and the second opening finds nothing to do. */
import type { SimDisk } from "@taskwal/disk/sim";
import { encodeHeadSlot } from "@taskwal/format";
import { describe, expect, it } from "vitest";

import {
  batch,
  batches,
  entry,
  flipped,
  laid,
  newWorld,
  one,
  openWriter,
  range,
  rawSegment,
  readLog,
  reboot,
  store,
  transaction,
  tx,
  without,
  type RawSegment,
  type Reading,
  type SampleLine,
  type World,
} from "./sample-log.test.ts";

/** Opens a log and again: the same records, all of them durable, and the second time nothing is amiss. */
const checkOpenings = async (world: World, expected: Reading): Promise<void> => {
  const { writer } = await openWriter(world, { storeHint: store });
  expect(writer.last + 1).toBe(expected.end.next);
  expect(writer.durable).toBe(writer.last);
  // An opening always writes something: without it the next one finds the same, and decides the same.
  await writer.append([entry("boot")], true);
  world.sim.powerCut("none");
  const again = await openWriter(await reboot(world.sim), { storeHint: store });
  const { end, records } = again.before;
  expect(records.slice(0, -1).map(({ seq, id, data }) => [seq, id, data])).toEqual(
    expected.records.map(({ seq, id, data }) => [seq, id, data]),
  );
  expect(records.at(-1)).toMatchObject({ id: "boot", seq: expected.end.next });
  expect([end.lost, end.dropped]).toEqual([expected.end.lost, expected.end.dropped]);
  expect([end.torn, end.tornRecords]).toEqual([[], 0]);
  expect(again.writer.last).toBe(expected.end.next);
};

describe("the opening after a crash", () => {
  it("reads the same twice, with nothing torn the second time, for every cut of a log", async () => {
    const lines = [
      ...batches(1, 2),
      ...tx(3, 3, 2),
      { dur: 5 },
      { seq: 6, lag: 1, pad: 4_000 },
      ...tx(7, 2, 6),
    ];
    const segment = rawSegment(one, [...lines, ...batch(9, 12, 8)]);
    for (
      let sizeBytes = segment.starts[0] ?? 0;
      sizeBytes <= segment.bytes.length;
      sizeBytes += 61
    ) {
      const cut = { ...segment, bytes: segment.bytes.subarray(0, sizeBytes) };
      const world = await laid([cut]);
      await checkOpenings(world, await readLog(world.directory));
    }
  });

  it("reads the same twice for every record that is rotten, with what was lost still told", async () => {
    const lines = [
      ...batches(1, 3),
      ...tx(4, 3, 3),
      { dur: 6 },
      ...batches(7, 8),
      ...batch(9, 12, 8),
    ];
    const segment = rawSegment(one, lines);
    for (const at of segment.starts.keys()) {
      for (const more of [[], [segment.starts.length - 2]]) {
        const world = await laid([without(segment, [at, ...more])]);
        await checkOpenings(world, await readLog(world.directory));
      }
    }
  });

  it("keeps the records wherever it is cut short itself, at any call, whatever survives", async () => {
    const segment = rawSegment(one, [...batches(1, 5), ...batch(6, 9, 5)]);
    for (const names of ["none", "all", "prefix", "subset"] as const) {
      for (const writes of ["none", "all", "random"] as const) {
        await checkEveryCrash(segment, { names, writes, seed: 5 });
      }
    }
  });

  it("leaves HEAD's promise for what was carried: rot in it is a loss, not a torn end", async () => {
    const world = await laid([rawSegment(one, [...batches(1, 5), ...batch(6, 7, 5)])]);
    const { writer } = await openWriter(world);
    world.sim.powerCut("none");
    const path = `/s/${writer.activeName}`;
    const bytes = world.sim.readRaw(path);
    world.sim.writeRaw(path, flipped(bytes, (bytes.length - 10) * 8));
    const { end } = await readLog((await reboot(world.sim)).directory);
    expect([end.lost, end.torn, end.damaged.length]).toEqual([[[7, 7]], [], 1]);
  });

  it("goes on behind damage: lost sequences are not given again", async () => {
    const world = await laid([rawSegment(one, batches(1, 5))]);
    world.sim.writeRaw("/s/wal/HEAD", encodeHeadSlot({ store, ...one, durable: 8 }));
    const { writer } = await openWriter(world);
    expect(await writer.append([entry("n")], true)).toEqual({ first: 9, last: 9 });
    const { sequences, end } = await readLog(world.directory);
    expect([sequences, end.lost]).toEqual([[...range(1, 5), 9], [[6, 8]]]);
  });

  it("goes on behind a segment that does not read everywhere", async () => {
    const lines: SampleLine[] = [
      ...batches(1, 4),
      { seq: 5, lag: 1, pad: 9_000 },
      ...batches(6, 9),
      { dur: 9 },
    ];
    const segment = rawSegment(one, lines);
    const { sim, ...world } = await laid([segment]);
    sim.failReads(segment.path, 4_096, 8_192);
    const { writer, before } = await openWriter(
      { ...world },
      { onReadError: "damage", storeHint: store },
    );
    expect(before.end.lost).toEqual([[5, 5]]);
    expect(await writer.append([entry("n")], true)).toEqual({ first: 10, last: 10 });
    const { sequences } = await readLog(world.directory, { onReadError: "damage" });
    expect(sequences).toEqual([...range(1, 4), ...range(6, 10)]);
  });

  it("tells the checksum of the last record as it stands now", async () => {
    const world = await laid([rawSegment(one, [...batches(1, 5), ...batch(6, 7, 5)])]);
    const { writer } = await openWriter(world);
    expect(writer.lastCrc).toBe((await readLog(world.directory)).end.lastCrc);
  });

  it("keeps whole transactions only, through epoch after epoch of crashes", async () => {
    let world = await newWorld({ seed: 11 });
    let kept: string[] = [];
    for (const round of range(1, 25)) {
      const { writer, before } = await openWriter(world, { segmentBytesMax: 1_500 });
      const found = before.records.map(({ id = "" }) => id);
      expect(found.slice(0, kept.length)).toEqual(kept);
      expect([before.end.lost, before.end.damaged]).toEqual([[], []]);
      const acknowledged = [`r${round}`, `r${round}x1`, `r${round}x2`];
      await writer.append([entry(`r${round}`), ...transaction(`r${round}x`, 2)], true);
      void writer.append(transaction(`r${round}y`, 3), false).catch(() => {});
      for (let turn = round % 9; turn > 0; turn -= 1) await Promise.resolve();
      kept = [...found, ...acknowledged];
      world.sim.powerCut("random");
      world = await reboot(world.sim);
    }
  });
});

const checkEveryCrash = async (
  segment: RawSegment,
  cut: Exclude<Parameters<SimDisk["powerCut"]>[0], string | undefined>,
): Promise<void> => {
  for (let call = 1; call < 20; call += 1) {
    const { sim, ...world } = await laid([segment]);
    sim.crashAt(sim.callCount + call);
    const opened = await openWriter(world).catch(() => undefined);
    await opened?.writer.append([entry("new")], true).catch(() => {});
    sim.cancelCrash();
    sim.powerCut(cut);
    const { records, end } = await readLog((await reboot(sim)).directory);
    const ids = records.map(({ seq }) => seq);
    expect(ids.slice(0, 9), `call ${call} ${JSON.stringify(cut)}`).toEqual(range(1, 9));
    expect([end.lost, end.damaged], `call ${call} ${JSON.stringify(cut)}`).toEqual([[], []]);
  }
};
