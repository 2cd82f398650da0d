/**
 * How a store is, as one value: the directory, the disk, the saves, the engine, and what follows from them.
 *
 *     ask the disk (bounded in time and in files) ─┐
 *     engine's own numbers ────────────────────────┴─> Health ─ verdict ─> status, reasons
 *
 * The rule: it asks and writes nothing, and never throws: what a sick disk does not answer is missing from the value
 * and is a reason. `status` and `reasons` are made from the other fields by one table.
 */
import type { Clock, Directory, LockBackend } from "@taskwal/disk";
import type { DiskFailedError } from "@taskwal/errors";
import { parseBackupName } from "@taskwal/format";
import { roomOf, type Alarms } from "./alarms.ts";
import type { Model } from "./define-model.ts";
import { directoryUsage, type DirectoryUsage } from "./directory-usage.ts";
import type { LastSave } from "./monitor.ts";

export interface Health {
  /**
   * `failed`: what is called now is refused. `degraded`: it works, and somebody should look. Derived from what is below;
   * of a read-only store only from what concerns reading.
   */
  readonly status: "ok" | "degraded" | "failed";
  /** Why, the worst first: a code, a colon and a sentence: "disk-low: 12 of 4096 bytes are free". */
  readonly reasons: readonly string[];
  /** When this was asked: milliseconds since the epoch. */
  readonly atMs: number;
  readonly directory: {
    readonly path: string;
    readonly exists: boolean;
    /**
     * Whether a write is expected to succeed: the system permits it, bytes are free as far as it says, nothing that was written before
     * fails still, and the writer is alive. Found without a write, so it does not prove that the disk takes bytes or
     * keeps them: a disk that fails is known only after a call that failed. Always false for a read-only store.
     */
    readonly writable: boolean;
    /** Permission bits; undefined if they could not be read. */
    readonly mode: number | undefined;
    /** Whether nobody but the owner may look into it: no bit beyond 0700. */
    readonly isPrivate: boolean | undefined;
    /** Bytes and files of each part; undefined if it could not be read. */
    readonly usage: DirectoryUsage | undefined;
  };
  /** Of the file system: bytes that this user may still take, and all. Undefined if it did not say. */
  readonly disk: { readonly freeBytes: number; readonly totalBytes: number } | undefined;
  readonly saves: {
    /** The newest snapshot, if there is one: milliseconds since the epoch, and the sequence that it holds. */
    readonly last: LastSave | undefined;
    /** Saves that failed since the last that succeeded. */
    readonly failuresInRow: number;
    /** Durable records that are in no snapshot yet. */
    readonly lagRecords: number;
    /** For how long the oldest of them has been so, at most, in milliseconds. */
    readonly lagMs: number;
  };
  readonly backups: {
    readonly count: number;
    /** The newest first. */
    readonly files: readonly BackupFile[];
    /** The last save could not keep the old state.json. */
    readonly isFailing: boolean;
  };
  readonly log: {
    /** The last sequence that was written. */
    readonly sequence: number;
    /** The last that survives a power cut. */
    readonly durable: number;
    readonly epoch: number;
    /** How the directory is locked; undefined for a read-only store. */
    readonly lockBackend: LockBackend | undefined;
    /** Why nothing can be written until `reopen()`. */
    readonly poisoned: DiskFailedError | undefined;
  };
  readonly queue: {
    /** Calls that wait or are being written. */
    readonly length: number;
    readonly bytes: number;
    /** Beyond so many bytes calls are refused. */
    readonly bytesMax: number;
  };
  /** Entities that lost mutations and were not accepted since. */
  readonly damagedCount: number;
  /** Ids whose later records are of types that the model does not know: they can be read, and not written. */
  readonly heldCount: number;
}

export interface BackupFile {
  readonly name: string;
  /** When its state was saved, as its name says: milliseconds since the epoch. */
  readonly atMs: number;
  readonly sequence: number;
}

/** What is asked after. */
export interface HealthSource {
  readonly directory: Directory;
  readonly clock: Clock;
  readonly model: Model;
  /** Undefined for a store that does not write. */
  readonly alarms: Alarms | undefined;
  readonly isClosed: boolean;
  readonly isBackupFailing: boolean;
  readonly log: Health["log"];
  readonly queue: Health["queue"];
  readonly lag: { readonly records: number; readonly ms: number };
  readonly damagedCount: number;
  readonly heldCount: number;
  lastSave(): Promise<LastSave | undefined>;
}

/** So long the disk may take to answer, in milliseconds. */
const answerMs = 2_000;

export const inspect = async (source: HealthSource): Promise<Health> => {
  const { clock, directory, alarms, log, queue, lag, damagedCount, heldCount } = source;
  const look = await answered(clock, lookAt(source));
  const { stat, info, usage, backups = [], last, isPermitted } = look ?? nothingSeen;
  const mode = stat?.mode;
  const exists = stat !== undefined && stat !== null;
  const facts = {
    atMs: clock.now(),
    directory: {
      path: directory.path,
      exists,
      writable:
        alarms !== undefined &&
        !source.isClosed &&
        isPermitted === true &&
        info?.freeBytes !== 0 &&
        !alarms.isFull &&
        !alarms.isDenied &&
        log.poisoned === undefined,
      mode,
      isPrivate: mode === undefined ? undefined : (mode & 0o077) === 0,
      usage,
    },
    disk: info && { freeBytes: info.freeBytes, totalBytes: info.totalBytes },
    saves: {
      last,
      failuresInRow: alarms?.saveFailures ?? 0,
      lagRecords: lag.records,
      lagMs: lag.ms,
    },
    backups: { count: backups.length, files: backups, isFailing: source.isBackupFailing },
    log,
    queue,
    damagedCount,
    heldCount,
  };
  return { ...verdict(facts, source, look), ...facts };
};

