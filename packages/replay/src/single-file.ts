/**
 * One file that somebody sent, a segment or a snapshot, read as if it lay alone in a directory of its own.
 *
 *     …/00…08-00000003.jsonl ─ copied ─> <temporary folder>/wal/00…08-00000003.jsonl ─ gone at the end
 *
 * The rule: what lies beside it is not looked at, and nothing is written there. Its name says what it is.
 */
import { basename, dirname } from "node:path";
import type { Directory, Disk, File } from "@taskwal/disk";
import { errnoOf } from "@taskwal/errors";
import { parseBackupName, parseSegmentName, stateName, walFolder } from "@taskwal/format";
import { openCache } from "./cache-directory.ts";

export interface SingleFile {
  readonly dir: string;
  close(): Promise<void>;
}

/** Undefined for what is no such file, by its name or at all. Throws as the disk does. */
export const openSingleFile = async (disk: Disk, path: string): Promise<SingleFile | undefined> => {
  const name = basename(path);
  const place = placeOf(name);
  if (place === undefined) return undefined;
  const source = await disk.openDirectory(dirname(path)).catch((error: unknown) => {
    if (errnoOf(error) === undefined) throw error;
  });
  try {
    if (!source || (await source.stat(name))?.kind !== "file") return undefined;
    const folder = await openCache(disk, path, false);
    const { directory } = folder;
    try {
      await directory.createFolder(walFolder);
      await copyFile(source, name, directory, place);
      return { dir: directory.path, close: () => folder.close() };
    } catch (error) {
      await folder.close();
      throw error;
    }
  } finally {
    await source?.close();
  }
};

const placeOf = (name: string): string | undefined => {
  if (parseSegmentName(`${walFolder}/${name}`)) return `${walFolder}/${name}`;
  return name === stateName || parseBackupName(name) ? name : undefined;
};

const pieceBytes = 1024 * 1024;

const copyFile = async (
  source: Directory,
  name: string,
  target: Directory,
  place: string,
): Promise<void> => {
  const from = await source.open(name, "read");
  try {
    const to = await target.create(place);
    try {
      await copyBytes(from, to);
    } finally {
      await to.close();
    }
  } finally {
    await from.close();
  }
};

const copyBytes = async (from: File, to: File): Promise<void> => {
  const piece = new Uint8Array(pieceBytes);
  for (let at = 0; ;) {
    const count = await from.read(piece, at);
    if (count === 0) return;
    await to.write(piece.subarray(0, count), at);
    at += count;
  }
};
