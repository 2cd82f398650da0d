/**
 * Puts a new state.json in place of the old one, which becomes a backup.
 *
 *     tmp ─ written in slices ─ size checked ─ sync ─ old one kept ─ rename ─ sync folder ─ (prune)
 *                                                     backup or quarantine
 *
 * The rule: at no instant is there no valid state.json, and nothing is removed before the new one is
 * durable.
 */
import type { Clock, Directory, File } from "@taskwal/disk";
import { stateName } from "@taskwal/format";
import { assertSize, removeIfThere } from "./copy-file.ts";
import { keepOldState, type KeptState } from "./keep-old-state.ts";
import { noteReplacement, type KnownState } from "./known-state.ts";
import { temporaryName, unstable } from "./save-names.ts";
import { checksumLine, type SnapshotSource } from "./snapshot-format.ts";
import { assertSource, snapshotText } from "./snapshot-text.ts";
import { writeSliced, type SliceOptions, type WrittenText } from "./write-sliced.ts";

export interface SaveOptions {
  readonly clock: Clock;
  /**
   * The state.json that was written or read whole last, in this life of the process: `stat` of the last
   * SavedSnapshot or of a reading of state.json that was ok. Undefined if there is none: then what
   * stands there is verified first.
   */
  readonly previous: KnownState | undefined;
  /** Told why the old state.json could not be kept, before the save is given up for it. */
  readonly onBackupFailed?: (error: unknown) => void;
  /** How long the event loop may be held at a time, in milliseconds. Default 2. */
  readonly sliceMs?: number;
}

export interface SavedSnapshot extends KeptState {
  readonly sequence: number;
  readonly sizeBytes: number;
  /** Of everything before the checksum line, hex: what that line says. */
  readonly sha256: string;
  /** The state.json that was put in place: the next `previous`. */
  readonly stat: KnownState;
}

const sliceMsDefault = 2;

/**
 * Durable on return. `source` is walked while others have their turns; its iterables must be a view that
 * does not change. One save at a time.
 *
 * Whatever it throws, a valid state.json stands there: the old one, or (only if the last sync failed) the
 * new one, and all backups are as they were. Errors of the disk pass through; EBUSY if somebody
 * keeps changing state.json; RangeError if an entity is longer than a text can be; errors of `source`.
 */
export const saveSnapshot = async (
  directory: Directory,
  source: SnapshotSource,
  { clock, previous, onBackupFailed, sliceMs = sliceMsDefault }: SaveOptions,
): Promise<SavedSnapshot> => {
  assertSource(source);
  const { written, stat, kept } = await prepared(directory, async () => {
    const written = await writeTemporary(directory, source, { clock, sliceMs });
    const stat = await directory.stat(temporaryName);
    if (stat?.sizeBytes !== written.sizeBytes) throw unstable(stateName);
    const keeping = keepOldState(directory, { clock, previous, head: source.head });
    const kept = await keeping.catch((error: unknown) => {
      onBackupFailed?.(error);
      throw error;
    });
    // Right after the look at the old one in there: what an editor saves in between would be lost.
    await directory.rename(temporaryName, stateName);
    return { written, stat, kept };
  });
  noteReplacement(directory, previous, stat);
  // The new name, and the backup's with it: a power cut would bring the old state.json back after older
  // backups, or the log that it needs, are gone.
  await directory.syncFolder(".");
  const { inode, sizeBytes, modified } = stat;
  const { sequence } = source.head;
  return { sequence, ...written, stat: { inode, sizeBytes, modified }, ...kept };
};

/** Takes the temporary file away if `work` fails: on a full disk its bytes are what the log needs. */
const prepared = async <T>(directory: Directory, work: () => Promise<T>): Promise<T> => {
  try {
    return await work();
  } catch (error) {
    // Best effort, and the first error is the one to tell: the next save removes what stays.
    await removeIfThere(directory, temporaryName).catch(() => undefined);
    throw error;
  }
};

const writeTemporary = async (
  directory: Directory,
  source: SnapshotSource,
  options: SliceOptions,
): Promise<WrittenText> => {
  await removeIfThere(directory, temporaryName);
  const file: File = await directory.create(temporaryName);
  try {
    const written = await writeSliced(file, snapshotText(source), checksumLine, options);
    await assertSize(file, written.sizeBytes);
    // Before the rename: without it a power cut can leave the new name with no bytes behind it.
    await file.sync();
    return written;
  } finally {
    await file.close();
  }
};
