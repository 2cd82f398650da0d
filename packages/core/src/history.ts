/**
 * What a whole log tells, read from the oldest snapshot on: changes as they come, and at the end what was found.
 *
 * The rule: every sequence above the base is told as a record, or is in a hole.
 */
import type { ReplayFailedError } from "@taskwal/errors";
import type { LogRecord } from "@taskwal/format";
import type { LogListing, ReplayEnd } from "@taskwal/log";
import type { EntityModel } from "./define-model.ts";
import type { FoldFacts } from "./fold.ts";
import type { RecentKeys } from "./idempotency.ts";
import type { Slot, State } from "./state.ts";

export interface SlotChange {
  readonly entity: EntityModel;
  readonly id: string;
  readonly before: Slot | undefined;
  readonly after: Slot;
}

/** Told of everything in the order of sequences. What `pause` returns is awaited: nothing is told meanwhile. */
export interface HistoryVisitor {
  /** Before the first record: what the oldest snapshot holds. Each of its entities is told as a change. */
  base?(snapshot: HistorySnapshot, changes: Iterable<SlotChange>): void;
  record(record: LogRecord, changes: readonly SlotChange[]): void;
  /** At the end: a record that was left out with its transaction, and what that loss made of its entity. */
  dropped(record: LogRecord, changes: readonly SlotChange[]): void;
  /** Behind a hole, a snapshot that is no older than its end: what the state was besides what the rest of the log told. */
  correct(snapshot: HistorySnapshot, changes: readonly SlotChange[]): void;
  pause?(): Promise<void> | undefined;
}

export interface HistorySnapshot {
  readonly name: string;
  readonly sequence: number;
}

/** Sequences that are gone, or were left out with their transaction. */
export interface Hole {
  readonly first: number;
  readonly last: number;
  /** Whether the log has a `$lost` record for it: its lines verify, and what they say is that it is lost. */
  readonly recorded: boolean;
  /** From here on a snapshot from before the loss tells what the state was; undefined if none does. */
  readonly healedAt: number | undefined;
}

export interface History {
  readonly dir: string;
  readonly store: string | undefined;
  /** What the first record is folded onto; undefined for nothing. */
  readonly base: HistorySnapshot | undefined;
  /** Every snapshot that was made use of, the base first. */
  readonly snapshots: readonly HistorySnapshot[];
  /** The last sequence that was told; that of the base if there is no record. */
  readonly last: number;
  readonly holes: readonly Hole[];
  readonly end: ReplayEnd;
  readonly listing: LogListing;
  readonly facts: FoldFacts;
  /** The record behind which nothing is folded; undefined if all were. */
  readonly failure: ReplayFailedError | undefined;
}

/** A history, and the state behind it. */
export interface HistoryState {
  readonly history: History;
  readonly state: State;
  readonly keys: RecentKeys;
}
