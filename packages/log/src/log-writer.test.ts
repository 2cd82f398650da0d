import { createHash } from "node:crypto";

import { ClosedError, DiskFailedError } from "@taskwal/errors";
import { decodeHead, type Head } from "@taskwal/format";
import type { SimCall, SimDisk } from "@taskwal/disk/sim";
import { describe, expect, it } from "vitest";

import {
  entry,
  newWorld,
  openWriter,
  range,
  readLog,
  reboot,
  root,
  store,
  transaction,
  settled,
  type Opened,
  type Reading,
  type World,
} from "./sample-log.test.ts";

// A file that was renamed keeps the name under which it was opened: "….jsonl.tmp".
const isOnSegment = ({ path }: SimCall): boolean => path.includes(".jsonl");
const on =
  (kind: SimCall["kind"]) =>
  (call: SimCall): boolean =>
    call.kind === kind && isOnSegment(call);

const begun = async (options: Parameters<typeof openWriter>[1] = {}): Promise<World & Opened> => {
  const world = await newWorld();
  return { ...world, ...(await openWriter(world, options)) };
};

/** What a later process finds: these records, and nothing torn, lost or damaged. */
const checkFound = async (sim: SimDisk, labels: readonly string[]): Promise<Reading> => {
  const { directory } = await reboot(sim);
  const reading = await readLog(directory, { storeHint: store });
  expect(reading.records.map(({ id }) => id)).toEqual(labels);
  expect(reading.end).toMatchObject({ lost: [], dropped: [], torn: [], damaged: [] });
  return reading;
};

const headOnMedium = (sim: SimDisk): Head | undefined =>
  decodeHead(sim.readRaw(`${root}/wal/HEAD`, "durable"))?.head;

const textOnMedium = (sim: SimDisk, name: string | undefined): string =>
  Buffer.from(sim.readRaw(`${root}/${name}`, "durable")).toString();

describe("an append", () => {
  it("is durable when it is acknowledged, with its file's name and all written before it", async () => {
    const { sim, writer } = await begun();
    expect(await writer.append([entry("a")], false)).toEqual({ first: 1, last: 1 });
    expect(writer.durable).toBe(0);
    expect(await writer.append([entry("b"), ...transaction("c", 2)], true)).toEqual({
      first: 2,
      last: 4,
    });
    expect(writer.durable).toBe(4);
    sim.powerCut("none");
    await checkFound(sim, ["a", "b", "c1", "c2"]);
  });

  it("vouches for nothing that was only written before it: what a power cut takes of that is torn, not lost", async () => {
    const { sim, writer } = await begun();
    await writer.append([entry("a")], true);
    await writer.append([entry("b")], false);
    await writer.append([entry("c")], false);
    const written = sim
      .unsynced()
      .filter(({ kind, path }) => kind === "write" && path.includes(".jsonl"));
    expect(written).toHaveLength(2);
    // The device kept the later of two writes that it was never told to keep.
    const [b] = written;
    const writes = ({ index }: { index: number }) => (index === b?.index ? "drop" : "keep");
    sim.powerCut({ writes, sectorBytes: 1 });
    const { directory } = await reboot(sim);
    const { records, end } = await readLog(directory, { storeHint: store });
    expect(records.map(({ id }) => id)).toEqual(["a"]);
    expect(end).toMatchObject({ durable: 1, lost: [], damaged: [] });
    expect(end.torn).not.toEqual([]);
  });

  it("keeps the order of the calls, whatever each waits for", async () => {
    const { sim, writer } = await begun({ segmentBytesMax: 2_000 });
    const labels = range(1, 60).map((at) => `e${at}`);
    const appended = await Promise.all(
      labels.map((label, at) => writer.append([entry(label)], at % 3 === 0)),
    );
    expect(appended.map(({ first }) => first)).toEqual(range(1, 60));
    await writer.sync();
    sim.powerCut("none");
    await checkFound(sim, labels);
  });

  it("tells the checksum of its line", async () => {
    const { writer, directory } = await begun();
    await writer.append([entry("a"), entry("b")], true);
    expect((await readLog(directory)).end.lastCrc).toBe(writer.lastCrc);
  });

  it("finds a writer that has begun nothing, and says where it is", async () => {
    const { sim, writer } = await begun();
    expect([writer.epoch, writer.last, writer.durable, writer.activeName]).toEqual([
      1,
      0,
      0,
      undefined,
    ]);
    const { callCount } = sim;
    await writer.sync();
    expect([sim.callCount, sim.clock.scheduled]).toEqual([callCount, 0]);
    await writer.append([entry("a")], false);
    expect([writer.last, writer.durable]).toEqual([1, 0]);
    expect(writer.activeName).toBe("wal/00000000000000000001-00000001.jsonl");
  });

  it("is synced once: another sync has nothing to do", async () => {
    const { sim, writer } = await begun();
    await writer.append([entry("a")], true);
    const before = sim.callCount;
    await writer.append([entry("b")], true);
    await writer.sync();
    const calls = sim.trace.slice(before).filter(isOnSegment);
    expect(calls.map(({ kind }) => kind)).toEqual(["write", "sync"]);
  });

  it("of a payload that is no line is refused, and the next one goes on", async () => {
    const { sim, writer } = await begun();
    await writer.append([entry("a")], true);
    const odd = { ...entry("b"), dataJson: "{\n}" };
    await expect(writer.append([odd], true)).rejects.toThrow("invariant");
    await writer.append([entry("c")], true);
    sim.powerCut("none");
    await checkFound(sim, ["a", "c"]);
  });
});

