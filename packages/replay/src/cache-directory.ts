/**
 * Where tracks are kept: never in the directory that they are about.
 *
 *     cacheDir ─ else $XDG_CACHE_HOME/taskwal ─ else ~/.cache/taskwal ─ else, or for `false`, a folder that goes at the end
 *
 * The rule: what tasks hold is private, so only the user may enter it (0700).
 */
import { mkdtemp, rm } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { isAbsolute, join } from "node:path";
import { isWithin } from "@taskwal/core";
import type { Directory, Disk } from "@taskwal/disk";

export interface Cache {
  readonly directory: Directory;
  close(): Promise<void>;
}

/** `false`: nothing is kept behind the last answer. Throws a RangeError for a cache in the directory `dir`. */
export const openCache = async (
  disk: Disk,
  dir: string,
  cacheDir: string | false | undefined,
): Promise<Cache> => {
  if (cacheDir !== undefined && cacheDir !== false) {
    assertOutside(cacheDir, dir);
    return kept(await disk.createDirectory(cacheDir));
  }
  const usual = usualCache();
  if (cacheDir === undefined && !isWithin(dir, usual)) {
    try {
      return kept(await disk.createDirectory(usual));
    } catch {
      // A home that is not there, or not to be written: asked again, the log is read again.
    }
  }
  return temporary(disk);
};

const assertOutside = (cacheDir: string, dir: string): void => {
  if (!isWithin(dir, cacheDir)) return;
  throw new RangeError(`the cache ${cacheDir} lies in ${dir}, in which nothing may be written`);
};

const usualCache = (): string => {
  const named = process.env["XDG_CACHE_HOME"];
  const parent = named !== undefined && isAbsolute(named) ? named : join(homedir(), ".cache");
  return join(parent, "taskwal");
};

const kept = (directory: Directory): Cache => ({ directory, close: () => directory.close() });

const temporary = async (disk: Disk): Promise<Cache> => {
  const path = await mkdtemp(join(tmpdir(), "taskwal-track-"));
  const directory = await disk.openDirectory(path);
  return {
    directory,
    close: async () => {
      await directory.close();
      await rm(path, { recursive: true, force: true });
    },
  };
};
