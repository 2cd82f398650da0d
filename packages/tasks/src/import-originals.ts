/**
 * A second name for every original of an import, so that snapshots and mirrors may take their places.
 *
 *     state.json            ─>  legacy/state.json
 *     tasks/<id>.json       ─>  legacy/tasks.<id>.json
 *
 * In place they are hard links (copies where links do not exist); from another directory, copies.
 *
 * The rule: once this has resolved, no original's bytes are lost, whatever is put in its place.
 */
import { errnoOf } from "@taskwal/errors";
import type { Directory } from "@taskwal/disk";
import { legacyFolder, sha256 } from "@taskwal/format";
import { isSnapshotName } from "./directory-kind.ts";

const bufferBytes = 1024 * 1024;

/** Durable on return. `source` and `target` may be the same directory; `legacy/` must be there. */
export const keepOriginals = async (source: Directory, target: Directory): Promise<void> => {
  for (const name of await originalsOf(source)) {
    const kept = `${legacyFolder}/${keptName(name)}`;
    if (await target.stat(kept)) continue;
    if (source === target && (await linked(target, name, kept))) continue;
    await copied(source, name, target, kept);
  }
  // Before a snapshot or a mirror may replace an original.
  await target.syncFolder(legacyFolder);
};

/** A file's name may have 255 bytes; a prefix must not make it longer. */
const keptName = (name: string): string => {
  const flat = name.replace("/", ".");
  if (Buffer.byteLength(flat) <= 240) return flat;
  return `${Buffer.from(flat.slice(0, 40)).toString()}.${sha256().update(name).digest("hex")}.json`;
};

const originalsOf = async (directory: Directory): Promise<string[]> => {
  const names = (await directory.list(".")).filter(isSnapshotName);
  const isTasks = (await directory.stat("tasks"))?.kind === "folder";
  const tasks = isTasks ? (await directory.list("tasks")).map((name) => `tasks/${name}`) : [];
  const files: string[] = [];
  for (const name of [...names, ...tasks]) {
    const stat = await directory.stat(name).catch(() => undefined);
    if (stat?.kind === "file") files.push(name);
  }
  return files.toSorted();
};

/** Answers of file systems without hard links, or without one more for this file. */
const noLinks: ReadonlySet<string> = new Set("EPERM ENOTSUP EOPNOTSUPP ENOSYS EMLINK".split(" "));

/** False if there can be no link, so that a copy is needed. */
const linked = async (directory: Directory, name: string, kept: string): Promise<boolean> => {
  try {
    await directory.link(name, kept);
    return true;
  } catch (error) {
    if (noLinks.has(errnoOf(error) ?? "")) return false;
    throw error;
  }
};

const copied = async (
  source: Directory,
  name: string,
  target: Directory,
  kept: string,
): Promise<void> => {
  const temporary = `${kept}.tmp`;
  if (await target.stat(temporary)) await target.remove(temporary);
  const from = await openReadable(source, name);
  // The reading has named it among the problems. Nothing takes its place: a mirror whose place holds
  // what cannot be read is not written.
  if (!from) return;
  try {
    const to = await target.create(temporary);
    try {
      const buffer = new Uint8Array(bufferBytes);
      for (let at = 0; ;) {
        const count = await from.read(buffer, at);
        if (count === 0) break;
        await to.write(buffer.subarray(0, count), at);
        at += count;
      }
      await to.sync();
    } finally {
      await to.close();
    }
    await target.rename(temporary, kept);
  } finally {
    await from.close();
  }
};

const openReadable = async (
  directory: Directory,
  name: string,
): Promise<Awaited<ReturnType<Directory["open"]>> | undefined> => {
  try {
    return await directory.open(name, "read");
  } catch (error) {
    if (["EACCES", "EPERM", "ENOENT", "EIO"].includes(errnoOf(error) ?? "")) return undefined;
    throw error;
  }
};
