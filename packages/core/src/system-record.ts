/**
 * Records of the engine itself: ordinary records whose type begins with "$". Reducers never see them.
 *
 *     $boot    an opening for writing          $gap     sequences that salvage found lost
 *     $close   a clean end                     $mark    a note: a name for a place, damage that was accepted
 *     $recovered   an entity as its mirror proved it after a loss
 *     $migrated    the snapshot of newer schema versions is in place
 *     $lost    stands in a salvaged store where a record was: its sequence, and no more, is known
 */
import type { JsonValue, LogRecord } from "@taskwal/format";

export const bootType = "$boot";
export const closeType = "$close";
export const gapType = "$gap";
export const markType = "$mark";
export const recoveredType = "$recovered";
export const migratedType = "$migrated";
export const lostType = "$lost";

/** Versions by entity name, as in state.json's "schema". */
export type SchemaVersions = Readonly<Record<string, number>>;

/** An inclusive range. */
export type Span = readonly [first: number, last: number];

export interface LostVersions {
  /** The entity's name in the model. */
  readonly entity: string;
  readonly id: string;
  /** The versions that were lost. */
  readonly versions: Span;
}

export interface GapData {
  /** Sequences that are lost or were dropped with their transaction. */
  readonly lost: readonly Span[];
  /** Which entities lost which of their mutations, as far as later records prove it. */
  readonly entities: readonly LostVersions[];
  /** Lost sequences that no later record ties to an entity. */
  readonly unattributed: number;
  /** Damaged stretches that this record accounts for. */
  readonly bytes: readonly {
    readonly file: string;
    readonly startBytes: number;
    readonly endBytes: number;
  }[];
  /** The report that tells it all: `recovery/<report>.json`. */
  readonly report: string;
}

export interface LostData {
  /** The whole holes that it is told of: its own, or what the state that it stands behind lacks. */
  readonly lost: readonly Span[];
}

export interface BootData {
  readonly boot: string;
  readonly pid: number;
  readonly host: string;
  readonly engine: string;
  /** The model that reduces from here on. */
  readonly model: ModelPrint;
  /** What the store is of from here on; until a migration is done, what it was. Missing in older logs. */
  readonly schema?: SchemaVersions;
  readonly monotonicMs: number;
}

export interface MigratedData {
  /** What the store is of from here on. */
  readonly schema: SchemaVersions;
  /** Empty if a crash took the marker and a later opening wrote it: the migration's own log tells. */
  readonly entities: readonly {
    readonly entity: string;
    readonly from: number;
    readonly to: number;
    readonly count: number;
  }[];
}

/** What wrote a log: by it a reducer that changed without a new version is noticed. */
export interface ModelPrint {
  /** The model's hash: it changes with any reducer's text. */
  readonly hash: string;
  /** Hash of all versions alone, entities' and payloads'. */
  readonly versions: string;
}

export interface MarkData {
  /** What the place is called: see mark.ts; `mark:forked` of a fork. */
  readonly name?: string;
  readonly text?: string;
  /** Entities whose damage was accepted as they stand. */
  readonly accepted?: readonly { readonly entity: string; readonly id: string }[];
  /** The records before this one are those of another store, up to that sequence of it: see rollback.ts. */
  readonly rolledBack?: Origin;
  /** This store begins as what could be read of another one: see salvage.ts. */
  readonly salvaged?: Origin;
  /** This store begins with the state of another one: see restore-store.ts. */
  readonly restored?: Origin;
  /** This store goes on from another one: see fork-store.ts. */
  readonly forked?: Origin;
}

/** A sequence of another store. */
export interface Origin {
  readonly store: string;
  readonly sequence: number;
}

/** A typed payload as what the log takes. */
export const asJson = (data: GapData | BootData | MarkData | object): JsonValue =>
  data as unknown as JsonValue;

const nothingLost: readonly Span[] = [];

/** The holes that a record tells of; what it holds was looked at where it is folded, or it is left alone. */
export const lostIn = ({ type, data }: Pick<LogRecord, "type" | "data">): readonly Span[] => {
  if (type !== lostType) return nothingLost;
  const { lost } = data as unknown as Partial<LostData>;
  return Array.isArray(lost) ? lost.filter(isSpan) : nothingLost;
};

const isSpan = (value: unknown): value is Span =>
  Array.isArray(value) && value.length === 2 && value.every(Number.isSafeInteger);
