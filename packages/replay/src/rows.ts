/**
 * What a log did, as columns: one row for each record, and one more for each further entity that it changed.
 *
 *     row        0        1        2        3
 *     sequence   1        2        3        4
 *     entity     -        task 1   task 2   task 1      ordinal + 1; 0 for a record that changed none
 *     previous   -        -        -        row 1       the row before it of the same entity, + 1
 *     kind       none     base     base     patch       how its value is kept (track-value.ts)
 *
 * The rule: numbers only, `rowBytes` a row whatever the payloads are; what was read of the columns is checked by whoever
 * read it (track-file.ts), and what they say of values is where these stand in another file.
 */

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
  ["previous", Uint32Array],
  ["n", Uint32Array],
  ["type", Uint32Array],
  ["actor", Uint32Array],
  ["fields", Uint32Array],
  ["bytes", Uint32Array],
  ["kind", Uint8Array],
] as const;

type Name = (typeof layout)[number][0];
type Column = Float64Array | Uint32Array | Uint8Array;

/** Of one row in memory and in the cache. */
export const rowBytes = layout.reduce((sum, [, type]) => sum + type.BYTES_PER_ELEMENT, 0);

const firstCapacity = 4_096;

export class Rows {
  #columns: Record<Name, Column>;
  #length = 0;
  /** The last row of each entity, + 1, by ordinal. */
  #last: number[] = [];

  constructor(capacity = firstCapacity) {
    this.#columns = makeColumns(capacity);
  }

  get length(): number {
    return this.#length;
  }

  get entityCount(): number {
    return this.#last.length;
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
    if (row.entity > 0) {
      columns.previous[at] = this.#last[row.entity - 1] ?? 0;
      this.#last[row.entity - 1] = at + 1;
    }
    this.#length += 1;
  }

  value(name: Name, row: number): number {
    return this.#columns[name][row] ?? 0;
  }

  kind(row: number): Kind {
    return this.value("kind", row) as Kind;
  }

  /** The row before it of the same entity; undefined for the first. */
  before(row: number): number | undefined {
    return rowOf(this.value("previous", row));
  }

  /** The last row of an entity at or below `sequence`; undefined if it was not there yet. `entity` is its ordinal, from 0. */
  lastAt(entity: number, sequence: number): number | undefined {
    let row = rowOf(this.#last[entity] ?? 0);
    while (row !== undefined && this.value("sequence", row) > sequence) row = this.before(row);
    return row;
  }

  /** How many rows are of sequences up to this one. Rows are in the order of sequences. */
  countTo(sequence: number): number {
    let [from, to] = [0, this.#length];
    while (from < to) {
      const middle = (from + to) >>> 1;
      if (this.value("sequence", middle) <= sequence) from = middle + 1;
      else to = middle;
    }
    return from;
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
    for (let row = 0; row < count; row++) {
      const entity = rows.value("entity", row);
      if (entity > 0) rows.#last[entity - 1] = row + 1;
    }
    return rows;
  }

  #grow(capacity: number): void {
    const grown = makeColumns(capacity);
    for (const [name] of layout) grown[name].set(this.#columns[name]);
    this.#columns = grown;
  }
}

const rowOf = (stored: number): number | undefined => (stored === 0 ? undefined : stored - 1);

const makeColumns = (capacity: number): Record<Name, Column> =>
  Object.fromEntries(layout.map(([name, type]) => [name, new type(capacity)])) as Record<
    Name,
    Column
  >;