interface Look {
  /** Null if there is nothing, undefined if the disk did not say. */
  readonly stat: { readonly mode: number } | null | undefined;
  readonly isPermitted: boolean | undefined;
  readonly info: { readonly freeBytes: number; readonly totalBytes: number } | undefined;
  readonly usage: DirectoryUsage | undefined;
  readonly backups: readonly BackupFile[] | undefined;
  readonly last: LastSave | undefined;
}

const nothingSeen: Partial<Look> = {};

/** Each answer by itself: what the disk does not give is undefined. */
const lookAt = async (source: HealthSource): Promise<Look> => {
  const { directory, model, alarms } = source;
  const unlessFailing = <T>(asked: Promise<T>): Promise<T | undefined> =>
    asked.catch(() => undefined);
  const permitted = directory.assertWritable().then(
    () => true,
    () => false,
  );
  const [stat, isPermitted, info, usage, backups, last] = await Promise.all([
    unlessFailing(directory.stat(".").then((found) => found ?? null)),
    permitted,
    alarms ? alarms.look(directory) : roomOf(directory),
    unlessFailing(directoryUsage(directory, model)),
    unlessFailing(backupsIn(directory)),
    unlessFailing(source.lastSave()),
  ]);
  return { stat, isPermitted, info, usage, backups, last };
};

const backupsIn = async (directory: Directory): Promise<readonly BackupFile[]> =>
  (await directory.list("."))
    .flatMap((name) => {
      const id = parseBackupName(name);
      return id ? [{ name, ...id }] : [];
    })
    .toSorted((a, b) => b.sequence - a.sequence || b.atMs - a.atMs);

/** Undefined if it takes too long: the disk hangs, and whoever asks how it is must not hang with it. */
const answered = async <T>(clock: Clock, work: Promise<T>): Promise<T | undefined> => {
  let cancel = (): void => {};
  const late = new Promise<undefined>((resolve) => {
    cancel = clock.schedule(answerMs, () => resolve(undefined));
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    cancel();
  }
};

type Facts = Omit<Health, "status" | "reasons">;

const octal = (mode: number | undefined): string => `0${(mode ?? 0).toString(8)}`;

const verdict = (
  { directory, disk, saves, backups, log, damagedCount, heldCount }: Facts,
  { alarms, isClosed }: HealthSource,
  look: Look | undefined,
): Pick<Health, "status" | "reasons"> => {
  const isMissing = look?.stat === null;
  const isSilent = look === undefined;
  const failed: readonly (readonly [boolean, string])[] = [
    [isClosed, "closed: the store is closed"],
    [log.poisoned !== undefined, `poisoned: ${log.poisoned?.message ?? ""}`],
    [isSilent, `disk-silent: the disk gave no answer within ${answerMs} ms`],
    [isMissing, `directory-missing: there is nothing at ${directory.path}`],
    [
      alarms !== undefined && !isMissing && look?.isPermitted === false,
      `not-permitted: the system refuses writes to ${directory.path}, mode ${octal(directory.mode)}`,
    ],
    [
      alarms !== undefined && (alarms.isFull || disk?.freeBytes === 0),
      "disk-full: a write has no room",
    ],
    [alarms?.isDenied === true, "disk-denied: a write was refused for want of permission"],
  ];
  const degraded: readonly (readonly [boolean, string])[] = [
    [
      alarms?.isLow === true,
      `disk-low: ${disk?.freeBytes ?? 0} of ${disk?.totalBytes ?? 0} bytes are free`,
    ],
    [saves.failuresInRow > 0, `save-failing: ${saves.failuresInRow} saves in a row have failed`],
    [backups.isFailing, "backup-failing: the last save could not keep the old state.json"],
    [damagedCount > 0, `damaged: ${damagedCount} entities lost mutations, and wait to be accepted`],
    [heldCount > 0, `held: ${heldCount} ids have records that only a newer program knows`],
    [
      directory.isPrivate === false,
      `directory-open: mode ${octal(directory.mode)} is wider than 0700, which keeps others out`,
    ],
    [
      !isSilent && !isMissing && (directory.usage === undefined || disk === undefined),
      "disk-unreadable: the disk did not say what the directory holds or how much room there is",
    ],
  ];
  const said = (rows: readonly (readonly [boolean, string])[]): string[] =>
    rows.filter(([holds]) => holds).map(([, reason]) => reason);
  const [worst, others] = [said(failed), said(degraded)];
  const status = worst.length > 0 ? "failed" : others.length > 0 ? "degraded" : "ok";
  return { status, reasons: [...worst, ...others] };
};
