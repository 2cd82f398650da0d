/**
 * What verifies behind the first irregular byte, as runs: lines that follow each other in the file and
 * in their sequences.
 *
 *     file      |j-1|  k  |j+1 ... k|k+1 ...     line k was copied over line j
 *     runs            [k] [j+1 ............]
 *     chains    j lost    [j+1 ............]     [k] is needed by no sequence: bad
 *
 * The rule: a sequence has what any line for it says, wherever it stands; nothing is decided here.
 */
import type { LogRecord } from "@taskwal/format";
import type { BadStretch, ScannedLine } from "./scan-chunk.ts";
import { mayFollow, type Member } from "./transaction.ts";

/** Lines of one segment that verify, with sequences one after the other. */
export interface Run {
  readonly from: number;
  to: number;
  readonly segment: number;
  readonly startBytes: number;
  endBytes: number;
  readonly firstTx: Member;
  lastTx: Member;
}

/** Where a stretch that verifies as nothing stands between the sequences. */
export interface PlacedStretch extends BadStretch {
  readonly segment: number;
  /** The highest sequence that was seen before it; at least the one before the segment's first. */
  readonly above: number;
  /** The first sequence that was seen behind it; at most the first one of the next segment. */
  next: number;
}

/** A segment, and what sequences it may hold. */
export interface SurveyedSegment {
  readonly index: number;
  readonly first: number;
  readonly lastMax: number;
}

/** Consecutive sequences, from as many runs as it takes. */
export interface Chain {
  readonly pieces: readonly Piece[];
  readonly from: number;
  readonly to: number;
  readonly firstTx: Run["firstTx"];
  readonly lastTx: Run["lastTx"];
}

/** The part of a run that no lower run has already. */
export interface Piece {
  readonly run: Run;
  readonly from: number;
  readonly to: number;
}

export class Survey {
  /** The last sequence that was read before it without a doubt. */
  readonly after: number;
  readonly #runs: Run[] = [];
  readonly #bad: PlacedStretch[] = [];
  #highest: number;
  /** Bad stretches behind which no sequence was seen yet. */
  #open: PlacedStretch[] = [];

  constructor(after: number) {
    this.after = after;
    this.#highest = after;
  }

  /** The highest sequence seen so far. */
  get highest(): number {
    return this.#highest;
  }

  addBad(stretch: BadStretch, segment: SurveyedSegment): void {
    const above = Math.max(this.#highest, segment.first - 1);
    const placed = { ...stretch, segment: segment.index, above, next: segment.lastMax + 1 };
    this.#bad.push(placed);
    this.#open.push(placed);
  }

  /** Notes that this sequence stands behind the bad stretches so far. */
  pass(seq: number): void {
    for (const stretch of this.#open) stretch.next = Math.min(stretch.next, seq);
    this.#open = [];
  }

  addRecord(
    { seq, tx }: LogRecord,
    { startBytes, endBytes }: Pick<ScannedLine, "startBytes" | "endBytes">,
    place: SurveyedSegment,
  ): void {
    if (seq <= this.after) {
      const repeated = { startBytes, endBytes, reason: misplaced, readError: false };
      this.addBad({ kind: "bad", ...repeated }, place);
      return;
    }
    const { index: segment } = place;
    this.pass(seq);
    this.#highest = Math.max(this.#highest, seq);
    const last = this.#runs.at(-1);
    const isNext = last && seq === last.to + 1 && segment === last.segment;
    if (isNext && mayFollow(last.lastTx, tx)) {
      last.to = seq;
      last.endBytes = endBytes;
      last.lastTx = tx;
      return;
    }
    const run = { from: seq, to: seq, segment, startBytes, endBytes, firstTx: tx, lastTx: tx };
    this.#runs.push(run);
  }

  /** Puts the runs into the order of their sequences; what only repeats counts as bad. */
  chains(): { readonly chains: readonly Chain[]; readonly bad: readonly PlacedStretch[] } {
    const bad = [...this.#bad];
    const chains: (Chain & { pieces: Piece[]; to: number; lastTx: Run["lastTx"] })[] = [];
    let highest = this.after;
    // Of two runs that begin alike the longer one: the other is a copy of a part of it.
    const inOrder = this.#runs.toSorted((a, b) => a.from - b.from || b.to - a.to);
    for (const run of inOrder) {
      if (run.to <= highest) {
        bad.push(repeatOf(run, highest));
        continue;
      }
      const piece = { run, from: Math.max(run.from, highest + 1), to: run.to };
      const chain = chains.at(-1);
      // Of a run whose beginning others repeat nobody knows how it goes on.
      const mayJoin = piece.from > run.from || mayFollow(chain?.lastTx, run.firstTx);
      if (chain && chain.to === piece.from - 1 && mayJoin) {
        chain.pieces.push(piece);
        chain.to = run.to;
        chain.lastTx = run.lastTx;
      } else {
        const { from, to } = piece;
        chains.push({ pieces: [piece], from, to, firstTx: run.firstTx, lastTx: run.lastTx });
      }
      highest = run.to;
    }
    return { chains, bad };
  }
}

const misplaced = "a line that does not belong here";

/** A run that others repeat: something was overwritten by it, wherever the sequences that are missing stood. */
const repeatOf = ({ segment, startBytes, endBytes }: Run, highest: number): PlacedStretch => ({
  kind: "bad",
  startBytes,
  endBytes,
  reason: misplaced,
  readError: false,
  segment,
  above: 0,
  next: highest,
});
