/** When snapshots are taken, on the simulated clock; what a save writes is told elsewhere. */
import { createSimDisk } from "@taskwal/disk/sim";
import { describe, expect, it } from "vitest";
import { Autosave } from "./autosave.ts";

/** Saves that end when they are told to. */
class Saves {
  sequence = 0;
  running = 0;
  runningMax = 0;
  readonly begun: number[] = [];
  #end: (() => void)[] = [];

  readonly save = async (): Promise<number> => {
    const { sequence } = this;
    this.begun.push(sequence);
    this.running += 1;
    this.runningMax = Math.max(this.runningMax, this.running);
    await new Promise<void>((resolve) => this.#end.push(resolve));
    this.running -= 1;
    return sequence;
  };

  /** Ends what runs, and what begins then, until nothing does. */
  async endAll(): Promise<void> {
    while (this.#end.length > 0) {
      this.#end.shift()?.();
      for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
    }
  }
}

const autosaveOf = (saves: Saves): Autosave =>
  new Autosave(
    {
      clock: createSimDisk().clock,
      intervalMs: Number.POSITIVE_INFINITY,
      recordsMax: 1_000,
      sequence: () => saves.sequence,
      save: saves.save,
      onTriggered: () => {},
      onFailed: () => {},
    },
    0,
  );

describe("saves that are asked for while one is under way", () => {
  it("come one at a time, and the last holds what was durable when it was asked for", async () => {
    const saves = new Saves();
    const autosave = autosaveOf(saves);
    const asked = [];
    for (let sequence = 1; sequence <= 4; sequence += 1) {
      saves.sequence = sequence;
      asked.push(autosave.save());
    }
    await saves.endAll();
    const answers = await Promise.all(asked);
    expect(saves.runningMax).toBe(1);
    for (const [index, answer] of answers.entries()) expect(answer).toBeGreaterThan(index);
  });

  it("share the one that begins after them", async () => {
    const saves = new Saves();
    const autosave = autosaveOf(saves);
    saves.sequence = 1;
    const first = autosave.save();
    saves.sequence = 2;
    const others = [autosave.save(), autosave.save(), autosave.save()];
    await saves.endAll();
    expect(await first).toBe(1);
    expect(await Promise.all(others)).toEqual([2, 2, 2]);
    expect(saves.begun).toEqual([1, 2]);
  });
});
