/**
 * Folds what a replay yields, up to what is promised.
 *
 *     replayLog ─ records ─ seq ≤ watermark? ─ yes ─> add        at the end: drop what lost its transaction
 *                                └ no: waits for a later line that vouches for it
 *
 * The rule: with a finite watermark nothing is folded that a power cut could yet take back; it rises with every line.
 */
import type { LogRecord } from "@taskwal/format";
import type { replayLog, ReplayEnd } from "@taskwal/log";
import { lostIn } from "./system-record.ts";

/** Whoever takes the records: a fold, or one who looks at what each changes. */
export interface Folding {
  /** In the order of their sequences. */
  add(records: readonly LogRecord[]): void;
  /** A record that is left out because its transaction lost a member. */
  drop(record: LogRecord): void;
  /**
   * Sequences that are gone, or left out with their transaction, or of which a `$lost` record tells; told before what
   * comes behind them is added.
   */
  lose?(first: number, last: number, recorded?: boolean): Promise<void>;
  /** Called after some records were added; what it returns is awaited before the next. */
  pause?(): Promise<void> | undefined;
}

/** Throws what the replay and the fold throw. `durable` Infinity: everything that is kept. */
export const foldLog = async (
  steps: ReturnType<typeof replayLog>,
  fold: Folding,
  base: number,
  durable: number,
): Promise<{ readonly end: ReplayEnd; readonly folded: number }> => {
  let watermark = durable;
  let folded = base;
  let waiting: LogRecord[] = [];
  const release = (): void => {
    const ready = waiting.filter(({ seq }) => seq <= watermark);
    waiting = waiting.filter(({ seq }) => seq > watermark);
    fold.add(ready);
    folded = ready.at(-1)?.seq ?? folded;
  };
  const take = (records: readonly LogRecord[]): void => {
    if (durable === Infinity) {
      fold.add(records);
      folded = records.at(-1)?.seq ?? folded;
      return;
    }
    for (const { seq, lag } of records) watermark = Math.max(watermark, seq - lag);
    waiting = waiting.length > 0 ? [...waiting, ...records] : [...records];
    release();
  };
  /** The end of the last hole that `$lost` records told of: each sequence in it has one. */
  let told = 0;
  const takeTelling = async (records: readonly LogRecord[]): Promise<void> => {
    let from = 0;
    for (let index = 0; fold.lose && index < records.length; index += 1) {
      for (const [first, last] of lostIn(records[index] as LogRecord)) {
        if (last <= told) continue;
        told = last;
        take(records.slice(from, index));
        from = index;
        await fold.lose(first, last, true);
      }
    }
    take(from === 0 ? records : records.slice(from));
  };
  try {
    for (;;) {
      const step = await steps.next();
      if (step.done) {
        watermark = Math.max(watermark, step.value.durable);
        release();
        for (const record of step.value.droppedRecords) fold.drop(record);
        return { end: step.value, folded };
      }
      if (step.value.kind === "records") await takeTelling(step.value.records);
      else await fold.lose?.(step.value.first, step.value.last);
      const pause = fold.pause?.();
      if (pause) await pause;
    }
  } catch (error) {
    // A record that cannot be replayed ends the opening, not the file that it was read from.
    await steps.return(undefined as never);
    throw error;
  }
};
