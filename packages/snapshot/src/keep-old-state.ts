/**
 * Gives the old state.json a second name before a new one takes its first.
 *
 *     it is what we last wrote or read     ─>  state.backup.<its time>-<its sequence>.json
 *     anything else (edited, replaced,     ─>  quarantine/state.<now>-<its sequence>.json
 *     damaged, of another store)
 *
 * The rule: nothing that stood under the name state.json is ever lost, and a backup is always a snapshot
 * that this store wrote.
 */
import { errnoOf } from "@taskwal/errors";
import { folderOf, type Clock, type Directory, type FileStat } from "@taskwal/disk";
import { backupName, legacyFolder, quarantineFolder, stateName, timeStamp } from "@taskwal/format";
import { copyFile } from "./copy-file.ts";
import { currentState, isSameState, type KnownState } from "./known-state.ts";
import { readSnapshotHead, verifySnapshot } from "./read-snapshot.ts";
import { triesMax, unstable } from "./save-names.ts";
import type { HeadReading, SnapshotHead } from "./snapshot-format.ts";

export interface KeepOptions {
  readonly clock: Clock;
  readonly previous: KnownState | undefined;
  /** Of the snapshot that is to take the place. */
  readonly head: Pick<SnapshotHead, "store" | "sequence">;
}

export interface KeptState {
  /** The name of the backup that holds the old state.json. */
  readonly backup: string | undefined;
  /** The name under which a state.json that was not ours was set aside. */
  readonly quarantined: string | undefined;
}

/**
 * On return state.json may be replaced at once. A backup's name is durable once "." is synced, one in
 * quarantine/ is durable already. Throws errors of the disk, and EBUSY if somebody keeps changing it.
 */
export const keepOldState = async (
  directory: Directory,
  options: KeepOptions,
): Promise<KeptState> => {
  let kept: KeptState = { backup: undefined, quarantined: undefined };
  for (let tried = 0; tried < triesMax; tried++) {
    const stat = await directory.stat(stateName);
    if (!stat) return kept;
    const head = await ourHead(directory, stat, options);
    kept = head
      ? { ...kept, backup: await linkBackup(directory, stat, head) }
      : { ...kept, quarantined: await quarantine(directory, stat, options.clock) };
    // An editor may have saved while we linked: what it wrote has no second name yet.
    const now = directory.statSync(stateName);
    if (!now || isSameState(stat, now)) return kept;
    kept = await withdrawBackup(directory, kept, now);
  }
  throw unstable(stateName);
};

/** The head of the old state.json, or undefined if it must not become a backup. */
const ourHead = async (
  directory: Directory,
  stat: FileStat,
  { previous, head: { store, sequence } }: KeepOptions,
): Promise<SnapshotHead | undefined> => {
  if (stat.kind !== "file") return undefined;
  const known = currentState(directory, previous);
  if (known && !isSameState(known, stat)) return undefined;
  const head = await headOf(directory, known !== undefined);
  // A higher sequence is a state that the log knows nothing of: recovery would build on it.
  return head && head.store === store && head.sequence <= sequence ? head : undefined;
};

/** A file that we did not write or read whole in this life is believed only by its checksum. */
const headOf = async (
  directory: Directory,
  isKnown: boolean,
): Promise<SnapshotHead | undefined> => {
  try {
    if (!isKnown) {
      const verified = await verifySnapshot(directory, stateName);
      return verified.ok ? verified.head : undefined;
    }
    const reading = await readSnapshotHead(directory, stateName);
    return reading.kind === "ours" ? reading.head : undefined;
  } catch (error) {
    // A bad sector in the old state.json must not keep a good one from taking its place.
    if (errnoOf(error) === "EIO") return undefined;
    throw error;
  }
};

/** An import has given it a second name already. */
const isKeptByImport = async (directory: Directory, { links, inode }: FileStat): Promise<boolean> =>
  links > 1 && (await directory.stat(`${legacyFolder}/${stateName}`))?.inode === inode;

