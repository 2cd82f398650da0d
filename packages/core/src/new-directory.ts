/**
 * A directory that is not there, or all there: it is made under another name, and gets its own at the end.
 *
 *     <to>.unfinished-1a2b3c4d/   mark ─ files, each synced ─ folders synced ─ mark removed ─ renamed to <to>
 *
 * The rule: until the rename nothing is under the name that was asked for, and what a crash leaves under the other one
 * is refused by every opening as long as anything in it is missing.
 */
import { basename, dirname, join, resolve } from "node:path";
import { DiskFailedError, errnoOf } from "@taskwal/errors";
import type { Directory, Disk } from "@taskwal/disk";
import { unfinishedCopyName } from "@taskwal/format";
import { diskErrors, isWithin } from "./state-directory.ts";

export interface NewDirectory {
  readonly disk: Disk;
  /** Where what it is made of comes from: never written to. */
  readonly from: string;
  /** Its path: missing or empty, and not within `from`. */
  readonly to: string;
  /** For messages: "fork". */
  readonly operation: string;
  /** Ends it, as long as the directory has not its name: what it gives as its reason is thrown. */
  readonly signal?: AbortSignal | undefined;
}

/** Whether a store can be made there: throws DiskFailedError if `to` is in use or lies in `from`. Reads only. */
export const assertFree = async ({ disk, from, to, operation }: NewDirectory): Promise<void> => {
  const refused = (reason: string, cause?: unknown): DiskFailedError =>
    new DiskFailedError({
      operation: `${operation} into`,
      path: to,
      outcome: "not-written",
      reason,
      cause,
    });
  if (isWithin(from, to)) throw refused("it is, or lies in, the directory that is read");
  let directory: Directory;
  try {
    directory = await disk.openDirectory(to);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return;
    if (errnoOf(error) === "ENOTDIR") throw refused("it is no directory", error);
    throw refused(errnoOf(error) ?? "it cannot be opened", error);
  }
  try {
    if ((await directory.list(".")).length > 0) throw refused("it holds files already");
  } finally {
    await directory.close();
  }
};

/**
 * Durable and complete on return; whatever is thrown, `to` is as it was. `fill` syncs each file that it writes, not the
 * folders. Throws DiskFailedError as `assertFree` and where the disk fails, what `fill` throws, and the signal's reason.
 */
export const makeDirectory = async <T>(
  options: NewDirectory,
  fill: (directory: Directory) => Promise<T>,
): Promise<T> => {
  const { disk, to, operation, signal } = options;
  signal?.throwIfAborted();
  await assertFree(options);
  const path = temporaryPath(disk, to);
  return diskErrors(operation, to, async () => {
    try {
      const made = await fillAt(disk, path, fill, signal);
      await disk.renameDirectory(path, to);
      return made;
    } catch (error) {
      // Best effort: what stays is marked as unfinished. The first error is the one to tell.
      await discard(disk, path).catch(() => {});
      throw error;
    }
  });
};

const fillAt = async <T>(
  disk: Disk,
  path: string,
  fill: (directory: Directory) => Promise<T>,
  signal: AbortSignal | undefined,
): Promise<T> => {
  const directory = await disk.createDirectory(path);
  try {
    await (await directory.create(unfinishedCopyName)).close();
    // Before any file of a store: a part of one must not look whole after a power cut.
    await directory.syncFolder(".");
    const made = await fill(directory);
    for (const folder of await foldersIn(directory)) await directory.syncFolder(folder);
    signal?.throwIfAborted();
    // All of it is durable before the mark goes, and the mark is gone before it has its name.
    await directory.syncFolder(".");
    await directory.remove(unfinishedCopyName);
    await directory.syncFolder(".");
    return made;
  } finally {
    await directory.close();
  }
};

/** Beside it, so that the rename stays within one file system. */
const temporaryPath = (disk: Disk, to: string): string => {
  const token = Buffer.from(disk.randomBytes(4)).toString("hex");
  return join(dirname(resolve(to)), `${basename(resolve(to))}.unfinished-${token}`);
};

const foldersIn = async (directory: Directory): Promise<string[]> => {
  const folders = [];
  for (const name of await directory.list(".")) {
    if ((await directory.stat(name))?.kind === "folder") folders.push(name);
  }
  return folders;
};

/** Takes back what was made; on a full disk its bytes are what others need. The mark goes last. */
const discard = async (disk: Disk, path: string): Promise<void> => {
  const directory = await disk.openDirectory(path);
  for (const folder of await foldersIn(directory)) {
    for (const name of await directory.list(folder)) await directory.remove(`${folder}/${name}`);
    await disk.removeDirectory(join(path, folder));
  }
  const isMark = (name: string): boolean => name === unfinishedCopyName;
  const names = await directory.list(".");
  for (const name of names.toSorted((a, b) => Number(isMark(a)) - Number(isMark(b))))
    await directory.remove(name);
  await directory.close();
  await disk.removeDirectory(path);
};
