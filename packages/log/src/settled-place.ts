/**
 * Remembers a place in the log behind which all that no promise covers stands, while the log is read.
 *
 *     |........|........|........|........|........|      a place per batch that was read, between transactions
 *              ^ settled         D is behind this one
 *
 * The rule: the place is at least a block before the end of D, in the segment that is read; so whoever looks
 * for the block that holds the end of D finds it from there on, without reading the segment again.
 */
import { limits } from "@taskwal/format";

/** Where a batch began, and the last sequence before it. */
interface Place {
  readonly seq: number;
  readonly bytes: number;
}

export class SettledPlace {
  #segment = -1;
  /** In the order of the file; of those below D only what may still be the answer. */
  #places: Place[] = [];

  /**
   * Nothing above `seq` stands before `bytes` of the segment, unless lines are out of order, and no transaction is
   * open there.
   */
  add(segment: number, seq: number, bytes: number): void {
    if (segment !== this.#segment) this.#places = [];
    this.#segment = segment;
    this.#places.push({ seq, bytes });
  }

  /** Forgets what is of no use any more: D only rises. */
  trim(durable: number): void {
    const settled = this.#find(durable);
    if (settled > 0) this.#places.splice(0, settled);
  }

  /** In bytes of that segment; undefined if no place is known there. */
  in(segment: number, durable: number): number | undefined {
    return segment === this.#segment ? this.#places[this.#find(durable)]?.bytes : undefined;
  }

  /** The end of D stands behind a place whose sequence is below D: a block before that one is far enough. */
  #find(durable: number): number {
    const below = this.#places.findLast(({ seq }) => seq < durable)?.bytes ?? -1;
    return this.#places.findLastIndex(({ bytes }) => bytes + limits.blockBytes <= below);
  }
}