describe("a segment", () => {
  it("ends with its seal before the batch that would take it past its size, and is named by the next", async () => {
    const { sim, writer, directory } = await begun({ segmentBytesMax: 1_500 });
    const labels = range(1, 40).map((at) => `e${at}`);
    for (const label of labels) await writer.append([entry(label), ...transaction(label, 2)], true);
    await writer.close();
    const { listing } = await readLog(directory);
    expect(listing.segments.length).toBeGreaterThan(5);
    for (const [at, { name, header, sizeBytes, id }] of listing.segments.entries()) {
      const text = textOnMedium(sim, name);
      expect(sizeBytes).toBeLessThan(1_800);
      expect(text.split("\n").at(-2)).toContain('"seal":');
      const before = listing.segments[at - 1];
      expect(header?.previous).toMatchObject(
        before ? { ...before.id, last: id.first - 1, bytes: before.sizeBytes } : {},
      );
    }
    sim.powerCut("none");
    const all = labels.flatMap((label) => [label, `${label}1`, `${label}2`]);
    await checkFound(sim, all);
  });

  it("takes the batch that fills it to its size, and not one that is a byte longer", async () => {
    const { sim, writer } = await begun();
    for (const label of ["a", "b"]) await writer.append([entry(label)], true);
    const fullBytes = sim.readRaw(`${root}/${writer.activeName}`).length;
    for (const segmentBytesMax of [fullBytes, fullBytes - 1]) {
      const limited = await begun({ segmentBytesMax });
      for (const label of ["a", "b"]) await limited.writer.append([entry(label)], true);
      const { listing } = await readLog(limited.directory);
      expect(listing.segments).toHaveLength(segmentBytesMax === fullBytes ? 1 : 2);
    }
  });

  it("is sealed with the SHA-256 of all that stands before the seal, whenever that was hashed", async () => {
    const { sim, writer, ...world } = await begun({ segmentBytesMax: 600 });
    for (const label of ["a", "b", "c", "d", "e", "f"]) {
      await writer.append([entry(label)], true);
      await settled(world);
    }
    const files = sim.listRaw().filter((path) => path.endsWith(".jsonl"));
    const [first = "", second = ""] = files.map((path) => path.slice(root.length + 1));
    const lines = textOnMedium(sim, first).split(/(?<=\n)/);
    const digestOf = (text: string): string => createHash("sha256").update(text).digest("hex");
    expect(lines.at(-1)).toContain(`"sha256":"${digestOf(lines.slice(0, -1).join(""))}"`);
    expect(textOnMedium(sim, second)).toContain(`"sha256":"${digestOf(lines.join(""))}"`);
  });

  it("holds one batch that is larger than any segment", async () => {
    const { sim, writer, directory } = await begun({ segmentBytesMax: 500 });
    await writer.append(transaction("a", 20), true);
    await writer.append(transaction("b", 20), true);
    const { listing, sequences } = await readLog(directory);
    expect(sequences).toEqual(range(1, 40));
    expect(listing.segments.map(({ id }) => id.first)).toEqual([1, 21]);
    // An empty segment is not sealed to make room for it.
    expect(sim.trace.filter(({ kind }) => kind === "rename")).toHaveLength(2);
  });

  it("is never left with half a seal by a power cut once there is a next one", async () => {
    for (let seed = 1; seed < 40; seed += 1) {
      const { sim, writer } = await begun({ segmentBytesMax: 600 });
      const labels = range(1, 7).map((at) => `e${at}`);
      for (const label of labels) await writer.append([entry(label)], true);
      sim.powerCut({
        writes: () => "tear",
        sectorBytes: 1,
        size: "new",
        newBytes: "garbage",
        names: "all",
        seed,
      });
      await checkFound(sim, labels);
    }
  });

  it("closes its last batch, on close, with a marker and the seal, and HEAD tells it", async () => {
    const { sim, writer } = await begun();
    await writer.append([entry("a")], false);
    const { activeName } = writer;
    await writer.close();
    sim.powerCut("none");
    expect(headOnMedium(sim)).toMatchObject({ durable: 1, first: 1 });
    expect(textOnMedium(sim, activeName)).toMatch(/"dur":1\}\n.*"seal":.*\n$/);
    expect((await checkFound(sim, ["a"])).end.durable).toBe(1);
  });

  it("is promised in HEAD, on the medium, from its first batch on", async () => {
    const { sim, writer } = await begun({ segmentBytesMax: 600 });
    for (const at of range(1, 20)) await writer.append([entry(`e${at}`)], true);
    const { first = 0 } = headOnMedium(sim) ?? {};
    expect(writer.activeName).toContain(String(first).padStart(20, "0"));
    expect(headOnMedium(sim)?.durable).toBe(first - 1);
  });
});

