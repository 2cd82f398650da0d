/**
 * The way back from a migration, before it is gone: what would come back, and what would be hidden.
 *
 *     |─ older snapshot ─|── records of the older versions ──|── $boot, $migrated, … of the newer ──|
 *                      base                                  to       hidden, one by one           last
 *
 * The rule: reads only, without a model, beside a living writer. What comes back is all that the older
 * program would have found the moment before; what it would be refused by, and all behind it, is hidden.
 */
import { openNodeDisk, type Clock, type Directory, type Disk } from "@taskwal/disk";
import { CorruptError } from "@taskwal/errors";
import { preMigrationName, type LogRecord } from "@taskwal/format";
import { listLog, recordCrc, replayLog, type LogListing } from "@taskwal/log";
import {
  listSnapshots,
  readSnapshotHead,
  verifySnapshot,
  type SnapshotHead,
} from "@taskwal/snapshot";
import { besideWriter } from "./beside-writer.ts";
import { storeHintOf } from "./owner-lock.ts";
import { isNewer } from "./schema-versions.ts";
import { diskErrors, openForReading } from "./state-directory.ts";
import { bootType, migratedType, type SchemaVersions, type Span } from "./system-record.ts";

export interface RollbackSource {
  readonly dir: string;
  /** Default: the real one. */
  readonly disk?: Disk;
}

export interface RollbackPlan {
  readonly dir: string;
  readonly store: string;
  /** The snapshot that it goes back by: the newest one of the older versions. */
  readonly base: { readonly name: string; readonly sequence: number };
  /** Entities and their versions, as they would be again. */
  readonly schema: SchemaVersions;
  /** The last sequence that comes back. */
  readonly to: number;
  /** The last sequence of the log: `to` if nothing is hidden. */
  readonly last: number;
  /** How many records of the log would be hidden: those of the engine, and those that somebody wrote. */
  readonly hidden: { readonly records: number; readonly mutations: number };
  /** Sequences that would be hidden and cannot be listed: the log no longer has them. */
  readonly unlisted: readonly Span[];
}

/**
 * Undefined if no migration left a way back, or the directory holds no store. Throws CorruptError if the
 * snapshot that was kept does not verify and no other one will do, UnsupportedFormatError, DiskFailedError.
 */
export const planRollback = async (options: RollbackSource): Promise<RollbackPlan | undefined> =>
  reading(options, (directory, clock) =>
    besideWriter(directory, async () => planIn(directory, clock)),
  );

/**
 * Every record that the plan would hide, in their order. Throws DiskFailedError, also if the directory's
 * owner has pruned them since the plan was made.
 */
export async function* hiddenRecords(
  { dir, disk = openNodeDisk() }: RollbackSource,
  { to, last }: Pick<RollbackPlan, "to" | "last">,
): AsyncGenerator<LogRecord, void, void> {
  const directory = await diskErrors("open", dir, () => openForReading({ disk, dir }));
  try {
    yield* recordsBetween(directory, to, last);
  } finally {
    await directory.close();
  }
}

/** Kept records above `base` up to `last`; all up to `promised` is known to have been durable. */
export async function* recordsBetween(
  directory: Directory,
  base: number,
  last: number,
  promised = base,
): AsyncGenerator<LogRecord, void, void> {
  if (base >= last) return;
  const range = { base, promised, until: last, onReadError: "damage" } as const;
  const listing = await listLog(directory, await storeHintOf(directory), { onReadError: "damage" });
  const steps = replayLog(directory, listing, range);
  try {
    for (let step = await steps.next(); !step.done; step = await steps.next()) {
      if (step.value.kind === "records") yield* step.value.records;
    }
  } finally {
    await steps.return(undefined as never);
  }
}

const reading = async <T>(
  { dir, disk = openNodeDisk() }: RollbackSource,
  work: (directory: Directory, clock: Clock) => Promise<T>,
): Promise<T> => {
  const directory = await openForReading({ disk, dir });
  try {
    return await diskErrors("read", dir, () => work(directory, disk.clock));
  } finally {
    await directory.close();
  }
};

