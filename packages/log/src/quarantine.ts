/**
 * Bytes that recovery sets aside, under `quarantine/`: torn ones as copies (few bytes), damaged
 * segments as hard links. Nothing is moved: the originals stay where they are.
 *
 * The rule: torn bytes have a budget, and the oldest of them go first; damaged bytes are the user's.
 */
import { errnoOf } from "@taskwal/errors";
import { readWhole, replaceFile, type Directory } from "@taskwal/disk";
import { quarantineFolder } from "@taskwal/format";
import type { DamagedBytes } from "./replay-result.ts";

const tornBytesMax = 16 * 1024 * 1024;
const tornFilesMax = 64;

const baseName = (name: string): string => name.slice(name.lastIndexOf("/") + 1);

/** Copies torn bytes aside and returns the names of the copies; durable on return. */
export const quarantineTorn = async (
  directory: Directory,
  torn: readonly DamagedBytes[],
): Promise<string[]> => {
  if (torn.length === 0) return [];
  await ensureQuarantine(directory);
  const names: string[] = [];
  for (const { file, startBytes, endBytes } of torn) {
    const name = `${quarantineFolder}/${baseName(file)}.${startBytes}-${endBytes}.torn`;
    const endMax = Math.min(endBytes, startBytes + tornBytesMax);
    if (!(await directory.stat(name))) {
      await replaceFile(directory, name, await readRange(directory, file, startBytes, endMax));
    }
    names.push(name);
  }
  await pruneTorn(directory, new Set(names));
  return names;
};

/** Links damaged files aside and returns the names of the links; durable on return. */
export const quarantineDamaged = async (
  directory: Directory,
  files: readonly string[],
): Promise<string[]> => {
  if (files.length === 0) return [];
  await ensureQuarantine(directory);
  const names: string[] = [];
  for (const file of new Set(files)) {
    const name = `${quarantineFolder}/${baseName(file)}`;
    if (await linkOrCopy(directory, file, name)) names.push(name);
  }
  // Before the segments they came from may be pruned.
  await directory.syncFolder(quarantineFolder);
  return names;
};

const linkErrnos = new Set<string | undefined>(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"]);

/** False if it could only be copied, and does not read: it stays where it is. */
const linkOrCopy = async (directory: Directory, from: string, to: string): Promise<boolean> => {
  try {
    await directory.link(from, to);
    return true;
  } catch (error) {
    if (errnoOf(error) === "EEXIST") return true;
    if (!linkErrnos.has(errnoOf(error))) throw error;
  }
  try {
    const bytes = await readWhole(directory, from, Number.MAX_SAFE_INTEGER);
    await replaceFile(directory, to, bytes);
    return true;
  } catch (error) {
    if (errnoOf(error) !== "EIO") throw error;
    return false;
  }
};

const ensureQuarantine = async (directory: Directory): Promise<void> => {
  await directory.createFolder(quarantineFolder);
  // Before anything is said to be in it: the folder's own name.
  await directory.syncFolder(".");
};

const readRange = async (
  directory: Directory,
  name: string,
  startBytes: number,
  endBytes: number,
): Promise<Uint8Array> => {
  const file = await directory.open(name, "read");
  try {
    const bytes = new Uint8Array(Math.max(0, endBytes - startBytes));
    return bytes.subarray(0, await file.read(bytes, startBytes));
  } finally {
    await file.close();
  }
};

const pruneTorn = async (directory: Directory, keep: ReadonlySet<string>): Promise<void> => {
  const names = await directory.list(quarantineFolder);
  // Of a copy that a crash cut short: only what is torn at the same place again would have replaced it.
  for (const name of names.filter((each) => each.endsWith(".torn.tmp")))
    await directory.remove(`${quarantineFolder}/${name}`);
  const torn = names
    .filter((name) => name.endsWith(".torn"))
    .sort()
    .reverse();
  let bytes = 0;
  for (const [index, name] of torn.entries()) {
    const path = `${quarantineFolder}/${name}`;
    bytes += (await directory.stat(path))?.sizeBytes ?? 0;
    const over = bytes > tornBytesMax || index >= tornFilesMax;
    if (over && !keep.has(path)) await directory.remove(path);
  }
};
