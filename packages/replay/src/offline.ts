/**
 * What can be asked of a directory offline, and what is answered. `@N` is the state after record N.
 *
 *     openOffline(dir) ─> info, records, stateAt, diff, blame, trace, flips, verify, whatIf, tail
 *
 * The rule: read-only, by the very reducers of recovery; no answer without where it comes from.
 */
import type { EntityDefinitions, Model, TypedModel } from "@taskwal/core";

export interface OfflineOptions {
  readonly model: TypedModel<EntityDefinitions>; // taskwal/offline: defaults to the task model
  /**
   * Where what was read of a log is kept until it changes: default $XDG_CACHE_HOME/taskwal or ~/.cache/taskwal; false keeps
   * nothing behind `close`. Never in the directory itself.
   */
  readonly cacheDir?: string | false | undefined;
  readonly onProgress?: (at: { readonly sequence: number; readonly last: number }) => void;
  readonly signal?: AbortSignal;
}
export type Trust = "verified" | "crossed-gap" | "divergent";

/** Printed with every answer. */
export interface Provenance {
  readonly sequence: number; // the state AFTER this record
  readonly at: number | undefined; // its time, ms; undefined for 0
  readonly boot: number | undefined; // 1-based count of $boot records up to here
  readonly snapshot: { readonly name: string; readonly sequence: number } | undefined; // where folding began
  readonly folded: number; // records folded for this answer
  readonly trust: Trust;
  readonly gaps: readonly Gap[]; // those at or below `sequence`
}
export interface Gap {
  readonly kind: "gap";
  readonly from: number;
  readonly to: number;
  readonly file?: string;
  readonly bytes?: readonly [number, number];
  readonly reason: string;
  /** Records stand there that say it: this store begins as what a salvage or a restore could read of another one. */
  readonly recorded?: true;
}
export interface OfflineRecord {
  // a record as written, plus where it stands
  readonly kind: "record";
  readonly sequence: number;
  readonly at: number;
  readonly type: string;
  readonly version: number;
  readonly entity: string | undefined; // "task"; undefined for $system records
  readonly id: string | undefined;
  readonly n: number | undefined;
  readonly tx?: readonly [number, number];
  readonly actor?: string;
  readonly cause?: number;
  readonly key?: string;
  readonly trace?: string;
  readonly data: unknown;
  readonly file: string;
  readonly boot: number;
}
export interface FieldChange {
  readonly path: readonly (string | number)[];
  readonly old: unknown;
  readonly new: unknown;
} // undefined = absent
export interface EntityRef {
  readonly entity: string;
  readonly id: string;
}
export interface Change extends EntityRef {
  readonly sequence: number;
  readonly type: string;
  readonly at: number | undefined;
  readonly actor?: string;
  readonly cause?: number;
  readonly changes: readonly FieldChange[];
}

export interface Offline {
  info(): Promise<Info>; // directory, format, store, sequences first..last, times, boots[], entity counts, files[] (kind, first, last, bytes, verdict), snapshots[], integrity[], model
  point(text: string): Promise<number>; // POINT grammar -> sequence; throws PointError (a usage error) that says what was asked and what there is
  records(range?: {
    after?: number;
    to?: number;
    reverse?: boolean;
  }): AsyncIterable<OfflineRecord | Gap>;
  stateAt(sequence: number): Promise<StateAt>; // { provenance, get(ref), list(entity): values with lists inline, entities() }
  known(): readonly EntityRef[]; // all that ever was, also what is gone
  diff(a: number, b: number): Promise<Difference>; // { a: Provenance, b: Provenance, entities: { ref, changes: (FieldChange & {sequence,type})[] }[] }
  blame(ref: EntityRef, at?: number): Promise<Blame>; // per field: value, set by (sequence,type,at,actor), number of changes
  trace(id: string): AsyncIterable<Change | Gap>; // all that touched it, causes both ways
  flips(
    predicate: Predicate,
    range?: { readonly after?: number; readonly to?: number },
  ): AsyncIterable<{ sequence: number; value: boolean }>; // exact
  verify(): Promise<VerifyReport>; // every file, every line: findings[] { level, check, file, offset?, sequences?, entities?, message }, what opening would do, worst exit code
  whatIf(model: Model): Promise<WhatIf>; // first record whose state differs, field by field
  tail(after: number, signal: AbortSignal): AsyncIterable<OfflineRecord | Gap>;
  close(): Promise<void>;
}

export interface Boot {
  readonly boot: number;
  readonly first: number;
  readonly last: number;
  readonly at: number;
  readonly lastAt: number;
  readonly pid: number | undefined;
  readonly host: string | undefined;
  readonly engine: string | undefined;
  readonly ended: "clean" | "not closed";
}
export interface Mark {
  readonly sequence: number;
  readonly name: string;
  readonly text: string | undefined;
}
export interface FileInfo {
  readonly name: string;
  readonly kind: string;
  readonly first: number | undefined;
  readonly last: number | undefined;
  readonly bytes: number;
  readonly verdict: string;
}
export interface Info {
  readonly directory: string;
  readonly store: string | undefined;
  readonly first: number;
  readonly last: number;
  readonly firstAt: number | undefined;
  readonly lastAt: number | undefined;
  readonly boots: readonly Boot[];
  readonly entities: readonly { readonly entity: string; readonly count: number }[];
  readonly files: readonly FileInfo[];
  readonly snapshots: readonly { readonly name: string; readonly sequence: number }[];
  readonly integrity: readonly string[];
  readonly gaps: readonly Gap[];
  readonly model: { readonly hash: string; readonly logHash: string | undefined };
  readonly marks: readonly Mark[];
}
export interface StateAt {
  readonly provenance: Provenance;
  /** The kinds of the model. */
  entities(): readonly string[];
  /** Those that are there, in their order. */
  ids(entity: string): readonly string[];
  /** With its lists inline; undefined if it is not there. */
  get(ref: EntityRef): Promise<unknown>;
  /** All of a kind, in the order of their ids. */
  list(entity: string): AsyncIterable<{ readonly id: string; readonly value: unknown }>;
}
export interface Difference {
  readonly a: Provenance;
  readonly b: Provenance;
  readonly entities: readonly {
    readonly ref: EntityRef;
    readonly changes: readonly (FieldChange & {
      readonly sequence: number;
      readonly type: string;
    })[];
  }[];
}
export interface Blame {
  readonly provenance: Provenance;
  readonly fields: readonly {
    readonly path: readonly (string | number)[];
    readonly value: unknown;
    readonly sequence: number;
    readonly type: string;
    readonly at: number | undefined;
    readonly actor?: string;
    readonly changes: number;
  }[];
}
export interface Predicate {
  readonly ref: EntityRef;
  readonly test: (value: unknown) => boolean;
}
export interface Finding {
  readonly level: "note" | "warning" | "error";
  readonly check: string;
  readonly file: string;
  readonly offset?: number;
  readonly sequences?: readonly [first: number, last: number];
  readonly entities?: readonly EntityRef[];
  readonly message: string;
}
export interface VerifyReport {
  readonly files: number;
  readonly records: number;
  readonly bytes: number;
  readonly findings: readonly Finding[];
  readonly opening: string;
  readonly exitCode: number;
  readonly provenance: Provenance;
}
export interface WhatIf {
  readonly provenance: Provenance;
  readonly records: number;
  readonly first: Change | undefined;
  readonly differing: number;
  readonly entities: readonly {
    readonly ref: EntityRef;
    readonly changes: readonly FieldChange[];
  }[];
  readonly failed?: { readonly sequence: number; readonly message: string };
}
