/**
 * Reading the log through a store: from a sequence, over segments, past what was pruned.
 *
 * Method: the simulated disk, segments of a few records, eleven snapshots so that the oldest go.
 */
import { createSimDisk } from "@taskwal/disk/sim";
import { InvalidMutationError, openTaskStore } from "taskwal";
import { describe, expect, it } from "vitest";

describe("records of a log whose beginning was pruned", () => {
  const prunedStore = async () => {
    const disk = createSimDisk({ seed: 1 });
    const options = { segmentBytesMax: 1_000, historyBytesMax: 0, historyFilesMax: 0 };
    const store = await openTaskStore({
      dir: "/data",
      disk: disk.process(),
      mirrors: false,
      ...options,
    });
    for (let round = 0; round < 14; round++) {
      for (let index = 0; index < 10; index++) {
        await store.create({ description: `${round}.${index}`, tool: "CLAUDECODE" });
      }
      await store.snapshot();
    }
    return store;
  };
  const read = async (records: AsyncIterable<{ readonly seq: number }>): Promise<number[]> => {
    const sequences: number[] = [];
    for await (const { seq } of records) sequences.push(seq);
    return sequences;
  };

  it("begin at the oldest that is kept, and go on without a hole to the last durable one", async () => {
    const store = await prunedStore();
    const sequences = await read(store.records());
    const [oldest = 0] = sequences;
    expect(oldest).toBeGreaterThan(5);
    expect(sequences).toEqual(Array.from(sequences, (_, index) => oldest + index));
    expect(sequences.at(-1)).toBe(store.sequence);
    expect(await read(store.records({ from: oldest + 3 }))).toEqual(sequences.slice(3));
    await store.close();
  });

  it("are refused, not skipped, when one asks for what is gone", async () => {
    const store = await prunedStore();
    await expect(read(store.records({ from: 5 }))).rejects.toThrow(InvalidMutationError);
    await expect(read(store.records({ from: 5 }))).rejects.toThrow(
      /from @5 on were pruned up to @\d+/,
    );
    await store.close();
  });
});
