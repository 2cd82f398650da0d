/**
 * A refusal of the system, told with what is in the way and what to do about it.
 *
 *     cannot open /srv/state: EACCES; /srv is a folder of mode 0500, and this process (uid 1000) needs …
 *                                     └ mode        remedy: chmod u+rwx '/srv', or …
 *
 * The rule: the same class and the same facts as before, with a longer reason. Looking costs nothing else: if it fails,
 * the error stays as it was.
 */
import type { Disk } from "@taskwal/disk";
import { DiskFailedError, errnoOf, type DiskFailedFacts } from "@taskwal/errors";
import { basename, dirname, resolve } from "node:path";

const refusals = new Set<string | undefined>(["EACCES", "EPERM"]);

/**
 * A DiskFailedError for want of permission, with `mode` and `remedy`; also of an error of the system that names its path.
 * Any other comes back as it is, and so does one that has its remedy already.
 */
export const withAdvice = async (error: unknown, disk: Disk): Promise<unknown> => {
  const facts = factsOf(error);
  if (!facts || facts.remedy !== undefined) return error;
  if (facts.errno === "EROFS") {
    const remedy = "mount it for writing, or choose another directory (STATE_PATH)";
    const reason = `EROFS; the file system is read-only: ${remedy}`;
    return new DiskFailedError({ ...facts, reason, remedy });
  }
  if (!refusals.has(facts.errno)) return error;
  const found = await nearest(disk, resolve(pathIn(facts.cause) ?? facts.path));
  return found ? new DiskFailedError({ ...facts, ...adviceOn(found, facts.errno) }) : error;
};

const factsOf = (error: unknown): DiskFailedFacts | undefined => {
  if (error instanceof DiskFailedError) {
    const { operation, path, outcome, errno, mode, remedy, cause } = error;
    return {
      operation,
      path,
      outcome,
      cause,
      ...(errno === undefined ? {} : { errno }),
      ...(mode === undefined ? {} : { mode }),
      ...(remedy === undefined ? {} : { remedy }),
    };
  }
  const [path, errno] = [pathIn(error), errnoOf(error)];
  if (path === undefined || errno === undefined) return undefined;
  return { operation: "open", path, outcome: "not-written", errno, cause: error };
};

/** What the system says that it was about: it may lie within the path that was asked for. */
const pathIn = (error: unknown): string | undefined => {
  const { path } = (error ?? {}) as { readonly path?: unknown };
  return typeof path === "string" && path !== "" ? path : undefined;
};

interface Found {
  readonly path: string;
  /** Permission bits. */
  readonly mode: number;
  readonly kind: "file" | "folder" | "other";
}

const adviceOn = (
  { path, mode, kind }: Found,
  errno = "",
): Pick<DiskFailedFacts, "reason" | "mode" | "remedy"> => {
  const uid = process.getuid?.();
  const who = uid === undefined ? "this process" : `this process (uid ${uid})`;
  const isFolder = kind === "folder";
  const needs = isFolder ? "to read, write and enter it" : "to read and write it";
  const remedy = `chmod u+${isFolder ? "rwx" : "rw"} '${path}', or chown it to the user who runs this`;
  const octal = `0${mode.toString(8)}`;
  const reason = `${errno}; ${path} is a ${kind} of mode ${octal}, and ${who} needs ${needs}: ${remedy}`;
  return { reason, mode, remedy };
};

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
