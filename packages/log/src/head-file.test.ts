/** HEAD where the disk refuses: it costs detection, and is left alone from then on. */
import { decodeHead, encodeHeadSlot } from "@taskwal/format";
import type { SimCall, SimDisk } from "@taskwal/disk/sim";
import { describe, expect, it } from "vitest";

import { HeadFile } from "./head-file.ts";
import { newWorld, range, root, store } from "./sample-log.test.ts";

const headPath = `${root}/wal/HEAD`;
const headOf = (durable: number): Parameters<typeof encodeHeadSlot>[0] => ({
  store,
  epoch: 1,
  first: 1,
  durable,
});
const callsOn = (sim: SimDisk, kind: SimCall["kind"]): number =>
  sim.trace.filter((call) => call.kind === kind && call.path === headPath).length;

describe("HEAD", () => {
  it("is neither written nor synced again once a write of it has failed, and keeps what it said", async () => {
    const { sim, disk, directory } = await newWorld();
    const head = await HeadFile.open(directory);
    head.update(headOf(1));
    await head.sync();
    sim.fail(({ kind, path }) => kind === "write" && path === headPath, "ENOSPC");
    for (const durable of range(2, 4)) {
      head.update(headOf(durable));
      await head.sync();
    }
    expect([callsOn(sim, "write"), callsOn(sim, "sync")]).toEqual([2, 1]);
    await head.close();
    expect([...disk.openFiles]).toEqual([]);
    expect(decodeHead(sim.readRaw(headPath))?.head.durable).toBe(1);
  });

  it("that does not read is written over, and no file stays open", async () => {
    const { sim, disk, directory } = await newWorld();
    sim.writeRaw(headPath, encodeHeadSlot(headOf(3)));
    sim.fail(({ kind, path }) => kind === "read" && path === headPath, "EIO");
    const head = await HeadFile.open(directory);
    expect(disk.openFiles.size).toBe(1);
    head.update(headOf(4));
    await head.close();
    expect([...disk.openFiles]).toEqual([]);
    expect(decodeHead(sim.readRaw(headPath))?.head.durable).toBe(4);
  });

  it("that may not be read is an error to whoever opens it", async () => {
    const { sim, disk, directory } = await newWorld();
    sim.writeRaw(headPath, encodeHeadSlot(headOf(3)));
    sim.fail(({ kind, path }) => kind === "read" && path === headPath, "EACCES");
    await expect(HeadFile.open(directory)).rejects.toMatchObject({ code: "EACCES" });
    expect([...disk.openFiles]).toEqual([]);
  });
});
