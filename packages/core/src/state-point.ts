/**
 * The state behind a record, and how it came about: what a restore and a fork begin with.
 *
 *     oldest base ─ records ─> @N     refused: before the base, behind the end, inside a transaction
 *
 * The rule: only a state that once was the state: a transaction is there as a whole or not at all.
 */
import type { Disk } from "@taskwal/disk";
import { CorruptError } from "@taskwal/errors";
import type { LogRecord } from "@taskwal/format";
import type { Model } from "./define-model.ts";
import type { History, HistoryState, Hole } from "./history.ts";
import { readHistoryState } from "./read-history.ts";

export interface StatePointOptions {
  readonly disk: Disk;
  readonly dir: string;
  readonly model: Model;
  /** Default: the last record. */
  readonly sequence?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface StatePoint extends HistoryState {
  readonly store: string;
  readonly sequence: number;
  /** Sequences that the state lacks, as far as it is known. */
  readonly lost: readonly (readonly [first: number, last: number])[];
}

/**
 * Reads only. Throws RangeError for a sequence that is no such point, ReplayFailedError if a record up to it does not
 * replay, and what `readHistory` throws.
 */
export const statePoint = async (options: StatePointOptions): Promise<StatePoint> => {
  const { dir, sequence: until } = options;
  let final: LogRecord | undefined;
  const start = () => {
    final = undefined;
    return { correct: () => {}, dropped: () => {}, record: (one: LogRecord) => void (final = one) };
  };
  const read = await readHistoryState({ ...options, until, start });
  const { history } = read;
  const { store, failure } = history;
  const end = endOf(history);
  const sequence = until ?? end;
  const base = history.base?.sequence ?? 0;
  if (sequence < base || sequence > Math.max(end, base))
    throw new RangeError(`there is no @${sequence}: the log has @${base} to @${end}`);
  assertWhole(final, sequence);
  if (failure && failure.sequence <= sequence) throw failure;
  if (store === undefined)
    throw new CorruptError({ file: dir, reason: "it holds no store that reads" });
  const lost = openHoles(history.holes, sequence);
  return { ...read, store, sequence, lost };
};

/** The last sequence, kept or lost. */
export const endOf = ({ last, holes }: History): number =>
  holes.reduce((end, hole) => Math.max(end, hole.last), last);

/** What is lost up to a sequence, and no snapshot up to there tells. */
export const openHoles = (
  holes: readonly Hole[],
  sequence: number,
): (readonly [first: number, last: number])[] =>
  holes
    .filter(({ first, healedAt = Infinity }) => first <= sequence && healedAt > sequence)
    .map(({ first, last }) => [first, Math.min(last, sequence)] as const);

const assertWhole = (final: LogRecord | undefined, sequence: number): void => {
  const [index, count] = final?.tx ?? [1, 1];
  if (!final || final.seq < sequence || (final.seq === sequence && index === count)) return;
  const before = final.seq - index;
  throw new RangeError(
    `@${sequence} is inside a transaction: @${before} is before it, @${before + count} behind it`,
  );
};
