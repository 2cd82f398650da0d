/**
 * The state before a migration, in a directory of its own: for the older program to open.
 *
 *     source (read only)      base ═══════════ to │ hidden
 *     into    LOCK ─ wal/ ─ records base+1 … to ─ $mark ─ source unchanged? ─ state.json @base
 *
 * The rule: nothing in the source is touched, so what is hidden is still there; and state.json comes last:
 * until it has its name the log begins above 1 with nothing to stand on, which every opening refuses. It is
 * another store, with an id of its own: no file of the one can be taken for the other's.
 */
import { openNodeDisk, type Clock, type Directory, type Disk } from "@taskwal/disk";
import { CorruptError, DiskFailedError, invariant, LockedError } from "@taskwal/errors";
import { walFolder } from "@taskwal/format";
import { claimEpoch, type LogEntry } from "@taskwal/log";
import { readSnapshot, saveSnapshot, type WholeSnapshot } from "@taskwal/snapshot";
import { systemEntry } from "./new-store.ts";
import { lockDirectory, readLock, type OwnerLock } from "./owner-lock.ts";
import { planRollback, recordsBetween, type RollbackPlan } from "./rollback-plan.ts";
import { diskErrors, isWithin, openForReading } from "./state-directory.ts";
import { markType, type MarkData } from "./system-record.ts";
import { entryOf, writeLog } from "./write-log.ts";

export interface RollBackOptions {
  readonly dir: string;
  /** The new directory: missing or empty, and not within `dir`. */
  readonly into: string;
  /** What was shown to whoever decided. */
  readonly plan: RollbackPlan;
  readonly onProgress?: (at: { readonly sequence: number; readonly last: number }) => void;
  /** Default: the real one. */
  readonly disk?: Disk;
}

/**
 * On return `into` is durable, complete and closed; `dir` is as it was. Throws LockedError if `dir` has
 * gone on since the plan was made (more would be hidden than was shown), DiskFailedError if `into` is not
 * empty or the disk fails, CorruptError if what the plan read no longer reads; `into` then opens for nobody
 * or holds nothing, and another one is to be named the next time.
 */
export const rollBack = async (options: RollBackOptions): Promise<void> => {
  const { disk = openNodeDisk(), dir, into } = options;
  assertApart(dir, into);
  const source = await openForReading({ disk, dir });
  try {
    await diskErrors("roll back", into, async () => {
      const target = await disk.createDirectory(into);
      try {
        await assertEmpty(target);
        await fill({ ...options, disk, source, target });
      } finally {
        await target.close();
      }
    });
  } finally {
    await source.close();
  }
};

interface Copying extends RollBackOptions {
  readonly disk: Disk;
  readonly source: Directory;
  readonly target: Directory;
}

const fill = async (copying: Copying): Promise<void> => {
  const { disk, source, target, plan } = copying;
  const { clock } = disk;
  const base = await readSnapshot(source, plan.base.name, clock);
  if (!base.ok || base.head.sequence !== plan.base.sequence) {
    const reason = base.ok ? "it was replaced since it was looked at" : base.reason;
    throw new CorruptError({ file: plan.base.name, reason });
  }
  const store = Buffer.from(disk.randomBytes(16)).toString("hex");
  const lock = await lockDirectory(disk, target);
  try {
    await copyLog(copying, base, { store, lock });
    await assertUnchanged(copying);
    await putState(target, base, { clock, store });
  } finally {
    await lock.release();
  }
};

/** The records, and where they are from; durable on return. */
const copyLog = async (
  { disk, source, target, plan, onProgress }: Copying,
  { head }: WholeSnapshot,
  { store, lock }: { readonly store: string; readonly lock: OwnerLock },
): Promise<void> => {
  const { clock } = disk;
  await target.createFolder(walFolder);
  await target.syncFolder(".");
  const epoch = await claimEpoch(target, head.epoch);
  await lock.record({ epoch, store });
  const log = {
    directory: target,
    clock,
    store,
    epoch,
    continuation: { previous: undefined, first: head.sequence + 1, carried: [] },
    fence: () => lock.fence(),
    onProgress: (sequence: number) => onProgress?.({ sequence, last: plan.to }),
  };
  await writeLog(log, backAgain(source, head.sequence, plan, clock.now()));
};

/** The records that come back, and where they are from. */
async function* backAgain(
  source: Directory,
  base: number,
  { store, to: sequence }: RollbackPlan,
  at: number,
): AsyncGenerator<LogEntry, void, void> {
  let last = base;
  for await (const record of recordsBetween(source, base, sequence)) {
    yield entryOf(record);
    last = record.seq;
  }
  invariant(last === sequence, "what comes back is copied without a hole");
  yield systemEntry(markType, { rolledBack: { store, sequence } } satisfies MarkData, at);
}

/** From its rename on the directory opens, and is complete. */
const putState = async (
  target: Directory,
  { head, summary, collections, engine }: WholeSnapshot,
  { clock, store }: { readonly clock: Clock; readonly store: string },
): Promise<void> => {
  const { epoch, sequence, last, schema, last_saved } = head;
  const source = {
    head: { store, epoch, sequence, last, schema, last_saved },
    summary,
    collections: [...collections].map(([name, entities]) => ({ name, entities })),
    engine,
  };
  await saveSnapshot(target, source, { clock, previous: undefined });
};

/** Else more would be hidden than was shown. */
const assertUnchanged = async ({ dir, disk, source, plan }: Copying): Promise<void> => {
  const now = await planRollback({ dir, disk });
  if (now && now.last === plan.last && now.to === plan.to) return;
  const owner = await readLock(source);
  throw new LockedError({
    path: source.path,
    owner: owner?.released ? undefined : owner,
    reason: "has gone on with it since the plan was made",
  });
};

const assertApart = (dir: string, into: string): void => {
  if (isWithin(dir, into))
    throw notInto(into, "it is, or lies in, the directory that is rolled back");
};

const assertEmpty = async (target: Directory): Promise<void> => {
  if ((await target.list(".")).length === 0) return;
  throw notInto(target.path, "it holds files already; a rollback goes into a new directory");
};

const notInto = (path: string, reason: string): DiskFailedError =>
  new DiskFailedError({ operation: "roll back into", path, outcome: "not-written", reason });
