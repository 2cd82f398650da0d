/**
 * Who owns a state directory: flock(2) on LOCK for certainty, a recorded identity for judgement.
 *
 *     kernel lock   recorded owner                        verdict
 *     held          -                                     locked
 *     won           released, none, dead, or ourselves    ours
 *     won           alive                                 locked (its lock file was replaced under it)
 *     won           cannot tell, held by a kernel lock    ours: had it lived, we would not have won
 *     none to have  alive or cannot tell                  locked
 *     none to have  released, none, dead                  ours; the epoch's claim decides a race
 *
 * The rule: LOCK is never unlinked, and never is there "no lock" in silence.
 */
import { LockedError, type LockOwner } from "@taskwal/errors";
import {
  readWhole,
  type Directory,
  type Disk,
  type File,
  type LockBackend,
  type ProcessIdentity,
} from "@taskwal/disk";
import { limits, lockName } from "@taskwal/format";
import { errnoOf } from "@taskwal/errors";

/** What LOCK says; for people too. */
export interface LockRecord extends ProcessIdentity {
  readonly backend: LockBackend;
  readonly epoch: number;
  /** "" before the first opening has chosen one. */
  readonly store: string;
  /** Milliseconds since the epoch. */
  readonly since: number;
  readonly released?: boolean;
}

export interface OwnerLock {
  /** What the last owner recorded; undefined if nothing readable was there. */
  readonly last: LockRecord | undefined;
  readonly backend: LockBackend;
  /** Records who owns the directory now. */
  record(facts: { readonly epoch: number; readonly store: string }): Promise<void>;
  /** Why this process no longer owns the directory, or undefined. Does not give up its turn. */
  fence(): string | undefined;
  /** Records the release and frees the lock. A failure to record is ignored: the lock is freed. */
  release(): Promise<void>;
}

/** Takes the directory, or throws LockedError naming its owner. Changes nothing but LOCK. */
export const lockDirectory = async (disk: Disk, directory: Directory): Promise<OwnerLock> => {
  const file = await openLock(directory);
  try {
    const backend = await file.tryLock();
    const last = await readLock(directory);
    const reason = lockedReason(disk, backend, last);
    if (reason !== undefined || backend === undefined) {
      throw new LockedError({
        path: directory.path,
        owner: last && !last.released ? ownerOf(last) : undefined,
        reason: reason ?? "holds its lock",
      });
    }
    return new DirectoryLock({
      disk,
      directory,
      file,
      backend,
      last,
      inode: (await file.stat()).inode,
    });
  } catch (error) {
    await file.close();
    throw error;
  }
};

/** What LOCK says, or undefined if it is missing or does not read. */
export const readLock = async (directory: Directory): Promise<LockRecord | undefined> => {
  try {
    const bytes = await readWhole(directory, lockName, limits.smallFileBytesMax);
    const value: unknown = JSON.parse(Buffer.from(bytes).toString("utf8"));
    return typeof value === "object" && value !== null && "pid" in value
      ? usable(value as LockRecord)
      : undefined;
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === undefined || errno === "ENOENT") return undefined;
    throw error;
  }
};

/** The store that LOCK says it is of: believed where no header and no HEAD says it. A hint: undefined also if LOCK cannot be read. */
export const storeHintOf = async (directory: Directory): Promise<string | undefined> => {
  const record = await readLock(directory).catch(() => undefined);
  return record?.store || undefined;
};

/** LOCK has no checksum: what is reckoned with is what could have been written, or counts as not said. */
const usable = (record: LockRecord): LockRecord => {
  const { epoch, store } = record as { readonly epoch: unknown; readonly store: unknown };
  const isEpoch =
    Number.isSafeInteger(epoch) && Number(epoch) >= 0 && Number(epoch) <= limits.epochMax;
  return {
    ...record,
    epoch: isEpoch ? Number(epoch) : 0,
    store: typeof store === "string" && /^[0-9a-f]{32}$/.test(store) ? store : "",
  };
};

const openLock = async (directory: Directory): Promise<File> => {
  for (;;) {
    try {
      return await directory.open(lockName, "write");
    } catch (error) {
      if (errnoOf(error) !== "ENOENT") throw error;
    }
    try {
      return await directory.create(lockName);
    } catch (error) {
      if (errnoOf(error) !== "EEXIST") throw error;
    }
  }
};

const ownerOf = ({ pid, host, backend, epoch, since }: LockRecord): LockOwner => ({
  pid,
  host,
  backend,
  epoch,
  since,
});

export const isSelf = (self: ProcessIdentity, last: LockRecord): boolean =>
  self.pid === last.pid &&
  self.startTime === last.startTime &&
  self.bootId === last.bootId &&
  self.pidNamespace === last.pidNamespace;

/** Releases of this process that could not be recorded: the disk failed, and LOCK still names their owner. */
const unrecorded = new Set<string>();

const spell = ({ epoch, store, since, pid, startTime }: LockRecord): string =>
  JSON.stringify([store, epoch, since, pid, startTime]);

const lockedReason = (
  disk: Disk,
  backend: LockBackend | undefined,
  last: LockRecord | undefined,
): string | undefined => {
  if (backend === undefined) return "holds its lock";
  if (!last || last.released) return undefined;
  if (isSelf(disk.process, last) && unrecorded.has(spell(last))) return undefined;
  const kernel = backend !== "identity" && last.backend !== "identity";
  // Had an earlier store of this very process been open, the kernel lock would not have been won.
  if (kernel && isSelf(disk.process, last)) return undefined;
  switch (disk.isAlive(last)) {
    case "dead":
      return undefined;
    case "alive":
      return "is alive";
    case "unknown":
      return kernel
        ? undefined
        : "may be alive: it runs on another host or in another pid namespace";
  }
};

interface HeldLock {
  readonly disk: Disk;
  readonly directory: Directory;
  readonly file: File;
  readonly backend: LockBackend;
  readonly last: LockRecord | undefined;
  readonly inode: string;
}

class DirectoryLock implements OwnerLock {
  readonly #held: HeldLock;
  #record: LockRecord | undefined;

  constructor(held: HeldLock) {
    this.#held = held;
  }

  get last(): LockRecord | undefined {
    return this.#held.last;
  }

  get backend(): LockBackend {
    return this.#held.backend;
  }

  async record({ epoch, store }: { epoch: number; store: string }): Promise<void> {
    const { disk, backend } = this.#held;
    const since = this.#record?.since ?? disk.clock.now();
    await this.#write({ ...disk.process, backend, epoch, store, since });
  }

  fence(): string | undefined {
    const stat = this.#held.directory.statSync(lockName);
    return stat?.inode === this.#held.inode ? undefined : "LOCK was removed or replaced";
  }

  async release(): Promise<void> {
    try {
      if (this.#record && !this.fence()) await this.#write({ ...this.#record, released: true });
    } catch {
      // A full or failing disk must not keep the lock; a recorded owner that is dead is judged dead,
      // and this process knows what it has given up.
      if (this.#record) unrecorded.add(spell(this.#record));
    } finally {
      await this.#held.file.close();
    }
  }

  async #write(record: LockRecord): Promise<void> {
    this.#record = record;
    const bytes = Buffer.from(`${JSON.stringify(record)}\n`, "utf8");
    await this.#held.file.write(bytes, 0);
    await this.#held.file.truncate(bytes.length);
  }
}
