/**
 * A directory whose changes are watched: what was written, how long syncs took, what failed.
 *
 *     engine ─> watchedDirectory ─> the disk's directory
 *                   └ wrote, synced, replaced, failed ─> monitor.ts
 *
 * The rule: it changes nothing and swallows nothing: every call is passed on as it is, and ends as it ended. What only
 * reads is not watched.
 */
import { errnoOf } from "@taskwal/errors";
import type { Clock, Directory, File, FileAccess } from "@taskwal/disk";

/** Whom a name's changes are told to; asked once for each file that is opened for writing. */
export type Watcher = (name: string) => WatchedPart;

/** The part of the directory that a file belongs to, as its watcher sees it. */
export interface WatchedPart {
  wrote(bytes: number): void;
  synced(durationMs: number): void;
  /** A whole file has taken its place. */
  replaced(): void;
  /** A call that would have written so many bytes failed. */
  failed(error: unknown, bytes: number): void;
}

export const watchedDirectory = (
  directory: Directory,
  clock: Clock,
  watcher: Watcher,
): Directory => {
  const tried = async <T>(name: string, call: Promise<T>, answer = ""): Promise<T> => {
    try {
      return await call;
    } catch (error) {
      if (errnoOf(error) !== answer) watcher(name).failed(error, 0);
      throw error;
    }
  };
  const watched = (file: File, access: FileAccess): File =>
    watchedFile(file, access === "write-through", clock, watcher(file.name));
  return {
    path: directory.path,
    list: (folder) => directory.list(folder),
    stat: (name) => directory.stat(name),
    statSync: (name) => directory.statSync(name),
    create: async (name) => watched(await tried(name, directory.create(name)), "write"),
    open: async (name, access) =>
      access === "read"
        ? directory.open(name, access)
        : watched(await tried(name, directory.open(name, access)), access),
    createFolder: (folder) => tried(`${folder}/.`, directory.createFolder(folder)),
    // Where links do not exist this is the answer, and a copy follows.
    link: (from, to) => tried(to, directory.link(from, to), "EPERM"),
    linkInto: (from, other, to) => directory.linkInto(from, other, to),
    rename: async (from, to) => {
      await tried(to, directory.rename(from, to));
      watcher(to).replaced();
    },
    remove: (name) => tried(name, directory.remove(name)),
    syncFolder: (folder) => tried(`${folder}/.`, directory.syncFolder(folder)),
    fileSystem: () => directory.fileSystem(),
    assertWritable: () => directory.assertWritable(),
    close: () => directory.close(),
  };
};

const watchedFile = (file: File, isThrough: boolean, clock: Clock, part: WatchedPart): File => {
  const failed = (error: unknown, bytes: number): never => {
    part.failed(error, bytes);
    throw error;
  };
  const wrote = (bytes: number, startMs: number): void => {
    part.wrote(bytes);
    if (isThrough) part.synced(clock.monotonicMs() - startMs);
  };
  return {
    name: file.name,
    stat: () => file.stat(),
    read: (buffer, startBytes) => file.read(buffer, startBytes),
    // `then`, once: each batch passes here, and waits for every promise more.
    write: (bytes, startBytes) => {
      const startMs = clock.monotonicMs();
      return file.write(bytes, startBytes).then(
        () => wrote(bytes.length, startMs),
        (error: unknown) => failed(error, bytes.length),
      );
    },
    sync: () => {
      const startMs = clock.monotonicMs();
      return file.sync().then(
        () => part.synced(clock.monotonicMs() - startMs),
        (error: unknown) => failed(error, 0),
      );
    },
    truncate: (sizeBytes) => file.truncate(sizeBytes).catch((error: unknown) => failed(error, 0)),
    writeSync: (bytes, startBytes) => {
      const startMs = clock.monotonicMs();
      try {
        file.writeSync(bytes, startBytes);
      } catch (error) {
        failed(error, bytes.length);
      }
      wrote(bytes.length, startMs);
    },
    syncSync: () => {
      const startMs = clock.monotonicMs();
      try {
        file.syncSync();
      } catch (error) {
        failed(error, 0);
      }
      part.synced(clock.monotonicMs() - startMs);
    },
    truncateSync: (sizeBytes) => file.truncateSync(sizeBytes),
    tryLock: () => file.tryLock(),
    close: () => file.close(),
  };
};
