/**
 * The directory of a store, looked at before anything in it is touched.
 *
 *     it holds                                    verdict
 *     nothing (dot files aside), or is missing    a new store
 *     wal/ or LOCK, or a snapshot of ours         a store
 *     a state of the layout that we import        a store, if the caller imports
 *     the mark of an unfinished copy              refused: it is not all there
 *     anything else                               refused: it belongs to another program
 */
import {
  CorruptError,
  DiskFailedError,
  errnoOf,
  StoreError,
  UnsupportedFormatError,
} from "@taskwal/errors";
import { isAbsolute, relative, sep } from "node:path";
import { realPath, type Directory, type Disk } from "@taskwal/disk";
import {
  limits,
  lockName,
  parseBackupName,
  quarantineFolder,
  recoveryFolder,
  stateName,
  unfinishedCopyName,
  walFolder,
} from "@taskwal/format";
import { readSnapshotHead } from "@taskwal/snapshot";
import type { Logger } from "./events.ts";

/** What this process knows of the store that it opens again. */
export interface KnownStore {
  readonly store: string;
  /** The last sequence that was acknowledged. */
  readonly durable: number;
}

export interface DirectoryOptions {
  readonly disk: Disk;
  readonly dir: string;
  readonly allowNetworkFileSystem: boolean;
  readonly acceptLegacy: boolean;
  /** Undefined for a first opening. */
  readonly known: KnownStore | undefined;
  readonly logger: Logger | undefined;
}

/** Opens the directory, creating it if it is missing and was not known before. Throws UnsupportedFormatError, CorruptError, DiskFailedError. */
export const openStateDirectory = async (options: DirectoryOptions): Promise<Directory> => {
  const { disk, dir, acceptLegacy, known } = options;
  const directory = await diskErrors("open", dir, () =>
    known ? disk.openDirectory(dir) : disk.createDirectory(dir),
  );
  try {
    return await diskErrors("open", dir, async () => {
      await assertLocal(directory, options.allowNetworkFileSystem);
      await assertOurs(directory, acceptLegacy);
      // Removed and made anew, or a volume that is no longer mounted.
      if (known && !(await directory.stat(walFolder))) assertKnown(directory, known, undefined);
      await warnAboutModes(directory, options.logger);
      return directory;
    });
  } catch (error) {
    await directory.close();
    throw error;
  }
};

/** Opens an existing store's directory for reading only. Throws as above; a missing one is DiskFailedError. */
export const openForReading = async (
  options: Pick<DirectoryOptions, "disk" | "dir">,
): Promise<Directory> => {
  const { disk, dir } = options;
  const directory = await diskErrors("open", dir, () => disk.openDirectory(dir));
  try {
    await diskErrors("open", dir, () => assertOurs(directory, false));
    return directory;
  } catch (error) {
    await directory.close();
    throw error;
  }
};

/** Whether `path` is `dir` or lies in it, also by way of symbolic links. */
export const isWithin = (dir: string, path: string): boolean => {
  const within = relative(realPath(dir), realPath(path));
  return within !== ".." && !within.startsWith(`..${sep}`) && !isAbsolute(within);
};

/** Runs `work`; an error of the operating system becomes DiskFailedError, any other passes through. */
export const diskErrors = async <T>(
  operation: string,
  path: string,
  work: () => Promise<T>,
): Promise<T> => {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof StoreError || errnoOf(cause) === undefined) throw cause;
    throw new DiskFailedError({ operation, path, outcome: "not-written", cause });
  }
};

/** Throws DiskFailedError: an empty store in the place of the one that was open here would look like one that lost everything. */
export const assertKnown = (
  { path }: Directory,
  known: KnownStore | undefined,
  found: string | undefined,
): void => {
  if (!known || found === known.store) return;
  const reason = "it no longer holds the store that was open here; put that back, then reopen";
  throw new DiskFailedError({ operation: "open", path, outcome: "not-written", reason });
};

const assertLocal = async (directory: Directory, allowed: boolean): Promise<void> => {
  const { name, network } = await directory.fileSystem();
  if (!network || allowed) return;
  throw new DiskFailedError({
    operation: "trust",
    path: directory.path,
    outcome: "not-written",
    reason: `it is on a network file system (${name}), where locks and syncs cannot be relied on`,
  });
};

const ours = new Set([walFolder, lockName, quarantineFolder, recoveryFolder]);

const assertOurs = async (directory: Directory, acceptLegacy: boolean): Promise<void> => {
  const names = (await directory.list(".")).filter((name) => !name.startsWith("."));
  if (names.includes(unfinishedCopyName)) throw unfinishedCopy(directory);
  if (names.length === 0 || names.includes(walFolder)) return;
  if (names.some((name) => ours.has(name) && name !== lockName)) return;
  for (const name of names) {
    if (name !== stateName && !parseBackupName(name)) continue;
    const head = await readSnapshotHead(directory, name);
    if (head.kind === "ours") return;
    if (head.kind === "newer") throw unsupported(directory, name, `snapshot format ${head.format}`);
  }
  if (acceptLegacy || names.every((name) => name === lockName)) return;
  if (names.includes(stateName))
    throw unsupported(directory, stateName, "the state of another program");
  throw unsupported(directory, ".", "files of another program and no store");
};

const unfinishedCopy = ({ path }: Directory): CorruptError =>
  new CorruptError({
    file: `${path}/${unfinishedCopyName}`,
    reason: "the directory is a copy that was cut short; copy the store again, elsewhere",
  });

const unsupported = (directory: Directory, name: string, found: string): UnsupportedFormatError =>
  new UnsupportedFormatError({
    file: name === "." ? directory.path : `${directory.path}/${name}`,
    found,
    supported: `stores of format ${limits.formatVersion}`,
  });

/** Others on the machine can read the state: said once an opening, changed never. */
const warnAboutModes = async (directory: Directory, logger: Logger | undefined): Promise<void> => {
  const stat = await directory.stat(".");
  if (!stat || (stat.mode & 0o077) === 0) return;
  const mode = `0${stat.mode.toString(8)}`;
  logger?.warn(
    { path: directory.path, mode },
    "the state directory is open to others; 0700 keeps it private",
  );
};
