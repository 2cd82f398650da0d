/**
 * What a log did, as columns: one row for each record, and one more for each further entity that it changed.
 *
 *     row        0        1        2        3
 *     sequence   1        2        3        4
 *     entity     -        task 1   task 2   task 1      ordinal + 1; 0 for a record that changed none
 *     kind       none     base     base     patch       how its value is kept (track-value.ts)
 *
 *     index      row 0 │ task 1: row 1, row 3 │ task 2: row 2       made when the first of them is asked for
 *
 * The rule: numbers only, `rowBytes` a row whatever the payloads are; what was read of the columns is checked by whoever
 * read it (track-file.ts), and what they say of values is where these stand in another file.
 */
import { RowIndex } from "./row-index.ts";

export const kinds = {
  /** Changed no entity. */
  none: 0,
  /** The whole entity, with its lists: nothing before it is needed. */
  base: 1,
  /** The entity without its lists. */
  whole: 2,
  /** The fields that are set and those that are gone. */
  patch: 3,
  removed: 4,
  /** An item of a list. */
  append: 5,
} as const;

export type Kind = (typeof kinds)[keyof typeof kinds];

export interface Row {
  readonly sequence: number;
  /** Milliseconds since the epoch; NaN where a snapshot, not a record, made the change. */
  readonly at: number;
  readonly entity: number;
  /** The version after it. */
  readonly n: number;
  readonly type: number;
  readonly actor: number;
  /** Which fields it changed, as the ordinal of a set of names. */
  readonly fields: number;
  readonly kind: Kind;
  readonly startBytes: number;
  readonly bytes: number;
}

const layout = [
  ["sequence", Float64Array],
  ["at", Float64Array],
  ["startBytes", Float64Array],
  ["entity", Uint32Array],
  ["n", Uint32Array],
  ["type", Uint32Array],
  ["actor", Uint32Array],
  ["fields", Uint32Array],
  ["bytes", Uint32Array],
  ["kind", Uint8Array],
] as const;

type Name = (typeof layout)[number][0];
type Column = Float64Array | Uint32Array | Uint8Array;

/** Of one row in the cache. In memory there are the 4 of the index besides. */
export const rowBytes = layout.reduce((sum, [, type]) => sum + type.BYTES_PER_ELEMENT, 0);

const firstCapacity = 4_096;

export class Rows {
  #columns: Record<Name, Column>;
  #length = 0;
  #index: RowIndex | undefined;

  constructor(capacity = firstCapacity) {
    this.#columns = makeColumns(capacity);
  }

  get length(): number {
    return this.#length;
  }

  add(row: Row): void {
    const at = this.#length;
    if (at === this.#columns.kind.length) this.#grow(at * 2);
    const columns = this.#columns;
    columns.sequence[at] = row.sequence;
    columns.at[at] = row.at;
    columns.entity[at] = row.entity;
    columns.n[at] = row.n;
    columns.type[at] = row.type;
    columns.actor[at] = row.actor;
    columns.fields[at] = row.fields;
    columns.kind[at] = row.kind;
    columns.startBytes[at] = row.startBytes;
    columns.bytes[at] = row.bytes;
    this.#length += 1;
    this.#index = undefined;
  }

  value(name: Name, row: number): number {
    return this.#columns[name][row] ?? 0;
  }

  kind(row: number): Kind {
    return this.value("kind", row) as Kind;
  }

  /** One of them for all rows, for those who look at many. */
  column(name: Name): Column {
    return this.#columns[name].subarray(0, this.#length);
  }

  /** The rows of an entity at sequences above `after` and up to `to`, the earliest first. `entity` is its ordinal, from 0. */
  of(entity: number, after = -1, to = Infinity): Uint32Array {
    this.#index ??= new RowIndex(this.column("entity"));
    const rows = this.#index.of(entity + 1);
    const sequence = (at: number): number => this.value("sequence", rows[at] ?? 0);
    return rows.subarray(
      firstAbove(after, rows.length, sequence),
      firstAbove(to, rows.length, sequence),
    );
  }

  /** How many rows are of sequences up to this one. Rows are in the order of sequences. */
  countTo(sequence: number): number {
    return firstAbove(sequence, this.#length, (row) => this.value("sequence", row));
  }

  /** The columns as they are stored, each whole, in the order of the layout. */
  *stored(): Generator<Uint8Array> {
    for (const [name, type] of layout) {
      const { buffer } = this.#columns[name];
      yield new Uint8Array(buffer, 0, this.#length * type.BYTES_PER_ELEMENT);
    }
  }

  /** Rows from what `stored` gave; undefined if the length fits no `count` of rows. */
  static from(bytes: Uint8Array, count: number): Rows | undefined {
    if (bytes.length !== count * rowBytes) return undefined;
    const rows = new Rows(count);
    let start = 0;
    for (const [name, type] of layout) {
      const size = count * type.BYTES_PER_ELEMENT;
      const column = rows.#columns[name];
      new Uint8Array(column.buffer, 0, size).set(bytes.subarray(start, start + size));
      start += size;
    }
    rows.#length = count;
    return rows;
  }

  #grow(capacity: number): void {
    const grown = makeColumns(capacity);
    for (const [name] of layout) grown[name].set(this.#columns[name]);
    this.#columns = grown;
  }
}

/** Of so many ascending sequences the first that is above this one; their count if none is. */
const firstAbove = (
  sequence: number,
  count: number,
  sequenceAt: (at: number) => number,
): number => {
  if (sequence < 0) return 0;
  let [from, to] = [0, count];
  while (from < to) {
    const middle = (from + to) >>> 1;
    if (sequenceAt(middle) <= sequence) from = middle + 1;
    else to = middle;
  }
  return from;
};

const makeColumns = (capacity: number): Record<Name, Column> =>
  Object.fromEntries(layout.map(([name, type]) => [name, new type(capacity)])) as Record<
    Name,
    Column
  >;
