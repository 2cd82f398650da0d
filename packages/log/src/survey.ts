/**
 * Judges a survey: turns runs of verified lines into what is kept, lost, torn and damaged.
 *
 *     after          D
 *     |  run 1  |hole|  run 2  |hole|  run 3
 *       kept     lost  kept up to D, then torn (last segment) or damaged (an earlier one)
 *
 * The rule: every decision is a row of verdict.ts; this file only counts and cuts.
 */
import type { BadStretch } from "./scan-segment.ts";
import { verdictOf } from "./verdict.ts";

/** Sequences, both ends included. */
export type Range = readonly [first: number, last: number];

/** Lines of one segment that verify, with sequences one after the other. */
export interface Run {
  readonly from: number;
  to: number;
  readonly segment: number;
  readonly startBytes: number;
  endBytes: number;
  readonly firstTx: readonly [number, number] | undefined;
  lastTx: readonly [number, number] | undefined;
}

export type PlacedStretch = BadStretch & { readonly segment: number };

export interface Survey {
  readonly runs: Run[];
  readonly bad: PlacedStretch[];
}

export type JudgedStep =
  | {
      readonly kind: "kept" | "dropped";
      readonly run: Run;
      readonly first: number;
      readonly last: number;
    }
  | { readonly kind: "lost"; readonly first: number; readonly last: number };

export interface Judged {
  readonly steps: readonly JudgedStep[];
  readonly lost: readonly Range[];
  readonly dropped: readonly Range[];
  /** Verified lines that are not kept. */
  readonly cuts: readonly Cut[];
  /** Bytes that do not verify. */
  readonly torn: readonly PlacedStretch[];
  readonly damaged: readonly PlacedStretch[];
}

/** Records of a run that are set aside, though their lines verify. */
export interface Cut {
  readonly kind: "torn" | "damaged";
  readonly run: Run;
  readonly first: number;
  readonly last: number;
}

export interface JudgeFacts {
  /** The last sequence that was read without a doubt. */
  readonly after: number;
  /** D. */
  readonly durable: number;
  /** Index of the last segment. */
  readonly lastSegment: number;
}

export const judge = (survey: Survey, facts: JudgeFacts): Judged =>
  new Judge(survey, facts).judged();

class Judge {
  readonly #survey: Survey;
  readonly #facts: JudgeFacts;
  readonly #steps: JudgedStep[] = [];
  readonly #lost: Range[] = [];
  readonly #dropped: Range[] = [];
  readonly #cuts: Cut[] = [];
  #cursor: number;
  #hole = false;

  constructor(survey: Survey, facts: JudgeFacts) {
    this.#survey = survey;
    this.#facts = facts;
    this.#cursor = facts.after + 1;
  }

  judged(): Judged {
    for (const run of this.#survey.runs) {
      this.#missing(run.from - 1);
      this.#run(run);
    }
    this.#missing(this.#facts.durable);
    const bytes = this.#survey.bad.map((stretch) => ({
      stretch,
      verdict: this.#verdictOfBytes(stretch),
    }));
    const of = (verdict: string): PlacedStretch[] =>
      bytes.filter((entry) => entry.verdict === verdict).map((entry) => entry.stretch);
    return {
      steps: this.#steps,
      lost: this.#lost,
      dropped: this.#dropped,
      cuts: this.#cuts,
      torn: of("torn"),
      damaged: of("damaged"),
    };
  }

  #segmentOf(index: number): "last" | "earlier" {
    return index >= this.#facts.lastSegment ? "last" : "earlier";
  }

  /** Nothing verifies from the cursor up to `last`. */
  #missing(last: number): void {
    if (this.#cursor > last) return;
    this.#hole = true;
    const promisedLast = Math.min(last, this.#facts.durable);
    if (this.#cursor <= promisedLast) {
      this.#lost.push([this.#cursor, promisedLast]);
      this.#steps.push({ kind: "lost", first: this.#cursor, last: promisedLast });
    }
    this.#cursor = last + 1;
  }

  #run(run: Run): void {
    // A run begins behind a hole: a transaction that began before it lost its first members.
    const first = Math.min(run.to + 1, afterBroken(run));
    const last = Math.max(first - 1, run.to - unfinished(run.lastTx));
    this.#drop(run, run.from, first - 1);
    this.#keepOrCut(run, first, last);
    if (last < run.to) {
      this.#drop(run, last + 1, run.to);
      this.#hole = true;
    }
    this.#cursor = run.to + 1;
  }

  #keepOrCut(run: Run, first: number, last: number): void {
    if (first > last) return;
    const { durable } = this.#facts;
    const verdict = (sequence: number): string =>
      verdictOf({
        promised: sequence <= durable,
        valid: true,
        whole: !this.#hole,
        segment: this.#segmentOf(run.segment),
        readError: false,
      });
    const cut = verdict(last) === "kept" ? last : Math.min(last, durable);
    if (cut >= first) this.#steps.push({ kind: "kept", run, first, last: cut });
    if (cut < last) this.#cut(run, Math.max(first, cut + 1), last);
  }

  /** Members of a transaction that lost another member: dropped whole. */
  #drop(run: Run, first: number, last: number): void {
    if (first > last) return;
    if (last > this.#facts.durable) {
      this.#cut(run, first, last);
      return;
    }
    this.#dropped.push([first, last]);
    this.#steps.push({ kind: "dropped", run, first, last });
  }

  #cut(run: Run, first: number, last: number): void {
    if (first > last) return;
    const kind = this.#segmentOf(run.segment) === "last" ? "torn" : "damaged";
    this.#cuts.push({ kind, run, first, last });
  }

  /** Bytes that verify as nothing: torn if all that was promised stands before them in the last segment. */
  #verdictOfBytes(stretch: PlacedStretch): string {
    const { durable, after } = this.#facts;
    const later = this.#survey.runs.some(
      (run) =>
        run.from <= durable &&
        (run.segment > stretch.segment ||
          (run.segment === stretch.segment && run.startBytes >= stretch.endBytes)),
    );
    const promisedMissing = this.#lost.length > 0 || durable > Math.max(after, this.#cursor - 1);
    const promised = later || promisedMissing;
    return verdictOf({
      promised: false,
      valid: false,
      whole: false,
      segment: promised ? "earlier" : this.#segmentOf(stretch.segment),
      readError: stretch.readError,
    });
  }
}

/** The first sequence of a run that belongs to no transaction which began before it. */
const afterBroken = (run: Run): number => {
  const [index, count] = run.firstTx ?? [1, 1];
  return index === 1 ? run.from : run.from + (count - index) + 1;
};

/** Members at the end of a run whose transaction goes on beyond it. */
const unfinished = (tx: readonly [number, number] | undefined): number =>
  tx && tx[0] < tx[1] ? tx[0] : 0;
