import { describe, expect, it } from "vitest";

import { entry, newWorld, openWriter, readLog, reboot, store } from "./sample-log.test.ts";

describe("a line", () => {
  it("vouches for nothing that was only written before it: what a power cut takes of that is torn, not lost", async () => {
    const world = await newWorld();
    const { sim } = world;
    const { writer } = await openWriter(world);
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
});
