/**
 * Removes the backups that are one too many, once the newest snapshot is durable.
 *
 * The rule: only names of our own pattern; the oldest first, so that a crash in between leaves what a
 * later pruning would have left.
 */
import { errnoOf } from "@taskwal/errors";
import type { Clock, Directory } from "@taskwal/disk";
import { backupName, parseBackupName, type BackupId } from "@taskwal/format";
import { backupsKept, chooseBackups } from "./choose-backups.ts";

export interface PruneOptions {
  readonly clock: Clock;
  /** How many stay: 3 at least. Default 10. */
  readonly keep?: number;
}

export interface PrunedBackups {
  /** The newest first. */
  readonly kept: readonly BackupId[];
  /** Names, in the order of removal. */
  readonly removed: readonly string[];
  /** The sequence of the oldest that is kept: the log must reach back to it. */
  readonly oldestSequence: number | undefined;
}

/**
 * Call it only after saveSnapshot returned. The removals are durable on return. Throws errors of the
 * disk: then some of what was chosen may be gone, and the next call goes on.
 */
export const pruneBackups = async (
  directory: Directory,
  { clock, keep = backupsKept }: PruneOptions,
): Promise<PrunedBackups> => {
  const ids = (await directory.list(".")).flatMap((name) => parseBackupName(name) ?? []);
  const kept = chooseBackups(ids, clock.now(), keep);
  const going = new Set(ids);
  for (const id of kept) going.delete(id);
  const removed = [...going]
    .sort((a, b) => a.sequence - b.sequence || a.atMs - b.atMs)
    .map(({ atMs, sequence }) => backupName(atMs, sequence));
  for (const name of removed) await removeBackup(directory, name);
  // Before the log below the oldest is pruned: a backup that a power cut brought back would have
  // nothing to stand on.
  if (removed.length > 0) await directory.syncFolder(".");
  return { kept, removed, oldestSequence: kept.at(-1)?.sequence };
};

const removeBackup = async (directory: Directory, name: string): Promise<void> => {
  try {
    await directory.remove(name);
  } catch (error) {
    // Somebody was faster: backups are people's to remove.
    if (errnoOf(error) !== "ENOENT") throw error;
  }
};
