/**
 * Which snapshots there are: state.json and our backups, by what their first lines say.
 *
 * The rule: only names of our own pattern count (a user's state.backup.a.json, a leftover *.tmp do not),
 * and the order is that of sequences, never of clocks.
 */
import { errnoOf } from "@taskwal/errors";
import type { Directory } from "@taskwal/disk";
import { parseBackupName, stateName, type BackupId } from "@taskwal/format";
import { readSnapshotHead } from "./read-snapshot.ts";
import type { HeadReading, SnapshotHead } from "./snapshot-format.ts";

export interface SnapshotFile {
  readonly name: string;
  /** What its name says; undefined for state.json. */
  readonly backup: BackupId | undefined;
  /** What its first line says, unverified; undefined if that does not read. */
  readonly head: SnapshotHead | undefined;
  /** Of its first line, else of its name; -1 if neither tells. */
  readonly sequence: number;
}

/**
 * The highest sequence first; of equal ones state.json, then the later backup. What tells no sequence
 * (damaged in its head, or of a newer format) comes before all: it must be looked at before an older one
 * is believed. Throws errors of the disk, but not EIO of a first line: whoever reads the file meets it.
 */
export const listSnapshots = async (directory: Directory): Promise<SnapshotFile[]> => {
  const files: SnapshotFile[] = [];
  for (const name of await directory.list(".")) {
    const backup = parseBackupName(name);
    if (name === stateName || backup) files.push(await snapshotFile(directory, name, backup));
  }
  return files.sort(newestFirst);
};

const snapshotFile = async (
  directory: Directory,
  name: string,
  backup: BackupId | undefined,
): Promise<SnapshotFile> => {
  const reading = await readHead(directory, name);
  const head = reading?.kind === "ours" ? reading.head : undefined;
  // A newer format is refused, never answered by falling back: so it comes first, whatever its name.
  const named = reading?.kind === "newer" ? undefined : backup?.sequence;
  return { name, backup, head, sequence: head?.sequence ?? named ?? -1 };
};

const readHead = async (directory: Directory, name: string): Promise<HeadReading | undefined> => {
  try {
    return await readSnapshotHead(directory, name);
  } catch (error) {
    if (errnoOf(error) === "EIO") return undefined;
    throw error;
  }
};

const newestFirst = (a: SnapshotFile, b: SnapshotFile): number => {
  const orders = [sequenceOrder(b) - sequenceOrder(a), timeOrder(b) - timeOrder(a)];
  return orders.find((order) => order !== 0) ?? 0;
};

const sequenceOrder = ({ sequence }: SnapshotFile): number =>
  sequence < 0 ? Number.MAX_VALUE : sequence;

const timeOrder = ({ backup }: SnapshotFile): number => backup?.atMs ?? Number.MAX_VALUE;