describe("an idle log", () => {
  it("gets a marker and tells HEAD, once, and they outlive a power cut", async () => {
    const { sim, writer, ...world } = await begun({ idleMs: 500 });
    await writer.append([entry("a")], true);
    await writer.append([entry("b")], false);
    sim.clock.advance(499);
    await settled(world);
    expect(writer.durable).toBe(1);
    sim.clock.advance(1);
    await settled(world);
    expect(writer.durable).toBe(2);
    expect(sim.clock.scheduled).toBe(0);
    sim.clock.advance(10_000);
    await settled(world);
    sim.powerCut("none");
    expect(textOnMedium(sim, writer.activeName).match(/"dur":/g)).toHaveLength(1);
    expect(headOnMedium(sim)?.durable).toBe(2);
    await checkFound(sim, ["a", "b"]);
  });

  it("gets it after an append that failed, too", async () => {
    const { sim, writer, ...world } = await begun();
    await writer.append([entry("a")], true);
    sim.fail(on("write"), "ENOSPC");
    await expect(writer.append([entry("b")], true)).rejects.toMatchObject({ errno: "ENOSPC" });
    sim.clock.advance(2_000);
    await settled(world);
    expect(headOnMedium(sim)?.durable).toBe(1);
    expect(textOnMedium(sim, writer.activeName)).toContain('"dur":1');
  });

  it("gets none in a segment whose first append failed", async () => {
    const { sim, writer, ...world } = await begun({ segmentBytesMax: 250, idleMs: 500 });
    await writer.append([entry("a")], true);
    // Of the seal, the new header and the record.
    let left = 2;
    sim.fail((call) => on("write")(call) && left-- === 0, "ENOSPC");
    const call = writer.append([entry("b")], true);
    // The mark is due while the append has not begun.
    sim.clock.advance(500);
    await expect(call).rejects.toMatchObject({ operation: "write", outcome: "not-written" });
    await settled(world);
    expect(textOnMedium(sim, writer.activeName)).toMatch(/^[^\n]*\n$/);
  });
});

