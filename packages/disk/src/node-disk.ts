/**
 * The real disk, and the only door to `node:fs`.
 *
 *     write ─> short? ─> write the rest ─> no progress: ENOSPC      (libuv reports short writes as success)
 *     createDirectory a/b/c ─> mkdir a, sync the folder above; mkdir a/b, sync a; ...
 *
 * The rule: every promise of `index.ts` is kept by asking the system, never by remembering; errors
 * pass through as they are.
 */

import { randomBytes } from "node:crypto";
import * as fs from "node:fs";
import type { FileHandle } from "node:fs/promises";
import * as fsp from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import { errnoOf } from "@taskwal/errors";

import { DescriptorWrites } from "./descriptor-writes.ts";
import { partsOfFolder, partsOfName } from "./file-name.ts";
import { fileSystemType } from "./file-system-types.ts";
import { tryFlock } from "./flock.ts";
import type {
  Clock,
  Directory,
  Disk,
  File,
  FileStat,
  FileSystemInfo,
  LockBackend,
} from "./index.ts";
import {
  findDescendants,
  findProcess,
  identifyThisProcess,
  judgeLiveness,
} from "./process-identity.ts";
import type { ProcFiles } from "./process-identity.ts";

const fileMode = 0o600;
const folderMode = 0o700;
const isWindows = process.platform === "win32";
/** One system call moves at most this much: Node takes no more than 2 GiB - 1 at once. */
const transferBytesMax = 1 << 30;
const timerDelayMsMax = 2 ** 31 - 1;
const renameTriesMax = 10;

// O_NOFOLLOW does not exist on Windows. No O_APPEND: a position must mean what it says.
const writeFlags = fs.constants.O_RDWR | (fs.constants.O_NOFOLLOW ?? 0);
// The O_DSYNC of macOS asks less of the disk than its sync does here (F_FULLFSYNC), and Windows has none.
const hasWriteThrough = process.platform === "linux";
const throughFlags = writeFlags | (hasWriteThrough ? fs.constants.O_DSYNC : 0);
const createFlags = writeFlags | fs.constants.O_CREAT | fs.constants.O_EXCL;

export interface NodeDiskOptions {
  /** Takes locks with this backend only, and fails with ENOTSUP where it does not exist. For tests. */
  readonly lockBackend?: LockBackend;
}

/** The disk of this machine. */
export const openNodeDisk = (options: NodeDiskOptions = {}): Disk => {
  const identity = identifyThisProcess(procFiles);
  const openDirectory = async (path: string): Promise<Directory> => {
    const absolute = resolve(path);
    await (await fsp.opendir(absolute)).close();
    return nodeDirectory(absolute, options.lockBackend);
  };
  return {
    openDirectory,
    createDirectory: async (path) => {
      await createWithParents(resolve(path));
      return openDirectory(path);
    },
    renameDirectory: async (from, to) => {
      // There a rename replaces no directory, not even an empty one.
      if (isWindows) await unlessMissing(fsp.rmdir(resolve(to)));
      await renamePath(resolve(from), resolve(to));
      await syncFolderAt(dirname(resolve(to)));
    },
    removeDirectory: (path) => fsp.rmdir(resolve(path)),
    clock: systemClock,
    randomBytes: (count) => new Uint8Array(randomBytes(count)),
    process: identity,
    isAlive: (other) => judgeLiveness(procFiles, identity, other),
    findProcess: (pid) => findProcess(procFiles, identity, pid),
    findDescendants: (pid) => findDescendants(procFiles, identity, pid),
  };
};

const procFiles: ProcFiles = {
  readText: (path) => orUndefined(() => fs.readFileSync(path, "utf8")),
  readLink: (path) => orUndefined(() => fs.readlinkSync(path)),
  list: (folder) => orUndefined(() => fs.readdirSync(folder)) ?? [],
};

const orUndefined = <T>(read: () => T): T | undefined => {
  try {
    return read();
  } catch {
    return undefined;
  }
};

const systemClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  schedule: (delayMs, task) => {
    const dueMs = performance.now() + delayMs;
    let timer: NodeJS.Timeout;
    // A timer may fire a millisecond early, and beyond 2^31 ms (24 days) at once: so it looks again.
    const wake = (): void => (performance.now() < dueMs ? arm() : task());
    const arm = (): void => {
      const restMs = Math.max(0, Math.ceil(dueMs - performance.now()));
      timer = setTimeout(wake, Math.min(restMs, timerDelayMsMax));
      timer.unref();
    };
    arm();
    return () => clearTimeout(timer);
  },
  holdProcess: () => {
    const timer = setInterval(() => {}, timerDelayMsMax);
    return () => clearInterval(timer);
  },
  yield: () => new Promise((done) => setImmediate(done)),
};

const nodeDirectory = (path: string, lockBackend: LockBackend | undefined): Directory => {
  const at = (name: string): string => join(path, ...partsOfName(name));
  const folderAt = (folder: string): string => join(path, ...partsOfFolder(folder));
  const statPathOf = (name: string): string => (name === "." ? path : at(name));
  /** Of the names that `statSync` was asked for: the same few, at every acknowledgement. */
  const paths = new Map<string, string>();
  const opened = async (name: string, flags: number): Promise<File> =>
    nodeFile(name, await fsp.open(at(name), flags, fileMode), lockBackend);
  return {
    path,
    list: async (folder) => (await unlessMissing(fsp.readdir(folderAt(folder)))) ?? [],
    stat: async (name) => {
      const stats = await unlessMissing(fsp.lstat(statPathOf(name), { bigint: true }));
      return stats && fileStat(stats);
    },
    statSync: (name) => {
      const asked = paths.get(name) ?? statPathOf(name);
      paths.set(name, asked);
      const stats = fs.lstatSync(asked, { bigint: true, throwIfNoEntry: false });
      return stats && fileStat(stats);
    },
    create: (name) => opened(name, createFlags),
    open: async (name, access) => {
      if (access === "write-through") return throughFile(await opened(name, throughFlags));
      return opened(name, access === "write" ? writeFlags : fs.constants.O_RDONLY);
    },
    createFolder: async (folder) => {
      if (folder !== ".") await createFolderAt(folderAt(folder));
    },
    link: async (from, to) => fsp.link(at(from), at(to)),
    linkInto: async (from, other, to) => fsp.link(at(from), join(other.path, ...partsOfName(to))),
    rename: async (from, to) => renamePath(at(from), at(to)),
    remove: async (name) => fsp.unlink(at(name)),
    syncFolder: async (folder) => syncFolderAt(folderAt(folder)),
    fileSystem: () => fileSystemOf(path),
    assertWritable: () => fsp.access(path, fs.constants.W_OK | fs.constants.X_OK),
    close: () => Promise.resolve(),
  };
};

const nodeFile = (name: string, handle: FileHandle, lockBackend: LockBackend | undefined): File => {
  const writes = new DescriptorWrites(handle);
  return {
    name,
    stat: async () => fileStat(await handle.stat({ bigint: true })),
    read: (buffer, startBytes) => readFully(handle, buffer, startBytes),
    write: (bytes, startBytes) => writeFully(writes, name, bytes, startBytes),
    sync: () => handle.datasync(),
    truncate: (sizeBytes) => handle.truncate(sizeBytes),
    writeSync: (bytes, startBytes) => writeFullySync(handle.fd, name, bytes, startBytes),
    syncSync: () => fs.fdatasyncSync(handle.fd),
    truncateSync: (sizeBytes) => fs.ftruncateSync(handle.fd, sizeBytes),
    tryLock: () => tryFlock(handle.fd, lockBackend),
    close: () => writes.close(),
  };
};

const throughFile = (file: File): File =>
  hasWriteThrough
    ? file
    : {
        ...file,
        write: async (bytes, startBytes) => {
          await file.write(bytes, startBytes);
          await file.sync();
        },
        writeSync: (bytes, startBytes) => {
          file.writeSync(bytes, startBytes);
          file.syncSync();
        },
      };

const fileStat = (stats: fs.BigIntStats): FileStat => ({
  sizeBytes: Number(stats.size),
  // Exact: some file systems put a layer's number into the upper bits, beyond 2^53.
  inode: `${stats.dev}:${stats.ino}`,
  modified: String(stats.mtimeNs),
  links: Number(stats.nlink),
  mode: isWindows ? (stats.isDirectory() ? folderMode : fileMode) : Number(stats.mode) & 0o777,
  kind: stats.isFile() ? "file" : stats.isDirectory() ? "folder" : "other",
});

