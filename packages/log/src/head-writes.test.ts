/** When HEAD is written behind the log: not in the way of the next batch, and not later than its end. */
import type { SimCall } from "@taskwal/disk/sim";
import { decodeHead } from "@taskwal/format";
import { describe, expect, it } from "vitest";

import {
  entry,
  newWorld,
  openWriter,
  range,
  root,
  settled,
  type Opened,
  type World,
} from "./sample-log.test.ts";

const headPath = `${root}/wal/HEAD`;
const isWriteOfHead = ({ kind, path }: SimCall): boolean => kind === "write" && path === headPath;

const begun = async (): Promise<World & Opened> => {
  const world = await newWorld();
  const opened = await openWriter(world);
  await opened.writer.append([entry("a")], true);
  await settled(world);
  return { ...world, ...opened };
};

const toldDurable = ({ sim }: World): number | undefined =>
  decodeHead(sim.readRaw(headPath))?.head.durable;

describe("HEAD", () => {
  it("tells of a batch as soon as the log rests, long before the idle mark", async () => {
    const world = await begun();
    expect(toldDurable(world)).toBe(1);
    await world.writer.append([entry("b")], true);
    await settled(world);
    expect(toldDurable(world)).toBe(2);
    world.writer.flushSync([entry("c")]);
    await settled(world);
    expect(toldDurable(world)).toBe(3);
  });

  it("is not written while one batch follows the other: their own lines tell the same", async () => {
    const world = await begun();
    const before = world.sim.trace.filter(isWriteOfHead).length;
    for (const at of range(1, 50)) await world.writer.append([entry(`e${at}`)], true);
    await settled(world);
    expect(world.sim.trace.filter(isWriteOfHead).length - before).toBe(1);
    expect(toldDurable(world)).toBe(51);
  });

  it("waits for a batch that is under way, however long the disk takes", async () => {
    const world = await begun();
    await world.writer.append([entry("b")], true);
    const release = world.sim.hang(({ kind, path }) => kind === "write" && path.includes(".jsonl"));
    const call = world.writer.append([entry("c")], true);
    await settled(world);
    expect(toldDurable(world)).toBe(1);
    release();
    await call;
    await settled(world);
    expect(toldDurable(world)).toBe(3);
  });

  it("is not written by a writer that has died meanwhile", async () => {
    const world = await begun();
    await world.writer.append([entry("b")], true);
    world.sim.writeRaw(`${root}/wal/00000002.claim`, new Uint8Array());
    expect(() => world.writer.flushSync([])).toThrow("claimed");
    await settled(world);
    expect(toldDurable(world)).toBe(1);
  });
});
