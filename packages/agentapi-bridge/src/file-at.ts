/**
 * One file by its path, where there is no directory that stays open: agentapi's own, which may lie anywhere.
 *
 * The rule: what cannot be read as a file is undefined; what is written replaces the old bytes whole, and durably.
 */
import { basename, dirname } from "node:path";
import { readWhole, replaceFile } from "@taskwal/disk";
import type { Directory, Disk } from "@taskwal/disk";
import { errnoOf } from "@taskwal/errors";

/** agentapi's whole conversation, and more than a conversation is. */
const fileBytesMax = 1 << 28;

/** The bytes of a file; undefined where there is none, or none that can be read. */
export const readFileAt = async (disk: Disk, path: string): Promise<Uint8Array | undefined> => {
  try {
    return await within(disk.openDirectory(dirname(path)), (directory) =>
      readWhole(directory, basename(path), fileBytesMax),
    );
  } catch {
    return undefined;
  }
};

/** Creates the directory if it is missing. What is no file in its place goes aside first. Throws what the disk throws. */
export const writeFileAt = (disk: Disk, path: string, bytes: Uint8Array): Promise<void> =>
  within(disk.createDirectory(dirname(path)), async (directory) => {
    const name = basename(path);
    // agentapi could not replace a folder either.
    if ((await directory.stat(name))?.kind === "folder") {
      await directory.rename(name, `${name}.folder`);
    }
    await replaceFile(directory, name, bytes);
  });

/** Nothing happens where there is none. Throws what else the disk throws. */
export const removeFileAt = async (disk: Disk, path: string): Promise<void> => {
  try {
    await within(disk.openDirectory(dirname(path)), (directory) =>
      directory.remove(basename(path)),
    );
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw error;
  }
};

/** Works in a directory, which is closed afterwards, whatever came of it. */
export const within = async <T>(
  opening: Promise<Directory>,
  work: (directory: Directory) => Promise<T>,
): Promise<T> => {
  const directory = await opening;
  try {
    return await work(directory);
  } finally {
    await directory.close();
  }
};
