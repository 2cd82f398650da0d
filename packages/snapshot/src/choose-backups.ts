/**
 * Which backups stay: a pure decision.
 *
 *     now     1 min        10 min         2 h          1 d          5 d
 *      |n n n···b·····b······b······b······b······b······b···········>  age, on a logarithmic scale
 *       newest three, then seven with about the same distance on that scale
 *
 * While there are too many, the one goes whose neighbours are closest to each other on that scale: so a
 * backup that was made a minute ago must soon give way, and one that has grown old is rarely between
 * close ones. The oldest goes only once the next one is old enough to stand for it, so that the log,
 * which must reach back to it, does not grow for ever.
 *
 * The rule: the order is that of sequences, and clocks only tell ages; a wrong time costs at most the
 * backup that carries it and one neighbour's place, never the newest three.
 */
import type { BackupId } from "@taskwal/format";

export const backupsKept = 10;

const newestKept = 3;
/** Younger ones count as this old: the logarithm of less says nothing, and a clock may have stepped back. */
const ageMsMin = 1_000;
/** An oldest backup gives way once the next one has this age. */
const oldestAgeMs = 3 * 24 * 60 * 60 * 1_000;

/** Those that stay, the newest first: at most `keep` (3 at least, whatever it says). */
export const chooseBackups = (
  ids: readonly BackupId[],
  nowMs: number,
  keep: number = backupsKept,
): BackupId[] => {
  const kept = [...ids].sort((a, b) => b.sequence - a.sequence || b.atMs - a.atMs);
  while (kept.length > Math.max(keep, newestKept)) kept.splice(superfluous(kept, nowMs), 1);
  return kept;
};

/** The position of the one that says least. */
const superfluous = (newestFirst: readonly BackupId[], nowMs: number): number => {
  const ages = newestFirst.map(({ atMs }) => Math.max(ageMsMin, nowMs - atMs));
  const oldest = ages.length - 1;
  const nextAgeMs = ages[oldest - 1] ?? 0;
  let found = oldest;
  let least = nextAgeMs >= oldestAgeMs ? 0 : Infinity;
  for (let at = newestKept; at < oldest; at++) {
    const ratio = (ages[at + 1] ?? 1) / (ages[at - 1] ?? 1);
    const distance = Math.abs(Math.log(ratio));
    if (distance < least) [found, least] = [at, distance];
  }
  return found;
};
