/**
 * Durations, counted by size: what a few numbers can say of many.
 *
 * The rule: an observation costs a walk over the bounds and three additions, and keeps nothing.
 */

/** Upper bounds in milliseconds, inclusive; what is longer is counted beyond the last. */
export const durationBoundsMs: readonly number[] = [
  0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 10_000,
];

export interface HistogramReading {
  readonly count: number;
  readonly sumMs: number;
  /** How many took at most so long, by bound: cumulative, in the order of `durationBoundsMs`. */
  readonly upTo: readonly { readonly boundMs: number; readonly count: number }[];
}

export class Histogram {
  readonly #counts: number[] = durationBoundsMs.map(() => 0);
  #count = 0;
  #sumMs = 0;

  observe(durationMs: number): void {
    const index = durationBoundsMs.findIndex((boundMs) => durationMs <= boundMs);
    if (index >= 0) this.#counts[index] = (this.#counts[index] ?? 0) + 1;
    this.#count += 1;
    this.#sumMs += durationMs;
  }

  read(): HistogramReading {
    let count = 0;
    const upTo = durationBoundsMs.map((boundMs, index) => {
      count += this.#counts[index] ?? 0;
      return { boundMs, count };
    });
    return { count: this.#count, sumMs: this.#sumMs, upTo };
  }
}
