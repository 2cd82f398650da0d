/** What a writer begins with: nothing, or what no promise covered in the log before it. */
import { decodeHead } from "@taskwal/format";
import { describe, expect, it } from "vitest";

import {
  entry,
  newWorld,
  openWriter,
  readLog,
  reboot,
  root,
  transaction,
  type Opened,
  type World,
} from "./sample-log.test.ts";

/** A process died behind five records, of which a sync covers the first. */
const reopened = async (): Promise<World & Opened> => {
  const before = await newWorld();
  const { writer } = await openWriter(before);
  await writer.append([entry("a")], true);
  await writer.append([entry("b"), ...transaction("c", 3)], false);
  before.disk.kill();
  const world = await reboot(before.sim);
  return { ...world, ...(await openWriter(world)) };
};

describe("an opened writer", () => {
  it("has made durable what no promise covered, and HEAD says so on the medium", async () => {
    const { sim, writer, directory } = await reopened();
    expect([writer.epoch, writer.last, writer.durable]).toEqual([2, 5, 5]);
    expect(writer.lastCrc).toBe((await readLog(directory)).end.lastCrc);
    const head = decodeHead(sim.readRaw(`${root}/wal/HEAD`, "durable"))?.head;
    expect(head).toMatchObject({ epoch: 2, durable: 5 });
    sim.powerCut("none");
    const { sequences, end } = await readLog((await reboot(sim)).directory);
    expect([sequences, end.durable]).toEqual([[1, 2, 3, 4, 5], 5]);
  });

  it("goes on behind it, and waits for nothing until then", async () => {
    const { sim, writer, directory } = await reopened();
    expect(sim.clock.scheduled).toBe(0);
    expect(await writer.append([entry("d")], true)).toEqual({ first: 6, last: 6 });
    expect((await readLog(directory)).sequences).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it("has begun no segment where all before it is promised", async () => {
    const before = await newWorld();
    const { writer: old } = await openWriter(before);
    await old.append([entry("a")], true);
    await old.close();
    const { writer } = await openWriter(await reboot(before.sim));
    expect([writer.activeName, writer.last, writer.lastCrc]).toEqual([undefined, 1, old.lastCrc]);
  });
});
