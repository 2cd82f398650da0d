/**
 * What a model does not know, kept for one that does: records of other types, and entities of other kinds.
 *
 *     log:       a created │ a archived (unknown) │ a renamed │ b created
 *                   folded  └── held: all of a from here ──┘     folded
 *     snapshot:  "held":[ {"id":"a","record":{…}}, … ]     a record per line, as in the log
 *
 * The rule: nothing is dropped and nothing is folded out of its order. From the first record of an id that
 * is not known on, every record of that id waits, those of known types too: they were reduced after it. An
 * id and not an entity, because of a type that is not known only the id says whose it is.
 */
import { isCount, isJsonObject, type JsonValue, type LogRecord } from "@taskwal/format";
import type { Model } from "./define-model.ts";
import type { DamagedEntity } from "./snapshot-view.ts";
import type { SchemaVersions } from "./system-record.ts";

/** The collection of a snapshot in which held records stand. */
export const heldKey = "held";

/** One record that waits. */
export interface HeldRecord {
  readonly id: string;
  /** As in the log; one of the engine holds only what concerns `entity` and `id`. */
  readonly record: LogRecord;
  /** It was left out with its transaction, which lost a member: its entity lost that version. */
  readonly dropped?: true;
}

/** What a snapshot holds of entities that the model lacks, as it stands there. */
export interface Carried {
  readonly schema: SchemaVersions;
  readonly collections: ReadonlyMap<string, readonly JsonValue[]>;
  /** Versions by entity and id. */
  readonly versions: Tables;
  readonly deleted: Tables;
  readonly damaged: readonly DamagedEntity[];
}

type Tables = Readonly<Record<string, Readonly<Record<string, number>>>>;

/** All that waits because of one type. */
export interface HeldType {
  /** The type that is to be known: "note.archived"; or the name of an entity that only a snapshot holds. */
  readonly type: string;
  /** How many ids wait for it. */
  readonly ids: number;
  /** How many records, those behind it included. */
  readonly records: number;
  /** The first of them: its sequence (0 where only a snapshot tells) and its id. */
  readonly sequence: number;
  readonly id: string;
}

/** An entity whose later records wait. */
export interface HeldId {
  readonly id: string;
  /** The type for which it waits. */
  readonly type: string;
  /** Of the first record that waits. */
  readonly sequence: number;
  readonly records: number;
}

/** What waits, at one moment. */
export interface HeldView {
  readonly records: readonly HeldRecord[];
  readonly carried: Carried;
}

const nothingCarried: Carried = {
  schema: {},
  collections: new Map(),
  versions: {},
  deleted: {},
  damaged: [],
};

export class HeldRecords {
  readonly #byId = new Map<string, HeldRecord[]>();
  #carried = nothingCarried;
  /** How many were ever held: it grows with each. */
  count = 0;

  /** How many ids wait. */
  get size(): number {
    return this.#byId.size;
  }

  get carried(): Carried {
    return this.#carried;
  }

  has(id: string): boolean {
    return this.#byId.size > 0 && this.#byId.has(id);
  }

  /** Why the id waits: its first record. */
  first(id: string): HeldRecord | undefined {
    return this.#byId.size === 0 ? undefined : this.#byId.get(id)?.[0];
  }

  /** The highest version among those of the id; 0 without any. */
  lastVersion(id: string): number {
    const waiting = this.#byId.get(id) ?? [];
    return waiting.reduce((last, { record }) => Math.max(last, versionOf(record)), 0);
  }

  hold(held: HeldRecord): void {
    this.count += 1;
    const waiting = this.#byId.get(held.id);
    if (waiting) waiting.push(held);
    else this.#byId.set(held.id, [held]);
  }

  /** What a snapshot holds of others' entities, beside what was noted before. */
  carry(carried: Carried): void {
    this.#carried = { ...carried, schema: { ...this.#carried.schema, ...carried.schema } };
  }

  /** Versions of entities that the model lacks, as the log tells them. */
  note(schema: SchemaVersions, model: Pick<Model, "schema">): void {
    const others = Object.entries(schema).filter(([name]) => !Object.hasOwn(model.schema, name));
    if (others.length === 0) return;
    this.#carried = {
      ...this.#carried,
      schema: { ...this.#carried.schema, ...Object.fromEntries(others) },
    };
  }

  /** Gives `fold`, of each id, the records before the first that `isKnown` refuses; the rest waits on. */
  release(isKnown: (held: HeldRecord) => boolean, fold: (held: HeldRecord) => void): void {
    const ids = Array.from(this.#byId.keys());
    for (const id of ids) {
      const waiting = this.#byId.get(id) ?? [];
      const found = waiting.findIndex((held) => !isKnown(held));
      const known = found < 0 ? waiting.length : found;
      // Else they would only be held again.
      this.#byId.delete(id);
      for (const held of waiting.slice(0, known)) fold(held);
      if (known < waiting.length) this.#byId.set(id, waiting.slice(known));
    }
  }

  view(): HeldView {
    const records = this.#byId.size === 0 ? [] : [...this.#byId.values()].flat();
    return { records, carried: this.#carried };
  }

  ids(): HeldId[] {
    return [...this.#byId].map(([id, waiting]) => {
      const [first] = waiting as [HeldRecord];
      return { id, type: typeOf(first), sequence: first.record.seq, records: waiting.length };
    });
  }

  /** For a report: a row for each type that is wanted. */
  types(): HeldType[] {
    const byType = new Map<string, HeldType>();
    for (const { id, type, sequence, records } of this.ids()) {
      const known = byType.get(type) ?? { type, ids: 0, records: 0, sequence, id };
      byType.set(type, { ...known, ids: known.ids + 1, records: known.records + records });
    }
    const { versions } = this.#carried;
    for (const [type, table] of Object.entries(versions)) {
      const ids = Object.keys(table);
      const [id] = ids;
      if (id === undefined) continue;
      byType.set(type, { type, ids: ids.length, records: 0, sequence: 0, id });
    }
    return [...byType.values()];
  }
}

/** Of all entities of the store, those included that the model lacks: what a snapshot or `$boot` is of. */
export const schemaWith = (
  { schema }: Pick<Model, "schema">,
  held: HeldRecords,
): SchemaVersions => ({
  ...held.carried.schema,
  ...schema,
});

/** What must be known for it to be folded: a record's type, or the entity that one of the engine is about. */
export const typeOf = ({ record }: HeldRecord): string => {
  if (!record.type.startsWith("$")) return record.type;
  return entityOf(record) ?? record.type;
};

/** The entity that a record of the engine is about, as the fold has narrowed it. */
export const entityOf = ({ data }: LogRecord): string | undefined => {
  const { entity, entities, accepted } = data as {
    readonly entity?: string;
    readonly entities?: readonly { readonly entity: string }[];
    readonly accepted?: readonly { readonly entity: string }[];
  };
  return entity ?? entities?.[0]?.entity ?? accepted?.[0]?.entity;
};

const versionOf = ({ n, data }: LogRecord): number => {
  if (n !== undefined) return n;
  const recovered = isJsonObject(data) ? (data as { readonly n?: unknown }).n : undefined;
  return isCount(recovered) ? recovered : 0;
};
