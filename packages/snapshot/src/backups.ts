/**
 * Which snapshots there are, and which of the backups stay.
 *
 *     now        1 min      10 min      2 h        1 d       2 w
 *      |n n n|......b.........b.........b..........b..........b......>  age
 *       newest three, then one per stretch of age, ten in all
 *
 * The rule: only names of our own pattern count; the order is that of sequences, never of clocks; one
 * that has grown old stays until an older one takes its place.
 */
import type { Clock, Directory } from "@taskwal/disk";
import { backupName, parseBackupName, stateName, type BackupId } from "@taskwal/format";
import { readSnapshotHead } from "./read-snapshot.ts";

export interface SnapshotFile {
  readonly name: string;
  /** As its first line says; -1 if that does not read. */
  readonly sequence: number;
}

/** state.json and our backups, the highest sequence first; state.json before a backup of the same. */
export const listSnapshots = async (directory: Directory): Promise<SnapshotFile[]> => {
  const names = (await directory.list(".")).filter((name) => name === stateName || parseBackupName(name));
  const files: SnapshotFile[] = [];
  for (const name of names) {
    const reading = await readSnapshotHead(directory, name);
    const named = parseBackupName(name)?.sequence ?? (reading.kind === "other" ? -1 : Infinity);
    files.push({ name, sequence: reading.kind === "ours" ? reading.head.sequence : named });
  }
  const rank = ({ name }: SnapshotFile): number => (name === stateName ? 1 : 0);
  return files.sort((a, b) => b.sequence - a.sequence || rank(b) - rank(a) || (a.name < b.name ? 1 : -1));
};

const newestKept = 3;
/** Beyond the newest three, one backup is kept for each stretch of age up to these, in milliseconds. */
const minute = 60_000;
const stretches = [minute, 10 * minute, 60 * minute, 6 * 60 * minute, 24 * 60 * minute, 7 * 24 * 60 * minute];

/** Which of the backups stay, at most `keep`; the newest of them first. */
export const chooseBackups = (ids: readonly BackupId[], nowMs: number, keep = 10): BackupId[] => {
  const sorted = [...ids].sort((a, b) => b.sequence - a.sequence || b.atMs - a.atMs);
  const kept = new Set(sorted.slice(0, Math.min(newestKept, keep)));
  const rest = sorted.slice(kept.size);
  for (const stretch of [...stretches, Infinity]) {
    const from = stretches[stretches.indexOf(stretch) - 1] ?? (stretch === Infinity ? stretches.at(-1) : 0) ?? 0;
    // The oldest of a stretch is nearest to growing into the next one.
    const candidate = rest.findLast(({ atMs }) => nowMs - atMs >= from && nowMs - atMs < stretch);
    if (candidate && kept.size < keep) kept.add(candidate);
  }
  for (const id of rest) if (kept.size < keep) kept.add(id);
  return sorted.filter((id) => kept.has(id));
};

export interface PrunedBackups {
  readonly kept: readonly BackupId[];
  readonly removed: readonly string[];
  /** The sequence of the oldest that is kept: the log must reach back to it. */
  readonly oldestSequence: number | undefined;
}

/** Removes what is beyond ten, the oldest first. Call it only once the newest snapshot is durable. */
export const pruneBackups = async (
  directory: Directory,
  { clock, keep = 10 }: { readonly clock: Clock; readonly keep?: number },
): Promise<PrunedBackups> => {
  const ids = (await directory.list(".")).flatMap((name) => parseBackupName(name) ?? []);
  const kept = chooseBackups(ids, clock.now(), keep);
  const going = ids.filter((id) => !kept.includes(id)).sort((a, b) => a.sequence - b.sequence);
  const removed = going.map(({ atMs, sequence }) => backupName(atMs, sequence));
  for (const name of removed) await directory.remove(name);
  // Before the log below the oldest is pruned: a backup that came back would find nothing to stand on.
  if (removed.length > 0) await directory.syncFolder(".");
  return { kept, removed, oldestSequence: kept.at(-1)?.sequence };
};
