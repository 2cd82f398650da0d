/**
 * Where an answer comes from, and how far it is to be believed.
 *
 *     snapshot:      agrees       differs     agrees
 *     @0 ─────────── @40 ─────────  @80 ───────  @120 ────── @150
 *       verified          divergent      verified     verified       the first one at or above decides, else the last
 *
 * The rule: a hole taints what comes behind it, up to the snapshot that was taken before the loss, and the end of the log where
 * it comes last; what does not replay taints all that comes behind it.
 */
import type { Gap, Provenance, Trust } from "./offline.ts";
import type { Track } from "./track.ts";

/** Where an answer about the state behind `sequence` comes from. */
export const provenanceOf = (track: Track, sequence: number): Provenance => {
  const { boots, log, rows } = track;
  const { base } = log;
  const count = rows.countTo(sequence);
  return {
    sequence,
    at: lastTime(track, count),
    boot: boots.findLast(({ first }) => first <= sequence)?.boot,
    snapshot: base && base.sequence <= sequence ? base : undefined,
    folded: recordsIn(track, count),
    trust: trustOf(track, sequence),
    gaps: log.gaps.filter((gap) => isCrossed(gap, sequence, log.last)),
  };
};

/** At the end of what reads, what is known to be lost behind it counts: the state of the last promise is not there. */
const isCrossed = ({ from }: Pick<Gap, "from">, sequence: number, last: number): boolean =>
  from <= sequence || sequence >= last;

const trustOf = ({ log, compared }: Track, sequence: number): Trust => {
  const { failure, gaps, healedAt, last } = log;
  const decides = compared.find((one) => one.sequence >= sequence) ?? compared.at(-1);
  if ((failure && failure.sequence <= sequence) || (decides?.differing ?? 0) > 0)
    return "divergent";
  const isOpen = gaps.some(({ from }, index) => {
    const healed = healedAt[index] ?? Infinity;
    return isCrossed({ from }, sequence, last) && sequence < healed;
  });
  return isOpen ? "crossed-gap" : "verified";
};

/** The time of the last record among the first `count` rows. */
const lastTime = ({ rows }: Track, count: number): number | undefined => {
  for (let row = count - 1; row >= 0; row--) {
    const at = rows.value("at", row);
    if (!Number.isNaN(at)) return at;
  }
  return undefined;
};

/** How many records the first `count` rows are of: one that changed several entities has several. */
const recordsIn = ({ rows }: Track, count: number): number => {
  const [sequences, times] = [rows.column("sequence"), rows.column("at")];
  let [records, last] = [0, -1];
  for (let row = 0; row < count; row++) {
    const sequence = sequences[row] ?? 0;
    if (sequence === last || Number.isNaN(times[row])) continue;
    last = sequence;
    records += 1;
  }
  return records;
};
