/**
 * A file that stands where a mirror belongs, and is not as we wrote it: kept under `quarantine/`.
 *
 *     tasks/a.json ─ link, else copy ─> quarantine/tasks.a.json.<now>     (the next millisecond if that is taken)
 *
 * The rule: a name that is taken holds another file; nothing counts as kept that has no name of its own.
 */
import { errnoOf } from "@taskwal/errors";
import { readWhole, replaceFile, type Clock, type Directory } from "@taskwal/disk";
import { quarantineFolder, timeStamp } from "@taskwal/format";
import { mirrorBytesMax } from "./mirror-file.ts";

/** Returns the name that keeps it; durable on return. Errors of the disk pass through. */
export const setAsideMirror = async (
  directory: Directory,
  clock: Clock,
  name: string,
): Promise<string> => {
  await directory.createFolder(quarantineFolder);
  await directory.syncFolder(".");
  for (let atMs = clock.now(); ; atMs += 1) {
    const kept = `${quarantineFolder}/${name.replace("/", ".")}.${timeStamp(atMs)}`;
    if ((await directory.stat(kept)) || !(await giveName(directory, name, kept))) continue;
    await directory.syncFolder(quarantineFolder);
    return kept;
  }
};

/** False if the name was taken meanwhile. */
const giveName = async (directory: Directory, name: string, kept: string): Promise<boolean> => {
  try {
    await directory.link(name, kept);
  } catch (error) {
    if (errnoOf(error) === "EEXIST") return false;
    await replaceFile(directory, kept, await readWhole(directory, name, mirrorBytesMax));
  }
  return true;
};