const planIn = async (directory: Directory, clock: Clock): Promise<RollbackPlan | undefined> => {
  const kept = await readSnapshotHead(directory, preMigrationName);
  if (kept.kind === "other") return undefined;
  const listing = await listLog(directory, await storeHintOf(directory));
  const base = await newestOlder(directory, clock, listing);
  const { sequence, schema, store } = base.head;
  const range = { base: sequence, promised: sequence, onReadError: "damage" } as const;
  const steps = replayLog(directory, listing, range);
  const unlisted: Span[] = [];
  const cut = new Cut(sequence, schema);
  try {
    for (let step = await steps.next(); !step.done; step = await steps.next()) {
      if (step.value.kind === "records") {
        for (const record of step.value.records) cut.take(record);
      } else {
        unlisted.push([step.value.first, step.value.last]);
        cut.end();
      }
      await clock.yield();
    }
  } finally {
    await steps.return(undefined as never);
  }
  const { to, last, hidden } = cut;
  const at = { name: base.name, sequence };
  return { dir: directory.path, store, base: at, schema, to, last, hidden, unlisted };
};

/** Where the older program would be refused. */
class Cut {
  to: number;
  last: number;
  readonly hidden = { records: 0, mutations: 0 };
  readonly #schema: SchemaVersions;
  #isPast = false;
  /** Members so far of the transaction that the record stands in. */
  #members = 0;

  constructor(base: number, schema: SchemaVersions) {
    this.to = base;
    this.last = base;
    this.#schema = schema;
  }

  /** Nothing behind comes back. */
  end(): void {
    this.#isPast = true;
  }

  take(record: LogRecord): void {
    const { seq, type, tx } = record;
    this.last = seq;
    this.#members = tx && tx[0] > 1 ? this.#members + 1 : 1;
    if (!this.#isPast && isOfNewer(record, this.#schema)) {
      this.#isPast = true;
      // All of its transaction or nothing.
      const before = this.#members - 1;
      this.to = seq - 1 - before;
      this.hidden.records += before;
    }
    if (!this.#isPast) this.to = seq;
    else {
      this.hidden.records += 1;
      this.hidden.mutations += Number(!type.startsWith("$"));
    }
  }
}

/** What an opening by the older program refuses. */
const isOfNewer = ({ type, data }: LogRecord, known: SchemaVersions): boolean => {
  if (type !== bootType && type !== migratedType) return false;
  const { schema = {} } = data as { readonly schema?: SchemaVersions };
  return isNewer(schema, known);
};

/** The newest snapshot of the versions of the one that was kept, or older; at least that one. */
const newestOlder = async (
  directory: Directory,
  clock: Clock,
  listing: LogListing,
): Promise<{ readonly name: string; readonly head: SnapshotHead }> => {
  const kept = await readSnapshotHead(directory, preMigrationName);
  const schema = kept.kind === "ours" ? kept.head.schema : {};
  const candidates = [];
  for (const { name, head } of await listSnapshots(directory)) {
    if (head && !isNewer(head.schema, schema)) candidates.push({ name, sequence: head.sequence });
  }
  if (kept.kind === "ours")
    candidates.push({ name: preMigrationName, sequence: kept.head.sequence });
  candidates.sort((a, b) => b.sequence - a.sequence);
  for (const { name } of candidates) {
    const verified = await verifySnapshot(directory, name, clock);
    if (!verified.ok) continue;
    const { head } = verified;
    if (listing.store !== undefined && head.store !== listing.store) continue;
    const written = await recordCrc(listing, head, { directory, onReadError: "damage" });
    if (written === undefined || written === head.last) return { name, head };
  }
  throw new CorruptError({
    file: preMigrationName,
    reason:
      "it does not verify, and there is no other snapshot of the versions before the migration",
  });
};
