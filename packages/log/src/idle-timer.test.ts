import { createSimDisk, type SimClock } from "@taskwal/disk/sim";
import { describe, expect, it } from "vitest";

import { IdleTimer } from "./idle-timer.ts";

interface Watched {
  readonly clock: SimClock;
  readonly timer: IdleTimer;
  /** When it ran. */
  readonly ranMs: readonly number[];
}

const watched = (): Watched => {
  const { clock } = createSimDisk();
  const ranMs: number[] = [];
  return {
    clock,
    timer: new IdleTimer(clock, 1_000, () => ranMs.push(clock.monotonicMs())),
    ranMs,
  };
};

describe("an idle timer", () => {
  it("runs once, so long after the last touch, and is gone", () => {
    const { clock, timer, ranMs } = watched();
    for (const restMs of [0, 300, 900]) {
      clock.advance(restMs);
      timer.touch();
      expect(clock.scheduled).toBe(1);
    }
    clock.advance(999);
    expect(ranMs).toEqual([]);
    clock.advance(10_000);
    expect(ranMs).toEqual([2_200]);
    expect(clock.scheduled).toBe(0);
  });

  it("never runs between a pause and the next touch", () => {
    const { clock, timer, ranMs } = watched();
    timer.touch();
    timer.pause();
    clock.advance(5_000);
    expect(ranMs).toEqual([]);
    timer.touch();
    clock.advance(1_000);
    expect(ranMs).toEqual([6_000]);
  });

  it("never runs once it is stopped, whatever touches it", () => {
    const { clock, timer, ranMs } = watched();
    timer.touch();
    timer.stop();
    expect(clock.scheduled).toBe(0);
    clock.advance(500);
    timer.touch();
    clock.advance(5_000);
    expect(ranMs).toEqual([]);
    // Stopped before it was ever touched.
    const other = watched();
    other.timer.stop();
    other.timer.touch();
    expect(other.clock.scheduled).toBe(0);
  });
});
