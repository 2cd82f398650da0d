/**
 * What somebody should be told of before it is too late, each thing once until it is over (hysteresis.ts).
 *
 *     disk:low             free bytes below the mark: looked at by an opening, with each autosave, after ENOSPC, by health()
 *     disk:full            a call had no room             over: as many bytes were written, or a save succeeded
 *     disk:denied          a call had no permission       over: the same
 *     state:save-failing   several saves in a row failed  over: one succeeded
 *
 * The rule: an alarm has no timer of its own and asks the disk for nothing but its room.
 */
import { errnoOf } from "@taskwal/errors";
import type { Directory, FileSystemInfo } from "@taskwal/disk";
import type { DirectoryPart } from "./directory-usage.ts";
import type { Events, StoreEvents } from "./events.ts";
import { LowMark, Want } from "./hysteresis.ts";

/** Saves that fail in a row before it is an alarm. */
export const saveFailuresMax = 3;

const noRoom = new Set<string | undefined>(["ENOSPC", "EDQUOT"]);
const noPermission = new Set<string | undefined>(["EACCES", "EPERM", "EROFS"]);

/** Where little room begins, unless the caller says otherwise: 1 GiB or a twentieth of the file system, whichever is less. */
export const lowBytesDefault = (totalBytes: number): number =>
  Math.min(1024 ** 3, Math.floor(totalBytes / 20));

/**
 * The room there is; undefined if the disk does not say, as some file systems in user space do not: they answer with
 * zeros. Never throws: a disk that cannot even say this fails the next write, and that is told.
 */
export const roomOf = async (directory: Directory): Promise<FileSystemInfo | undefined> => {
  try {
    const info = await directory.fileSystem();
    return info.totalBytes === 0 ? undefined : info;
  } catch {
    return undefined;
  }
};

export interface FailedCall {
  readonly part: DirectoryPart;
  /** Absolute, for people. */
  readonly path: string;
  /** Bytes that it would have written. */
  readonly bytes: number;
  readonly error: unknown;
}

export class Alarms {
  readonly #events: Events<StoreEvents>;
  readonly #lowBytes: number | undefined;
  readonly #low = new LowMark();
  readonly #room = new Want<DirectoryPart>();
  readonly #permission = new Want<DirectoryPart>();
  #saveFailures = 0;

  /** `lowBytes` is the mark for free bytes; undefined for the default. */
  constructor(events: Events<StoreEvents>, lowBytes: number | undefined) {
    this.#events = events;
    this.#lowBytes = lowBytes;
  }

  get isLow(): boolean {
    return this.#low.isLow;
  }

  get isFull(): boolean {
    return this.#room.isOn;
  }

  get isDenied(): boolean {
    return this.#permission.isOn;
  }

  /** Saves that failed since the last that succeeded. */
  get saveFailures(): number {
    return this.#saveFailures;
  }

  /** True if it was for want of room. */
  failed({ part, path, bytes, error }: FailedCall): boolean {
    const errno = errnoOf(error);
    const facts = { path, error: error as Error };
    const isNoRoom = noRoom.has(errno);
    if (isNoRoom && this.#room.begin(part, bytes)) this.#events.emit("disk:full", facts);
    if (noPermission.has(errno) && this.#permission.begin(part, bytes)) {
      this.#events.emit("disk:denied", facts);
    }
    return isNoRoom;
  }

  /** A part of the directory wrote so many bytes; Infinity once a file of it was replaced as a whole. */
  wrote(part: DirectoryPart, bytes: number): void {
    if (this.#room.isOn) this.#room.had(part, bytes);
    if (this.#permission.isOn) this.#permission.had(part, bytes);
  }

  /** A save writes all that is behind, and the largest file of all: there is room, and permission. */
  saved(): void {
    this.#saveFailures = 0;
    this.#room.end();
    this.#permission.end();
  }

  saveFailed(error: Error): void {
    this.#saveFailures += 1;
    const failures = this.#saveFailures;
    if (failures === saveFailuresMax) this.#events.emit("state:save-failing", { failures, error });
  }

  /** Looks at the room there is; undefined if the disk does not say. Never throws. */
  async look(directory: Directory): Promise<FileSystemInfo | undefined> {
    const info = await roomOf(directory);
    if (!info) return undefined;
    const { freeBytes, totalBytes } = info;
    const lowBytes = this.#lowBytes ?? lowBytesDefault(totalBytes);
    if (this.#low.update(freeBytes, lowBytes)) {
      this.#events.emit("disk:low", { path: directory.path, freeBytes, totalBytes, lowBytes });
    }
    return info;
  }
}
