/**
 * A campaign: one kind of harm, tried in rounds for as long as it is given.
 *
 *     round(seed) ─> trials, counts         the same seed tries the same again
 *          └ see(hash)                      states are counted once, over all rounds and all runs
 *          └ throws                         a loss: the seed becomes a test with its story
 *
 * The rule: a round is a function of its seed, and lasts a minute at most.
 */

/** What a round tried. */
export interface Trials {
  readonly trials: number;
  /** More figures, by name: verdicts, kinds of crash points, kills that hit something. */
  readonly counts?: Readonly<Record<string, number>>;
}

export interface Round {
  readonly seed: number;
  /** Notes a state by a hash of it (at least six bytes), so that a state tried twice counts once; returns whether it is new. */
  readonly see: (hash: Uint8Array) => boolean;
  /** Tells how far the round is. */
  readonly progress: (trials: number) => void;
}

export interface Campaign {
  readonly name: string;
  /** One line for people. */
  readonly what: string;
  /** Numbers of the promises in docs/guarantees.md that a loss would break. */
  readonly promises: readonly number[];
  /** Its quick part in `pnpm test`. */
  readonly test: { readonly file: string; readonly name: string };
  /** What this machine lacks for it, in words; undefined if it can run. */
  readonly missing?: () => string | undefined;
  /** Throws what it found. */
  readonly round: (round: Round) => Promise<Trials>;
}
