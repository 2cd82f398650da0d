import { describe, expect, it } from "vitest";

import type { Directory, Disk } from "./index.ts";
import { SimCrash, createSimDisk } from "./sim.ts";
import type { SimDisk } from "./sim.ts";

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const textAt = (sim: SimDisk, path: string): string => textOf(sim.readRaw(path));

/** A sim with /s/note, durable, holding `text`, and its directory in a running process. */
const withNote = async (text: string, options = {}): Promise<[SimDisk, Directory, Disk]> => {
  const sim = createSimDisk({ seed: 5, ...options });
  const disk = sim.process("writer");
  const directory = await disk.createDirectory("/s");
  const file = await directory.create("note");
  await file.write(bytesOf(text), 0);
  await file.sync();
  await directory.syncFolder(".");
  await file.close();
  return [sim, directory, disk];
};

const put = async (directory: Directory, name: string, text: string): Promise<void> => {
  const file = await directory.create(name);
  await file.write(bytesOf(text), 0);
  await file.sync();
  await file.close();
};

/** Everything that can be seen of a run with this seed. */
const runOf = async (seed: number): Promise<string> => {
  const sim = createSimDisk({ seed });
  const disk = sim.process();
  const directory = await disk.createDirectory("/s");
  const names = ["a", "b", "c", "d", "e"];
  await Promise.all(names.map((name) => put(directory, name, disk.randomBytes(8).join())));
  sim.powerCut("random");
  const trace = sim.trace.map(({ kind, path }) => kind + path);
  return JSON.stringify([trace, sim.listRaw().map((path) => textAt(sim, path))]);
};

describe("writes", () => {
  // The crash campaign found records of the log in each other's place: the writer uses its buffer again.
  it("takes its own copy of the bytes, also of a Buffer: what the caller does with it later changes nothing", async () => {
    const [sim, directory] = await withNote("aaaa");
    const file = await directory.open("note", "write");
    const buffer = Buffer.from("BB");
    await file.write(buffer, 0);
    buffer.fill("C");
    await file.write(buffer, 2);
    buffer.fill("x");
    await file.sync();
    expect(textOf(sim.readRaw("/s/note", "durable"))).toBe("BBCC");
  });
});

describe("crashes", () => {
  it("stops before the call that was named: nothing of it is there, nor of any later call", async () => {
    const [sim, directory] = await withNote("aa");
    const file = await directory.open("note", "write");
    sim.crashAt(sim.callCount + 2);
    await file.write(bytesOf("B"), 0);
    await expect(file.write(bytesOf("C"), 1)).rejects.toBeInstanceOf(SimCrash);
    await expect(file.sync()).rejects.toBeInstanceOf(SimCrash);
    expect(() => file.writeSync(bytesOf("D"), 0)).toThrow(SimCrash);
    expect(sim.isCrashed).toBe(true);
    await sim.whenCrashed;
    sim.powerCut("all");
    expect(textAt(sim, "/s/note")).toBe("Ba");
    expect(sim.isCrashed).toBe(false);
  });

  // The crash campaign found runs that went on: the full disk was answered, and the power stayed on.
  it("stops inside a call that would have failed, on a full disk too", async () => {
    const [sim, directory] = await withNote("aa");
    const file = await directory.open("note", "write");
    sim.capacityBytes = sim.usedBytes;
    sim.crashAt(sim.callCount + 1, { inside: true });
    await expect(file.write(new Uint8Array(100), 2)).rejects.toBeInstanceOf(SimCrash);
    expect(sim.isCrashed).toBe(true);
    sim.powerCut("all");
    expect(textAt(sim, "/s/note")).toBe("aa");
  });

  it("stops inside a call: its effect is there, wholly or (of a write) in part, and no answer", async () => {
    const [sim, directory] = await withNote("a");
    sim.crashAt(sim.callCount + 1, { inside: true });
    await expect(directory.remove("note")).rejects.toBeInstanceOf(SimCrash);
    sim.powerCut("all");
    expect(sim.listRaw()).toEqual([]);
    const found = new Set<string>();
    for (let seed = 1; seed < 60; seed += 1) {
      const [another, s] = await withNote("", { seed });
      const file = await s.open("note", "write");
      another.crashAt(another.callCount + 1, { inside: true });
      await expect(file.write(bytesOf("BBBB"), 0)).rejects.toBeInstanceOf(SimCrash);
      another.powerCut("all");
      found.add(textAt(another, "/s/note"));
    }
    expect([...found].sort()).toEqual(["", "B", "BB", "BBB", "BBBB"]);
  });

  it("numbers every mutating call and tells what it was", async () => {
    const [sim, directory] = await withNote("a");
    await directory.list(".");
    expect(sim.callCount).toBe(sim.trace.length);
    expect(sim.trace.map(({ number, kind, path }) => `${number} ${kind} ${path}`)).toEqual([
      "1 createFolder /s",
      "2 syncFolder /",
      "3 create /s/note",
      "4 write /s/note",
      "5 sync /s/note",
      "6 syncFolder /s",
    ]);
    expect(sim.trace[3]).toMatchObject({ startBytes: 0, endBytes: 1, process: "writer" });
  });

  it("ends a killed process: its files close, its lock is free, its writes stay in the cache", async () => {
    const [sim, directory, disk] = await withNote("a");
    const file = await directory.open("note", "write");
    await file.tryLock();
    await file.write(bytesOf("b"), 0);
    const other = sim.process("other");
    const second = await (await other.openDirectory("/s")).open("note", "write");
    expect(await second.tryLock()).toBe(undefined);
    expect(other.isAlive(disk.process)).toBe("alive");
    const ran: string[] = [];
    disk.clock.schedule(10, () => ran.push("timer of the dead"));
    (disk as ReturnType<SimDisk["process"]>).kill();
    sim.clock.advance(100);
    expect(ran).toEqual([]);
    expect(other.isAlive(disk.process)).toBe("dead");
    expect(await second.tryLock()).toBe("fs-ext");
    expect(textAt(sim, "/s/note")).toBe("b");
    await expect(file.sync()).rejects.toBeInstanceOf(SimCrash);
    await expect(directory.list(".")).rejects.toBeInstanceOf(SimCrash);
  });

  it("tells a process of before the power cut as dead, and of a container beside as unknown", async () => {
    const [sim, , disk] = await withNote("a");
    const beside = sim.process("beside", { pidNamespace: "pid:[2]" });
    expect(beside.isAlive(disk.process)).toBe("unknown");
    sim.powerCut();
    expect(sim.process().isAlive(disk.process)).toBe("dead");
  });
});

