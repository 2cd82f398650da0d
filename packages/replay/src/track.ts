/**
 * Everything that was read of one log, once: its rows, its values, and what is found by name.
 *
 *     rows     numbers, in memory        values    texts, in the cache        meta    the rest, small
 *
 * The rule: a track is of one state of one directory and one model, and never changes.
 */
import type { HistorySnapshot, Hole } from "@taskwal/core";
import type { Boot, Mark } from "./build-track.ts";
import type { Names } from "./names.ts";
import type { Rows } from "./rows.ts";
import type { ValueReader } from "./value-file.ts";

/** A snapshot that is not what the log comes to. */
export interface Divergence extends HistorySnapshot {
  /** How many entities differ, and the first of them. */
  readonly count: number;
  readonly entity: string;
  readonly id: string;
}

export interface Bytes {
  readonly file: string;
  readonly startBytes: number;
  readonly endBytes: number;
  readonly reason: string;
}

export interface TrackMeta {
  readonly store: string | undefined;
  readonly base: HistorySnapshot | undefined;
  readonly last: number;
  readonly boots: readonly Boot[];
  readonly marks: readonly Mark[];
  readonly corrections: readonly HistorySnapshot[];
  readonly holes: readonly Hole[];
  readonly divergent: readonly Divergence[];
  /** What a crash left behind the last record: never promised. */
  readonly torn: readonly Bytes[];
  readonly damaged: readonly Bytes[];
  readonly notes: readonly string[];
  /** The first record that the model cannot replay. */
  readonly failure: { readonly sequence: number; readonly message: string } | undefined;
}

export interface Track extends TrackMeta {
  readonly rows: Rows;
  /** "task\n6f…" */
  readonly entities: Names;
  readonly types: Names;
  readonly actors: Names;
  readonly values: ValueReader;
}
