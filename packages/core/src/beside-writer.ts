/**
 * Reading a directory whose owner goes on: what was listed a moment ago may be pruned or replaced since.
 *
 * The rule: nothing is locked and nothing is written; work that meets a file that is gone is begun again
 * from what is there now, and only where the names have changed meanwhile.
 */
import { DiskFailedError, errnoOf } from "@taskwal/errors";
import type { Directory } from "@taskwal/disk";

/** What `work` comes to once the names held still for it. Throws what it throws. */
export const besideWriter = async <T>(directory: Directory, work: () => Promise<T>): Promise<T> => {
  const names = async (): Promise<string> =>
    JSON.stringify([await directory.list("."), await directory.list("wal")]);
  for (;;) {
    const before = await names();
    try {
      return await work();
    } catch (error) {
      const errno = error instanceof DiskFailedError ? error.errno : errnoOf(error);
      if (errno !== "ENOENT" || (await names()) === before) throw error;
    }
  }
};
