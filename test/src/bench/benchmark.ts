/**
 * A benchmark: one question about the store, answered with rows.
 *
 *     Bench ─ dir, scale, peers ─> run ─> rows          the same code for the long run and for the test
 *                  full    what docs/benchmarks speaks of
 *                  quick   the same shape in a minute or so: to see whether a change helped
 *                  tiny    once, for `pnpm test`: that it runs, not how fast
 *
 * The rule: it measures in `dir` and nowhere else, takes its contenders in turn, round after round, and
 * leaves nothing running. A peer that is missing is skipped; the command names it.
 */
import type { Peers } from "./peers.ts";
import type { Row } from "./row.ts";

export type Scale = "full" | "quick" | "tiny";

export interface Bench {
  /** An empty directory of the benchmark's own, on the disk that is measured. */
  readonly dir: string;
  readonly scale: Scale;
  /** How often every contender is measured. */
  readonly rounds: number;
  /** How long one contender is measured in one round. */
  readonly budgetMs: number;
  readonly peers: Peers;
  /** Tells what is being measured. */
  readonly progress: (text: string) => void;
}

export interface Benchmark {
  /** As it is selected: "P1". */
  readonly name: string;
  /** One line for people. */
  readonly what: string;
  readonly run: (bench: Bench) => Promise<Row[]>;
}

/** Rounds and times of a scale. */
export const paceOf = (scale: Scale): Pick<Bench, "rounds" | "budgetMs"> =>
  ({
    full: { rounds: 7, budgetMs: 1_500 },
    quick: { rounds: 3, budgetMs: 300 },
    tiny: { rounds: 1, budgetMs: 20 },
  })[scale];

/** The size that goes with the scale. */
export const sized = <T>({ scale }: Pick<Bench, "scale">, sizes: Readonly<Record<Scale, T>>): T =>
  sizes[scale];
