/**
 * A history as a stream: `readHistory` tells a visitor, here one asks.
 *
 *     readHistory ─ tells ─> a few thousand steps ─ pause until they are taken ─> for await
 *
 * The rule: what is held is what was told between two pauses; whoever breaks off ends the reading.
 */
import {
  readHistory,
  type History,
  type HistorySnapshot,
  type HistoryVisitor,
  type Model,
  type SlotChange,
} from "@taskwal/core";
import type { LogRecord } from "@taskwal/format";

export type HistoryStep =
  | {
      readonly kind: "record" | "dropped";
      readonly record: LogRecord;
      readonly changes: readonly SlotChange[];
    }
  | {
      readonly kind: "snapshot";
      readonly snapshot: HistorySnapshot;
      readonly changes: readonly SlotChange[];
    };

export interface StepsOptions {
  readonly dir: string;
  readonly model: Model;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?:
    | ((at: { readonly sequence: number; readonly last: number }) => void)
    | undefined;
}

class Collector implements HistoryVisitor {
  steps: HistoryStep[] = [];
  ready = latch();
  taken = latch();
  /** Up to here everything was taken: not told again when a writer's pruning makes the reading begin anew. */
  #takenTo = -1;

  begin(): this {
    this.steps = [];
    return this;
  }

  take(): HistoryStep[] {
    const { steps } = this;
    const last = steps.at(-1);
    if (last) this.#takenTo = Math.max(this.#takenTo, placeOf(last));
    this.steps = [];
    this.ready = latch();
    this.taken = latch();
    return steps;
  }

  base(snapshot: HistorySnapshot, changes: Iterable<SlotChange>): void {
    if (snapshot.sequence > this.#takenTo)
      this.steps.push({ kind: "snapshot", snapshot, changes: [...changes] });
  }
  correct(snapshot: HistorySnapshot, changes: readonly SlotChange[]): void {
    this.steps.push({ kind: "snapshot", snapshot, changes });
  }
  record(record: LogRecord, changes: readonly SlotChange[]): void {
    if (record.seq > this.#takenTo) this.steps.push({ kind: "record", record, changes });
  }
  dropped(record: LogRecord, changes: readonly SlotChange[]): void {
    this.steps.push({ kind: "dropped", record, changes });
  }
  pause(): Promise<void> | undefined {
    if (this.steps.length === 0) return undefined;
    this.ready.open();
    return this.taken.opened;
  }
}

/** The sequence behind which a step's changes hold. */
export const placeOf = (step: HistoryStep): number =>
  step.kind === "snapshot" ? step.snapshot.sequence : step.record.seq;

const latch = (): { readonly opened: Promise<void>; readonly open: () => void } => {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open };
};

/** Throws what `readHistory` throws. Returns what it returns. */
export async function* historySteps(options: StepsOptions): AsyncGenerator<HistoryStep, History> {
  const end = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, end.signal]) : end.signal;
  const collector = new Collector();
  const history = readHistory({
    ...options,
    fromNothing: true,
    signal,
    start: () => collector.begin(),
  });
  const finished = history.then(
    () => "finished" as const,
    () => "finished" as const,
  );
  let { taken } = collector;
  try {
    for (;;) {
      const state = await Promise.race([finished, collector.ready.opened]);
      ({ taken } = collector);
      yield* collector.take();
      if (state === "finished" && collector.steps.length === 0) return await history;
      taken.open();
    }
  } finally {
    end.abort();
    taken.open();
    collector.taken.open();
    await finished;
  }
}
