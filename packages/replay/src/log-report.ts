/**
 * What reading a whole log found out about its files: which there are, what of them verifies, what is gone.
 *
 *     History ─> segments, holes with where they lie, damaged and torn bytes, what does not replay
 *
 * The rule: numbers and words only, so that it can be kept beside a track; the judgement is the replay's own.
 */
import type { History, HistorySnapshot } from "@taskwal/core";
import type { EntityRef, Gap } from "./offline.ts";

export interface BytesOfFile {
  readonly file: string;
  readonly startBytes: number;
  readonly endBytes: number;
  readonly reason: string;
}

export interface SegmentReport {
  readonly name: string;
  readonly first: number;
  readonly bytes: number;
  /** A later life wrote the same sequences again. */
  readonly overridden: boolean;
}

export interface LogReport {
  readonly store: string | undefined;
  readonly base: HistorySnapshot | undefined;
  /** The last sequence that was read; that of the base if there is no record. */
  readonly last: number;
  readonly segments: readonly SegmentReport[];
  readonly gaps: readonly Gap[];
  /** By gap: from which sequence on a snapshot from before the loss tells what the state was. */
  readonly healedAt: readonly (number | null)[];
  readonly damaged: readonly BytesOfFile[];
  /** What a crash cut off behind the last promise that is found. */
  readonly torn: readonly BytesOfFile[];
  readonly notes: readonly string[];
  /** Entities that lost mutations. */
  readonly lost: readonly EntityRef[];
  /** The first record that the model cannot replay. */
  readonly failure: { readonly sequence: number; readonly message: string } | undefined;
}

export const logReportOf = (history: History): LogReport => {
  const { store, base, last, holes, listing, end, facts, failure } = history;
  const segments = [
    ...listing.segments.map((one) => ({ ...one, overridden: false })),
    ...listing.overridden.map((one) => ({ ...one, overridden: true })),
  ];
  return {
    store,
    base,
    last,
    segments: segments.map(({ name, id, sizeBytes: bytes, overridden }) => ({
      name,
      first: id.first,
      bytes,
      overridden,
    })),
    gaps: gapsOf(history),
    healedAt: holes.map((hole) => hole.healedAt ?? null),
    damaged: end.damaged,
    torn: end.torn.map(({ file, startBytes, endBytes }) => {
      return { file, startBytes, endBytes, reason: "a crash cut it off" };
    }),
    notes: end.notes,
    lost: facts.lostVersions.map(({ entity, id }) => ({ entity, id })),
    failure: failure && { sequence: failure.sequence, message: failure.message },
  };
};

const recordedReason = "it was lost before this store was made of what was left";

const gapsOf = ({ holes, end, listing }: History): Gap[] =>
  holes.map(({ first, last, recorded }) => {
    if (recorded) return { kind: "gap", from: first, to: last, reason: recordedReason, recorded };
    const segment = listing.segments.findLast(({ id }) => id.first <= first);
    const bytes = end.damaged.filter(({ file }) => file === segment?.name);
    const [damaged] = bytes;
    const only = bytes.length === 1 ? damaged : undefined;
    return {
      kind: "gap",
      from: first,
      to: last,
      reason: only?.reason ?? "no line that verifies holds it",
      ...(segment && { file: segment.name }),
      ...(only && { bytes: [only.startBytes, only.endBytes] as const }),
    };
  });
