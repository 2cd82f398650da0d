/**
 * Everything the engine asks of the world: a disk, a clock and random bytes.
 *
 *     Disk ─ openDirectory(path) ─> Directory ─ create / open(name) ─> File
 *       ├── clock                     names are relative, "/"-separated: "wal/HEAD", "state.json"
 *       ├── randomBytes               (at most one folder deep; the root folder is ".")
 *       └── process
 *
 * The rule: this file knows no format and no policy. The real disk (node-disk.ts) and the simulated
 * one (sim.ts) implement it, and both pass contract.ts. Errors of the operating system pass through
 * as they are (an Error with `code`, the errno's name); callers turn them into a class of `errors`.
 */

export interface Disk {
  /** Opens an existing directory. Throws ENOENT, ENOTDIR, EACCES as the system says. */
  openDirectory(path: string): Promise<Directory>;
  /**
   * Creates the directory (0700) and what is missing above it, syncs every directory in which a name
   * was created, and opens it. An existing directory is opened as it is.
   */
  createDirectory(path: string): Promise<Directory>;
  /**
   * Gives a directory another name beside its own, atomically; durable on return. What was opened in it stays open. `to`
   * may be an empty directory: ENOTEMPTY or EEXIST if it is not empty, ENOTDIR if it is a file.
   */
  renameDirectory(from: string, to: string): Promise<void>;
  /** Removes an empty directory: ENOENT if there is none, ENOTEMPTY if it holds anything. Not durable. */
  removeDirectory(path: string): Promise<void>;
  readonly clock: Clock;
  /** Unpredictable bytes, for ids. */
  randomBytes(count: number): Uint8Array;
  readonly process: ProcessIdentity;
  /**
   * Whether the process that an identity names still runs, as far as this process can tell: `unknown`
   * for one of another host or another PID namespace.
   */
  isAlive(identity: ProcessIdentity): "alive" | "dead" | "unknown";
  /**
   * The process that has this pid now. Undefined where none runs: one that has ended and was not
   * collected by its parent runs no more. A pid of somebody else's process counts.
   */
  findProcess(pid: number): RunningProcess | undefined;
  /**
   * The processes that the one with this pid has started, and those that they have, in the order of a walk from
   * above: what a kill of it leaves behind. [] where the system does not tell. One whose parent has ended before is
   * nobody's child any more, and is not among them.
   */
  findDescendants(pid: number): readonly RunningProcess[];
}

export interface Clock {
  /** Milliseconds since the epoch. May jump and step back: data, never an order. */
  now(): number;
  /** Milliseconds from an arbitrary start, never stepping back. */
  monotonicMs(): number;
  /** Calls `task` once, not before `delayMs` from now. Never keeps the process alive. Returns the cancellation. */
  schedule(delayMs: number, task: () => void): () => void;
  /** Keeps the process alive, for one who is awaited and has nothing but a timer, until the returned function is called. */
  holdProcess(): () => void;
  /** Resolves after everything that already waits in the event loop has had its turn. */
  yield(): Promise<void>;
}

/** What tells one process from all others, also after its PID was given to another. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Start time in clock ticks since boot, as a string; "" where the system does not tell. */
  readonly startTime: string;
  readonly bootId: string;
  readonly pidNamespace: string;
  readonly host: string;
}

export interface RunningProcess {
  readonly identity: ProcessIdentity;
  /** The words that it was started with; [] where the system does not tell. A process may change them. */
  readonly argv: readonly string[];
}

export interface FileStat {
  readonly sizeBytes: number;
  /**
   * Identifies the file within its file system: differs after a rename over it or a new creation.
   * Systems reuse the number of a file that is gone: compare only with one that is open or named.
   */
  readonly inode: string;
  /** Time of the last change of the content, opaque: differs after an edit in place. From the simulated clock in simulation. */
  readonly modified: string;
  /** Number of names (hard links). */
  readonly links: number;
  /** Permission bits: 0o600. Where the system has none (Windows, with its access lists), those of a creation. */
  readonly mode: number;
  readonly kind: "file" | "folder" | "other";
}

/** Why a file system cannot be trusted with a store: `name` is for people ("nfs"). */
export interface FileSystemInfo {
  readonly name: string;
  readonly network: boolean;
  readonly freeBytes: number;
  readonly totalBytes: number;
}

/**
 * How a file is opened. With `write-through`, what one `write` has written is durable when it returns, the
 * size too (O_DSYNC); what was written through other openings of the file is as unsynced as before.
 */
export type FileAccess = "read" | "write" | "write-through";