const linkBackup = async (
  directory: Directory,
  stat: FileStat,
  { last_saved, sequence }: SnapshotHead,
): Promise<string> => {
  for (let atMs = Date.parse(last_saved); ; atMs += 1) {
    const name = backupName(atMs, sequence);
    const taken = await directory.stat(name);
    if (taken ? taken.inode === stat.inode : await giveName(directory, stat, name)) return name;
    // After a crash between link and rename, state.json was re-made as a copy of this very backup.
    if (taken && (await isSameSnapshot(directory, name))) return name;
  }
};

const isSameSnapshot = async (directory: Directory, backup: string): Promise<boolean> => {
  const kept = await verifySnapshot(directory, backup);
  const old = await verifySnapshot(directory, stateName);
  return kept.ok && old.ok && kept.sha256 === old.sha256;
};

/** Takes a backup back, if there is one, that turned out to share its bytes with what somebody is editing. */
const withdrawBackup = async (
  directory: Directory,
  kept: KeptState,
  now: FileStat,
): Promise<KeptState> => {
  const { backup } = kept;
  if (backup === undefined || (await directory.stat(backup))?.inode !== now.inode) return kept;
  await directory.remove(backup);
  return { ...kept, backup: undefined };
};

const quarantine = async (
  directory: Directory,
  stat: FileStat,
  clock: Clock,
): Promise<string | undefined> => {
  if (await isKeptByImport(directory, stat)) return undefined;
  await directory.createFolder(quarantineFolder);
  // A power cut must not take the folder away together with the only name of what is set aside.
  await directory.syncFolder(".");
  const name =
    (await findInQuarantine(directory, stat)) ?? (await linkIntoQuarantine(directory, stat, clock));
  // Before the rename: afterwards this is the only name of bytes that somebody may miss.
  await directory.syncFolder(quarantineFolder);
  return name;
};

/** A save that failed after this step has set the same file aside before. */
const findInQuarantine = async (
  directory: Directory,
  stat: FileStat,
): Promise<string | undefined> => {
  for (const leaf of await directory.list(quarantineFolder)) {
    const name = `${quarantineFolder}/${leaf}`;
    if ((await directory.stat(name))?.inode === stat.inode) return name;
  }
  return undefined;
};

const linkIntoQuarantine = async (
  directory: Directory,
  stat: FileStat,
  clock: Clock,
): Promise<string> => {
  const reading = stat.kind === "file" ? await readHeadIfReadable(directory) : undefined;
  const sequence = reading?.kind === "ours" ? reading.head.sequence : 0;
  for (let atMs = clock.now(); ; atMs += 1) {
    const name = `${quarantineFolder}/state.${timeStamp(atMs)}-${sequence}.json`;
    if (!(await directory.stat(name)) && (await giveName(directory, stat, name))) return name;
  }
};

const readHeadIfReadable = async (directory: Directory): Promise<HeadReading | undefined> => {
  try {
    return await readSnapshotHead(directory, stateName);
  } catch (error) {
    if (errnoOf(error) === "EIO") return undefined;
    throw error;
  }
};

/** Answers of file systems that have no hard links, or none more for this file, or none to that folder. */
const noLinks: ReadonlySet<string> = new Set(
  "EPERM ENOTSUP EOPNOTSUPP ENOSYS EMLINK EXDEV".split(" "),
);

/** Gives state.json the second name `to`: a hard link, else a durable copy. False if the name is taken. */
const giveName = async (directory: Directory, stat: FileStat, to: string): Promise<boolean> => {
  // Somebody's own hard link: what is edited there must not reach a backup.
  if (stat.links > 1 && folderOf(to) === ".") return copied(directory, to);
  try {
    await directory.link(stateName, to);
    return true;
  } catch (error) {
    if (errnoOf(error) === "EEXIST") return false;
    if (!noLinks.has(errnoOf(error) ?? "")) throw error;
    return copied(directory, to);
  }
};

const copied = async (directory: Directory, to: string): Promise<boolean> => {
  await copyFile(directory, stateName, to);
  return true;
};