const readFully = async (
  handle: FileHandle,
  buffer: Uint8Array,
  startBytes: number,
): Promise<number> => {
  let filled = 0;
  while (filled < buffer.length) {
    const length = Math.min(buffer.length - filled, transferBytesMax);
    const { bytesRead } = await handle.read(buffer, filled, length, startBytes + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return filled;
};

const writeFully = async (
  writes: DescriptorWrites,
  name: string,
  bytes: Uint8Array,
  startBytes: number,
): Promise<void> => {
  for (let done = 0; done < bytes.length;) {
    const length = Math.min(bytes.length - done, transferBytesMax);
    const bytesWritten = await writes.write(bytes, done, length, startBytes + done);
    if (bytesWritten === 0) throw noProgress(name);
    done += bytesWritten;
  }
};

const writeFullySync = (fd: number, name: string, bytes: Uint8Array, startBytes: number): void => {
  for (let done = 0; done < bytes.length;) {
    const length = Math.min(bytes.length - done, transferBytesMax);
    const bytesWritten = fs.writeSync(fd, bytes, done, length, startBytes + done);
    if (bytesWritten === 0) throw noProgress(name);
    done += bytesWritten;
  }
};

const noProgress = (name: string): Error =>
  Object.assign(new Error(`ENOSPC: the system wrote nothing more, write '${name}'`), {
    code: "ENOSPC",
    syscall: "write",
    path: name,
  });

const unlessMissing = async <T>(result: Promise<T>): Promise<T | undefined> => {
  try {
    return await result;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
};

/** True if the folder was created, false if there was one. */
const createFolderAt = async (path: string): Promise<boolean> => {
  try {
    await fsp.mkdir(path, folderMode);
    return true;
  } catch (error) {
    // A read-only or protected place may answer something else than EEXIST for what exists.
    const existing = errnoOf(error) === "ENOENT" ? undefined : await unlessMissing(fsp.stat(path));
    if (existing?.isDirectory()) return false;
    if (existing && errnoOf(error) === "EEXIST") {
      throw Object.assign(new Error(`ENOTDIR: not a directory, mkdir '${path}'`), {
        code: "ENOTDIR",
      });
    }
    throw error;
  }
};

const createWithParents = async (path: string): Promise<void> => {
  const above = dirname(path);
  const created = await createFolderAt(path).catch(async (error: unknown) => {
    if (errnoOf(error) !== "ENOENT" || above === path) throw error;
    await createWithParents(above);
    return createFolderAt(path);
  });
  if (created) return syncFolderAt(above);
  // A process that was killed between mkdir and sync left a name that is not durable yet. If this
  // process may not read the folder above, it was not made by us, and somebody else's to sync.
  await syncFolderAt(above).catch((error: unknown) => {
    if (!["EACCES", "EPERM", "EROFS", "EINVAL"].includes(errnoOf(error) ?? "")) throw error;
  });
};

const syncFolderAt = async (path: string): Promise<void> => {
  try {
    const handle = await fsp.open(path, "r");
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (error) {
    // Windows opens no directory for this, and its file systems order their metadata themselves.
    const ignored =
      isWindows && ["EPERM", "EISDIR", "EACCES", "EINVAL"].includes(errnoOf(error) ?? "");
    if (!ignored) throw error;
  }
};

/** Windows refuses while a scanner or an indexer has the file open, for some milliseconds. */
const renamePath = async (from: string, to: string): Promise<void> => {
  for (let tried = 1; ; tried += 1) {
    try {
      await fsp.rename(from, to);
      return;
    } catch (error) {
      const passing = isWindows && ["EPERM", "EBUSY", "EACCES"].includes(errnoOf(error) ?? "");
      if (!passing || tried >= renameTriesMax) throw error;
      await delay(10 * tried);
    }
  }
};

const fileSystemOf = async (path: string): Promise<FileSystemInfo> => {
  const stats = await fsp.statfs(path);
  const space = {
    freeBytes: stats.bavail * stats.bsize,
    totalBytes: stats.blocks * stats.bsize,
  };
  // Only Linux has these numbers; Windows shows a share by its path, and macOS does not tell.
  if (process.platform === "linux") return { ...fileSystemType(stats.type), ...space };
  const isShare = isWindows && /^\\\\[^?.]/.test(path);
  return { name: isShare ? "smb" : process.platform, network: isShare, ...space };
};
