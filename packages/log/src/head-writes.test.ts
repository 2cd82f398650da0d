/** When HEAD is written behind the log. */
import { decodeHead } from "@taskwal/format";
import { describe, expect, it } from "vitest";

import {
  entry,
  newWorld,
  openWriter,
  root,
  settled,
  type Opened,
  type World,
} from "./sample-log.test.ts";

const headPath = `${root}/wal/HEAD`;

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
  it("tells of each batch soon after it is acknowledged, long before the idle mark", async () => {
    const world = await begun();
    expect(toldDurable(world)).toBe(1);
    await world.writer.append([entry("b")], true);
    await settled(world);
    expect(toldDurable(world)).toBe(2);
    world.writer.flushSync([entry("c")]);
    await settled(world);
    expect(toldDurable(world)).toBe(3);
  });

  it("is told nothing that the fence did not let pass", async () => {
    const world = await begun();
    world.sim.writeRaw(`${root}/wal/00000002.claim`, new Uint8Array());
    expect(() => world.writer.flushSync([entry("b")])).toThrow("claimed");
    await settled(world);
    expect(toldDurable(world)).toBe(1);
  });
});
