/**
 * Judges a survey: turns chains of sequences into what is kept, lost, torn and damaged.
 *
 *     after            D
 *     | chain 1 |hole| chain 2 |hole| chain 3
 *       kept     lost  kept            torn (last segment) or damaged (an earlier one)
 *
 * The rule: every decision is a row of verdict.ts; this file only counts and cuts. A hole at or below
 * D costs what stood there and nothing above it: only a hole above D makes what is behind it doubtful.
 */
import { type Chain, type PlacedStretch, type Run, type Survey } from "./survey.ts";
import { unfinished } from "./transaction.ts";
import { verdictOf, type Verdict } from "./verdict.ts";

/** Sequences, both ends included. */
export type Range = readonly [first: number, last: number];

export type JudgedStep =
  | {
      readonly kind: "kept" | "dropped";
      readonly run: Run;
      readonly first: number;
      readonly last: number;
    }
  | { readonly kind: "lost"; readonly first: number; readonly last: number };

/** Records of a run that are set aside, though their lines verify. */
export interface Cut {
  readonly kind: "torn" | "damaged";
  readonly run: Run;
  readonly first: number;
  readonly last: number;
}

export interface Judged {
  readonly steps: readonly JudgedStep[];
  readonly lost: readonly Range[];
  /** Verified, and left out because their transaction lost a member. */
  readonly dropped: readonly Range[];
  readonly cuts: readonly Cut[];
  /** Bytes that do not verify. */
  readonly torn: readonly PlacedStretch[];
  readonly damaged: readonly PlacedStretch[];
}

export interface JudgeFacts {
  /** D. */
  readonly durable: number;
  /** Index of the last segment. */
  readonly lastSegment: number;
}

export const judge = (survey: Survey, facts: JudgeFacts): Judged =>
  new Judge(survey, facts).judged();

class Judge {
  readonly #survey: Survey;
  readonly #durable: number;
  readonly #lastSegment: number;
  readonly #steps: JudgedStep[] = [];
  readonly #lost: Range[] = [];
  readonly #dropped: Range[] = [];
  readonly #cuts: Cut[] = [];
  /** The next sequence to be judged. */
  #cursor: number;
  /** Something above D is missing: nothing behind it is whole. */
  #hole = false;

  constructor(survey: Survey, { durable, lastSegment }: JudgeFacts) {
    this.#survey = survey;
    this.#durable = durable;
    this.#lastSegment = lastSegment;
    this.#cursor = survey.after + 1;
  }

  judged(): Judged {
    const { chains, bad } = this.#survey.chains();
    for (const chain of chains) {
      this.#missing(chain.from - 1);
      this.#chain(chain);
    }
    this.#missing(this.#durable);
    const judged = bad.map((stretch) => ({ stretch, verdict: this.#verdictOfBytes(stretch) }));
    const of = (verdict: Verdict): PlacedStretch[] =>
      judged.filter((one) => one.verdict === verdict).map((one) => one.stretch);
    return {
      steps: this.#steps,
      lost: this.#lost,
      dropped: this.#dropped,
      cuts: this.#cuts,
      torn: of("torn"),
      damaged: of("damaged"),
    };
  }

  /** Nothing verifies from the cursor up to `last`. */
  #missing(last: number): void {
    if (this.#cursor > last) return;
    const promisedLast = Math.min(last, this.#durable);
    if (this.#cursor <= promisedLast) {
      this.#lost.push([this.#cursor, promisedLast]);
      this.#steps.push({ kind: "lost", first: this.#cursor, last: promisedLast });
    }
    if (last > this.#durable) this.#hole = true;
  }

  #chain(chain: Chain): void {
    // It begins behind a hole: a transaction that began before it lost its first members.
    const first = Math.min(chain.to + 1, afterBroken(chain));
    const last = Math.max(first - 1, chain.to - unfinished(chain.lastTx));
    this.#drop(chain, chain.from, first - 1);
    this.#keepOrCut(chain, first, last);
    this.#drop(chain, last + 1, chain.to);
    this.#cursor = chain.to + 1;
  }

  /** Whole transactions: kept up to D in any case, and above it as long as nothing above it is missing. */
  #keepOrCut(chain: Chain, first: number, last: number): void {
    const keptLast = this.#hole ? Math.min(last, this.#durable) : last;
    for (const { run, from, to } of piecesOf(chain, first, keptLast)) {
      this.#steps.push({ kind: "kept", run, first: from, last: to });
    }
    this.#cut(chain, Math.max(first, keptLast + 1), last);
  }

  /** Members of a transaction that lost another member: left out whole. */
  #drop(chain: Chain, first: number, last: number): void {
    if (first > last) return;
    const promisedLast = Math.min(last, this.#durable);
    if (first <= promisedLast) this.#dropped.push([first, promisedLast]);
    for (const { run, from, to } of piecesOf(chain, first, promisedLast)) {
      this.#steps.push({ kind: "dropped", run, first: from, last: to });
    }
    if (last > this.#durable) this.#hole = true;
    this.#cut(chain, Math.max(first, promisedLast + 1), last);
  }

  #cut(chain: Chain, first: number, last: number): void {
    for (const { run, from, to } of piecesOf(chain, first, last)) {
      const verdict = this.#verdict({ segment: run.segment, readError: false });
      const kind = verdict === "torn" ? "torn" : "damaged";
      this.#cuts.push({ kind, run, first: from, last: to });
    }
  }

  /** Of what no promise covers and what is not whole. */
  #verdict(place: { segment: number; readError: boolean }): Verdict {
    const segment = place.segment >= this.#lastSegment ? "last" : "earlier";
    const { readError } = place;
    return verdictOf({ promised: false, whole: false, valid: false, readError, segment });
  }

  /**
   * Bytes that verify as nothing are damage where something promised stands behind them, or is missing
   * between what stands before and behind; else they are what their segment makes of them.
   */
  #verdictOfBytes({ above, next, segment, startBytes, readError }: PlacedStretch): Verdict {
    // A segment has its name only once its header is durable: no crash leaves one without.
    if (startBytes === 0) return "damaged";
    if (next <= this.#durable) return "damaged";
    // None is lost above D, so none behind `next`.
    if (this.#lost.some(([, last]) => last > above)) return "damaged";
    return this.#verdict({ segment, readError });
  }
}

/** The parts of a chain's runs from `first` to `last`. */
const piecesOf = ({ pieces }: Chain, first: number, last: number): Chain["pieces"] =>
  pieces
    .map(({ run, from, to }) => ({ run, from: Math.max(from, first), to: Math.min(to, last) }))
    .filter(({ from, to }) => from <= to);

/** The first sequence of a chain that belongs to no transaction which began before it. */
const afterBroken = ({ from, firstTx }: Chain): number => {
  const [index, count] = firstTx ?? [1, 1];
  return index === 1 ? from : from + (count - index) + 1;
};
