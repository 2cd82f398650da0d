/**
 * Everything that was read of one log, once: its rows, its values, and what is found by name.
 *
 *     rows     numbers, in memory        values    texts, in the cache        the rest    small
 *
 * The rule: a track is of one state of one directory and one model, and never changes.
 */
import type { LogReport } from "./log-report.ts";
import type { Names } from "./names.ts";
import type { Boot, EntityRef, Mark } from "./offline.ts";
import type { Rows } from "./rows.ts";
import type { ValueReader } from "./value-file.ts";

/** A snapshot that was compared with what the log comes to at its sequence. */
export interface ComparedSnapshot {
  readonly name: string;
  readonly sequence: number;
  /** How many entities differ. */
  readonly differing: number;
  /** The first of them. */
  readonly first: EntityRef | undefined;
}

export interface TrackMeta {
  readonly log: LogReport;
  readonly boots: readonly Boot[];
  readonly marks: readonly Mark[];
  readonly recordCount: number;
  readonly modelHash: string | undefined;
  /** In the order of sequences. */
  readonly compared: readonly ComparedSnapshot[];
}

export interface Track extends TrackMeta {
  readonly rows: Rows;
  /** "task\n6f…" */
  readonly entities: Names;
  readonly types: Names;
  readonly actors: Names;
  /** The names of what a row changed, by its `fields`. */
  readonly fieldSets: readonly ReadonlySet<string>[];
  readonly values: ValueReader;
}

export const fieldSetsOf = (names: readonly (readonly string[])[]): Track["fieldSets"] =>
  names.map((each) => new Set(each));