describe("forks and seeds", () => {
  it("goes back to a snapshot any number of times, also to one taken at a crash", async () => {
    const [sim, directory] = await withNote("aa");
    const file = await directory.open("note", "write");
    await file.write(bytesOf("B"), 0);
    sim.crashAt(sim.callCount + 1);
    await expect(file.sync()).rejects.toBeInstanceOf(SimCrash);
    const state = sim.snapshotState();
    for (const [choice, text] of [
      ["none", "aa"],
      ["all", "Ba"],
      ["none", "aa"],
    ] as const) {
      sim.restore(state);
      sim.powerCut(choice);
      expect(textAt(sim, "/s/note")).toBe(text);
      sim.writeRaw("/s/note", bytesOf("overwritten"));
    }
  });

  it("gives the same disk, trace, ids and turns for the same seed, and others for another", async () => {
    expect(await runOf(1)).toBe(await runOf(1));
    const runs = await Promise.all([1, 2, 3, 4].map(runOf));
    expect(new Set(runs).size).toBe(4);
  });

  it("lets calls overtake each other that do not wait for each other", async () => {
    const orders = new Set<string>();
    for (let seed = 1; seed < 30; seed += 1) {
      const [sim, directory] = await withNote("", { seed });
      const file = await directory.open("note", "write");
      await Promise.all([file.write(bytesOf("1"), 0), file.write(bytesOf("2"), 0)]);
      orders.add(textAt(sim, "/s/note"));
    }
    expect([...orders].sort()).toEqual(["1", "2"]);
  });

  it("answers no call within the turn in which it was made", async () => {
    const [, directory] = await withNote("a");
    let isAnswered = false;
    const answer = directory.list(".").then(() => (isAnswered = true));
    await Promise.resolve();
    expect(isAnswered).toBe(false);
    await answer;
  });

  it("restores the clock, which a test advances and sets", async () => {
    const sim = createSimDisk({ startMs: 1000 });
    const { clock } = sim.process();
    const state = sim.snapshotState();
    const ran: number[] = [];
    clock.schedule(20, () => ran.push(clock.monotonicMs()));
    clock.schedule(10, () => {
      ran.push(clock.monotonicMs());
      clock.schedule(5, () => ran.push(clock.monotonicMs()));
    });
    sim.clock.advance(100);
    expect(ran).toEqual([10, 15, 20]);
    sim.clock.setNow(0);
    expect([clock.now(), clock.monotonicMs()]).toEqual([0, 100]);
    sim.restore(state);
    expect([sim.clock.now(), sim.clock.monotonicMs()]).toEqual([1000, 0]);
  });
});
