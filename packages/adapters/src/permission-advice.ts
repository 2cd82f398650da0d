/**
 * A refusal of the system, told with what is in the way and what to do about it.
 *
 *     cannot open /srv/state: EACCES; /srv is a folder of mode 0500, and this process (uid 1000) needs …
 *
 * The rule: the same class and the same facts as before, with a longer reason. Looking costs nothing else: if it fails,
 * the error stays as it was.
 */
import type { Disk } from "@taskwal/disk";
import { DiskFailedError } from "@taskwal/errors";
import { basename, dirname, resolve } from "node:path";

const refusals = new Set<string | undefined>(["EACCES", "EPERM"]);

/** Any other error comes back as it is. */
export const withAdvice = async (error: unknown, disk: Disk): Promise<unknown> => {
  if (!(error instanceof DiskFailedError)) return error;
  const { operation, path, outcome, errno, cause } = error;
  if (errno === "EROFS") {
    const reason = `EROFS; the file system is read-only: mount it for writing, or choose another directory (STATE_PATH)`;
    return new DiskFailedError({ operation, path, outcome, errno, reason, cause });
  }
  if (errno === undefined || !refusals.has(errno)) return error;
  const found = await nearest(disk, resolve(path));
  if (!found) return error;
  const mode = `0${found.mode.toString(8)}`;
  const uid = process.getuid?.();
  const who = uid === undefined ? "this process" : `this process (uid ${uid})`;
  const isFolder = found.kind === "folder";
  const needs = isFolder ? "to read, write and enter it" : "to read and write it";
  const remedy = `chmod u+${isFolder ? "rwx" : "rw"} '${found.path}', or chown it to the user who runs this`;
  const reason = `${errno}; ${found.path} is a ${found.kind} of mode ${mode}, and ${who} needs ${needs}: ${remedy}`;
  return new DiskFailedError({ operation, path, outcome, errno, reason, cause });
};

interface Found {
  readonly path: string;
  readonly mode: number;
  readonly kind: "file" | "folder" | "other";
}

/** The path, or the nearest above it that exists and can be seen. */
const nearest = async (disk: Disk, path: string): Promise<Found | undefined> => {
  const parent = dirname(path);
  if (parent === path) return undefined;
  try {
    const directory = await disk.openDirectory(parent);
    try {
      const stat = await directory.stat(basename(path));
      if (stat) return { path, mode: stat.mode, kind: stat.kind };
    } finally {
      await directory.close();
    }
  } catch {
    // What is above it is in the way, or gone: that is looked at next.
  }
  return nearest(disk, parent);
};
