/** The budget of what is set aside, and what the disk may refuse while it is. */
import type { SimDisk } from "@taskwal/disk/sim";
import { describe, expect, it } from "vitest";

import { quarantineDamaged, quarantineTorn } from "./quarantine.ts";
import { batches, newWorld, range, rawSegment, root, type World } from "./sample-log.test.ts";

const budgetBytes = 16 * 1024 * 1024;
const segment = rawSegment({ first: 500, epoch: 1 }, batches(500, 503));
const file = segment.path.slice(root.length + 1);
const torn = { file, startBytes: 10, endBytes: 30, reason: "" };
/** The copy that setting `torn` aside makes: the newest of all below. */
const newest = `${file.slice(4)}.10-30.torn`;

const withSegment = async (): Promise<World> => {
  const world = await newWorld();
  world.sim.writeRaw(segment.path, segment.bytes);
  return world;
};

const tornName = (first: number): string =>
  `${String(first).padStart(20, "0")}-00000001.jsonl.1-9.torn`;

const put = (sim: SimDisk, name: string, sizeBytes: number): void =>
  sim.writeRaw(`${root}/quarantine/${name}`, new Uint8Array(sizeBytes));

const setAside = (sim: SimDisk): string[] => {
  const folder = `${root}/quarantine/`;
  const paths = sim.listRaw().filter((path) => path.startsWith(folder));
  return paths.map((path) => path.slice(folder.length));
};

describe("the quarantine", () => {
  it("keeps the newest torn bytes by their names, in whatever order the folder has them", async () => {
    const { sim, directory } = await withSegment();
    for (const at of range(1, 70)) put(sim, tornName((at * 37) % 71), 5);
    await quarantineTorn(directory, [torn]);
    expect(setAside(sim)).toEqual([...range(8, 70).map(tornName), newest]);
  });

  it("keeps torn bytes up to its budget, and not a byte more", async () => {
    for (const overBytes of [0, 1]) {
      const { sim, directory } = await withSegment();
      const rests = [budgetBytes / 2 - 20 + overBytes, budgetBytes / 2 - 7, 7];
      for (const [at, sizeBytes] of rests.entries()) put(sim, tornName(at + 1), sizeBytes);
      await quarantineTorn(directory, [torn]);
      const oldest = overBytes === 0 ? [tornName(1)] : [];
      expect(setAside(sim)).toEqual([...oldest, tornName(2), tornName(3), newest]);
    }
  });

  it("leaves no copy that a crash cut short, also not of another place, once it has set something aside", async () => {
    const others = await withSegment();
    const calls = others.sim.callCount;
    await quarantineTorn(others.directory, [torn]);
    const all = others.sim.callCount - calls;
    expect(all).toBeGreaterThan(5);
    let cutShort = 0;
    for (let call = 1; call <= all; call += 1) {
      const { sim, directory } = await withSegment();
      sim.crashAt(sim.callCount + call, { inside: true });
      await expect(quarantineTorn(directory, [torn])).rejects.toThrow();
      sim.powerCut("all");
      if (setAside(sim).some((name) => name.endsWith(".torn.tmp"))) cutShort += 1;
      // The next opening finds another end, as a longer carried tail gives it.
      const again = await sim.process("next").openDirectory(root);
      await quarantineTorn(again, [{ ...torn, endBytes: 31 }]);
      const left = setAside(sim);
      expect(left.filter((name) => !name.endsWith(".torn"))).toEqual([]);
      expect(left).toContain(`${file.slice(4)}.10-31.torn`);
    }
    expect(cutShort).toBeGreaterThan(0);
  });

  it("never removes what is not torn, nor counts it", async () => {
    const { sim, directory } = await withSegment();
    const damaged = range(600, 670).map((first) => tornName(first).replace(".1-9.torn", ""));
    for (const [at, name] of damaged.entries()) put(sim, name, at === 0 ? budgetBytes : 1);
    put(sim, tornName(1), 5);
    await quarantineTorn(directory, [torn]);
    expect(setAside(sim)).toEqual([tornName(1), newest, ...damaged]);
  });

  it("misses no copy that somebody takes away meanwhile", async () => {
    const { sim, disk, directory } = await withSegment();
    put(sim, tornName(1), 5);
    const taken = `${root}/quarantine/${tornName(1)}`;
    const release = sim.hang(({ kind, path }) => kind === "stat" && path === taken);
    const quarantined = quarantineTorn(directory, [torn]);
    for (let turn = 0; turn < 20; turn += 1) await disk.clock.yield();
    sim.removeRaw(taken);
    release();
    expect(await quarantined).toEqual([`quarantine/${newest}`]);
    expect(setAside(sim)).toEqual([newest]);
  });

  it("holds what there is of bytes that end before they were said to", async () => {
    const { sim, directory } = await withSegment();
    const endBytes = segment.bytes.length + 50;
    const [name] = await quarantineTorn(directory, [{ ...torn, endBytes }]);
    expect(sim.readRaw(`${root}/${name}`)).toEqual(segment.bytes.subarray(10));
  });

  it("leaves no file open, also where the torn bytes do not read", async () => {
    const { sim, disk, directory } = await withSegment();
    sim.failReads(segment.path, 0, 20);
    await expect(quarantineTorn(directory, [torn])).rejects.toMatchObject({ code: "EIO" });
    expect([...disk.openFiles]).toEqual([]);
    sim.clearFaults();
    await quarantineTorn(directory, [torn]);
    expect([...disk.openFiles]).toEqual([]);
  });

  it("holds copies for every errno by which a file system says that it has no links", async () => {
    for (const errno of ["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"]) {
      const { sim, directory } = await withSegment();
      sim.fail(({ kind }) => kind === "link", errno);
      const [name] = await quarantineDamaged(directory, [file]);
      sim.powerCut("none");
      expect(sim.readRaw(`${root}/${name}`), errno).toEqual(segment.bytes);
    }
  });

  it("passes on what else the disk refuses, to a link as to a copy", async () => {
    for (const [refused, errno] of [
      ["link", "EACCES"],
      ["create", "ENOSPC"],
    ] as const) {
      const { sim, disk, directory } = await withSegment();
      sim.fail(({ kind }) => kind === refused, errno);
      sim.fail(({ kind }) => kind === "link", "ENOTSUP");
      await expect(quarantineDamaged(directory, [file])).rejects.toMatchObject({ code: errno });
      expect([...disk.openFiles]).toEqual([]);
    }
  });
});