describe("a full disk", () => {
  it("rejects, takes back what was written, and goes on with the same sequences", async () => {
    const lineBytes = 98;
    for (const partialBytes of [0, 1, lineBytes, lineBytes * 2 - 1, 5_000]) {
      const { sim, writer, poisons } = await begun();
      await writer.append([entry("a")], true);
      sim.fail(on("write"), "ENOSPC", { partialBytes });
      const error = await writer
        .append([entry("x"), entry("y")], true)
        .catch((caught: unknown) => caught);
      expect(error).toBeInstanceOf(DiskFailedError);
      expect(error).toMatchObject({ outcome: "not-written", errno: "ENOSPC" });
      const kept = sim.snapshotState();
      // A power cut right after the rejection: whatever the device did, the rejected bytes stay away.
      sim.powerCut({ writes: ({ kind }) => (kind === "write" ? "keep" : "drop"), names: "all" });
      await checkFound(sim, ["a"]);
      sim.restore(kept);
      const world = await reboot(sim);
      await checkFound(sim, ["a"]);
      const again = await openWriter(world);
      expect(await again.writer.append([entry("b")], true)).toEqual({ first: 2, last: 2 });
      expect(poisons).toEqual([]);
    }
  });

  it("lets the same writer append again once there is room", async () => {
    const { sim, writer } = await begun();
    await writer.append([entry("a")], true);
    sim.capacityBytes = sim.usedBytes + 120;
    const seen = [await writer.append([entry("b")], true)];
    await expect(writer.append([entry("c")], true)).rejects.toMatchObject({
      outcome: "not-written",
    });
    await expect(writer.append([entry("d")], true)).rejects.toMatchObject({
      outcome: "not-written",
    });
    sim.capacityBytes = undefined;
    seen.push(await writer.append([entry("e")], true));
    expect(seen.map(({ first }) => first)).toEqual([2, 3]);
    sim.powerCut("none");
    await checkFound(sim, ["a", "b", "e"]);
  });

  it("at a seal or the start of a segment is no end either", async () => {
    for (const skipped of [0, 1, 2]) {
      const { sim, writer } = await begun({ segmentBytesMax: 450 });
      for (const label of ["a", "b", "c"]) await writer.append([entry(label)], true);
      let left = skipped;
      const isNext = (call: SimCall): boolean =>
        (call.kind === "write" || call.kind === "create") &&
        call.path.includes(".jsonl") &&
        left-- === 0;
      sim.fail(isNext, "ENOSPC", { partialBytes: 10 });
      await expect(writer.append([entry("d")], true)).rejects.toMatchObject({
        outcome: "not-written",
      });
      expect(await writer.append([entry("e")], true)).toEqual({ first: 4, last: 4 });
      await writer.close();
      sim.powerCut("none");
      await checkFound(sim, ["a", "b", "c", "e"]);
    }
  });

  it("does not keep a close from releasing what is durable without a seal", async () => {
    const { sim, writer } = await begun();
    await writer.append([entry("a")], true);
    sim.fail(on("write"), "ENOSPC");
    await writer.close();
    sim.powerCut("none");
    expect(headOnMedium(sim)?.durable).toBe(1);
    await checkFound(sim, ["a"]);
  });
});

describe("a closed log", () => {
  it("is closed once, refuses what comes later, and makes durable what came before", async () => {
    const { sim, writer } = await begun();
    const before = [writer.append([entry("a")], false), writer.append([entry("b")], false)];
    const closes = [writer.close(), writer.close()];
    const late = writer.append([entry("c")], true);
    await expect(late).rejects.toBeInstanceOf(ClosedError);
    await Promise.all([...before, ...closes]);
    expect(() => writer.flushSync([])).toThrow(ClosedError);
    sim.powerCut("none");
    await checkFound(sim, ["a", "b"]);
  });
});
