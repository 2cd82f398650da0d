/**
 * What a replay yields, and what it says at its end.
 *
 * The rule: every sequence from the base to `next` is in exactly one of: the records, `lost`, `dropped`.
 */
import type { LogRecord } from "@taskwal/format";
import type { Range } from "./judge.ts";

/** A place between two lines. */
export interface LogPosition {
  readonly file: string;
  readonly bytes: number;
}

export type ReplayStep =
  | { readonly kind: "records"; readonly records: readonly LogRecord[] }
  /** Sequences that were acknowledged and are gone, or whose transaction lost a member. */
  | { readonly kind: "lost"; readonly first: number; readonly last: number };

export interface DamagedBytes {
  readonly file: string;
  readonly startBytes: number;
  readonly endBytes: number;
  readonly reason: string;
}

export interface ReplayEnd {
  /** D: the highest promise found anywhere. */
  readonly durable: number;
  /** The last sequence that is kept; the base if none is. */
  readonly lastKept: number;
  /** The checksum of that record's line, as it stands in it; undefined if none was read. */
  readonly lastCrc: string | undefined;
  /** The sequence of the next record: lost ones are never given again. */
  readonly next: number;
  readonly lost: readonly Range[];
  /** Kept lines that are left out because their transaction lost a member. */
  readonly dropped: readonly Range[];
  /** The records left out with them: they name entities that lost a mutation. */
  readonly droppedRecords: readonly LogRecord[];
  /** What a crash left behind: never promised. */
  readonly torn: readonly DamagedBytes[];
  readonly tornRecords: number;
  readonly damaged: readonly DamagedBytes[];
  /** What tools did to the files, in words. */
  readonly notes: readonly string[];
  readonly recordCount: number;
  /** Behind the last record that was kept as read, if there was one. */
  readonly position: LogPosition | undefined;
  /**
   * A place at least a block before the end of D, between two transactions, from which on everything was
   * regular; undefined if there is none in the last segment.
   */
  readonly settled: LogPosition | undefined;
}