export interface Directory {
  /** For people and messages only; never taken apart. */
  readonly path: string;
  /** Names in a folder ("." or one folder's name), in no order. [] if the folder does not exist. */
  list(folder: string): Promise<string[]>;
  /** Undefined if the name does not exist. Takes folders too, and ".". A symbolic link is of kind "other". */
  stat(name: string): Promise<FileStat | undefined>;
  /** As `stat`, without a turn of the event loop: for the check between a sync and its acknowledgement. */
  statSync(name: string): FileStat | undefined;
  /** Creates an empty file (0600) exclusively: EEXIST if the name is taken. Durable only once it and its folder are synced. */
  create(name: string): Promise<File>;
  /** Opens an existing file: ENOENT if there is none. Never follows a symbolic link for writing. */
  open(name: string, access: FileAccess): Promise<File>;
  /** Creates a folder (0700) if it is missing. Its name is durable once "." is synced. */
  createFolder(folder: string): Promise<void>;
  /** A second name for the same bytes: EEXIST if taken; EPERM or ENOTSUP where links do not exist. */
  link(from: string, to: string): Promise<void>;
  /** As `link`, with the second name in another directory: besides EXDEV, where that is on another file system. */
  linkInto(from: string, directory: Directory, to: string): Promise<void>;
  /** Replaces `to` atomically. */
  rename(from: string, to: string): Promise<void>;
  remove(name: string): Promise<void>;
  /** Makes every creation, link, rename and removal in that folder durable. */
  syncFolder(folder: string): Promise<void>;
  fileSystem(): Promise<FileSystemInfo>;
  /**
   * Asks whether names may be created in the directory, and creates none. Throws as a creation would: EACCES, EPERM or
   * EROFS; ENOENT if the directory is gone. Room is another question (`fileSystem`), as is whether the disk still works.
   */
  assertWritable(): Promise<void>;
  /** Releases the handle; files stay open. */
  close(): Promise<void>;
}

/** How a lock is held: a kernel lock by the addon or by flock(1), or nothing but the recorded identity. */
export type LockBackend = "fs-ext" | "flock(1)" | "identity";

export interface File {
  readonly name: string;
  stat(): Promise<FileStat>;
  /**
   * Reads into `buffer` from byte `startBytes` and returns how many bytes were read, 0 at the end.
   * May read less than asked only at the end of the file.
   */
  read(buffer: Uint8Array, startBytes: number): Promise<number>;
  /**
   * Writes all of `bytes` at `startBytes`, looping over short writes, or throws having written any
   * prefix of them (ENOSPC, EDQUOT, EFBIG, EIO). One caller at a time. Where it writes through, an
   * error may be that of the write or of the sync: what is durable of the bytes is not known.
   */
  write(bytes: Uint8Array, startBytes: number): Promise<void>;
  /** Makes every completed write and truncate of this file durable, its size too (fdatasync). */
  sync(): Promise<void>;
  truncate(sizeBytes: number): Promise<void>;
  /** As `write`, for exit handlers: it holds the event loop. */
  writeSync(bytes: Uint8Array, startBytes: number): void;
  /** As `sync`, for exit handlers: it holds the event loop. */
  syncSync(): void;
  /** As `truncate`, for exit handlers. */
  truncateSync(sizeBytes: number): void;
  /**
   * Takes the exclusive lock of this file until it is closed or the process dies. Undefined if
   * another open file holds it, in this process or another. The backend "identity" excludes nobody
   * by itself: the caller then judges the recorded owner.
   */
  tryLock(): Promise<LockBackend | undefined>;
  /** Closing twice is allowed. */
  close(): Promise<void>;
}

/** The whole of a file, at most `bytesMax` (throws a RangeError beyond): for small files only. */
export const readWhole = async (
  directory: Directory,
  name: string,
  bytesMax: number,
): Promise<Uint8Array> => {
  const file = await directory.open(name, "read");
  try {
    const { sizeBytes } = await file.stat();
    if (sizeBytes > bytesMax)
      throw new RangeError(`${name} has ${sizeBytes} bytes, over ${bytesMax}`);
    const bytes = new Uint8Array(sizeBytes);
    let filled = 0;
    while (filled < sizeBytes) {
      const count = await file.read(bytes.subarray(filled), filled);
      if (count === 0) break;
      filled += count;
    }
    return bytes.subarray(0, filled);
  } finally {
    await file.close();
  }
};

/**
 * Puts `bytes` under `name`, atomically and durably: tmp, write, size checked, sync, rename, folder
 * sync. After a crash `name` holds the old bytes or the new ones. A tmp that a crash leaves is harmless and
 * is replaced by the next call; a failure leaves none, if the disk lets it.
 */
export const replaceFile = async (
  directory: Directory,
  name: string,
  bytes: Uint8Array,
): Promise<void> => {
  const temporary = `${name}.tmp`;
  if (await directory.stat(temporary)) await directory.remove(temporary);
  const file = await directory.create(temporary);
  try {
    await writeWhole(file, bytes);
    await directory.rename(temporary, name);
  } catch (error) {
    // Its bytes take room that others may be waiting for.
    await directory.remove(temporary).catch(() => {});
    throw error;
  }
  await directory.syncFolder(folderOf(name));
};

/** Durable on return, but for its name; the file is closed. */
const writeWhole = async (file: File, bytes: Uint8Array): Promise<void> => {
  try {
    await file.write(bytes, 0);
    const { sizeBytes } = await file.stat();
    if (sizeBytes !== bytes.length) {
      throw Object.assign(new Error(`wrote ${bytes.length} bytes, found ${sizeBytes}`), {
        code: "EIO",
      });
    }
    await file.sync();
  } finally {
    await file.close();
  }
};

/** The folder of a name: "wal" of "wal/HEAD", "." of "state.json". */
export const folderOf = (name: string): string => {
  const slash = name.lastIndexOf("/");
  return slash < 0 ? "." : name.slice(0, slash);
};

export { openNodeDisk } from "./node-disk.ts";
export { realPath } from "./real-path.ts";
export { spawnDetached } from "./spawn-detached.ts";
export type { DetachedProcess, DetachedProgram, ProcessEnd } from "./spawn-detached.ts";
