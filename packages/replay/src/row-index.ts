/**
 * The rows of each entity, side by side.
 *
 *     entity   0  1  2  1  1  2        rows   0 │ 1 3 4 │ 2 5
 *                                      starts 0   1       4
 *
 * The rule: counted, then placed: two passes, 4 bytes a row.
 */
export class RowIndex {
  readonly #starts: Uint32Array;
  readonly #rows: Uint32Array;

  /** `entities` has one number for each row. */
  constructor(entities: ArrayLike<number>) {
    const { length } = entities;
    let most = 0;
    for (let row = 0; row < length; row++) most = Math.max(most, entities[row] ?? 0);
    const starts = new Uint32Array(most + 2);
    for (let row = 0; row < length; row++) add(starts, (entities[row] ?? 0) + 1, 1);
    for (let entity = 1; entity < starts.length; entity++) add(starts, entity, starts[entity - 1]);
    const next = starts.slice();
    this.#rows = new Uint32Array(length);
    for (let row = 0; row < length; row++) {
      const entity = entities[row] ?? 0;
      this.#rows[next[entity] ?? 0] = row;
      add(next, entity, 1);
    }
    this.#starts = starts;
  }

  /** In ascending order; none for an entity that is not known. */
  of(entity: number): Uint32Array {
    return this.#rows.subarray(this.#starts[entity] ?? 0, this.#starts[entity + 1] ?? 0);
  }
}

const add = (counts: Uint32Array, at: number, count = 0): void => {
  counts[at] = (counts[at] ?? 0) + count;
};
