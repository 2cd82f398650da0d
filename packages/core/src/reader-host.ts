/**
 * A store without a lock and without a write: beside a living writer, which it follows, or alone.
 *
 *     recover (≤ D) ─> reads ─ every pollMs: HEAD or the last segment grew? ─ fold what became durable
 *
 * The rule: only what is durable is shown, unless `lastBatch` asks for more where nobody is left to write; a
 * partial end means "not yet", never damage; nothing in the directory is touched, so a copy without
 * permission to write can be read.
 */
import { ClosedError } from "@taskwal/errors";
import type { Directory, Disk } from "@taskwal/disk";
import { headName, timeStamp, type LogRecord } from "@taskwal/format";
import { listLog, replayLog, type LogPosition } from "@taskwal/log";
import { besideWriter } from "./beside-writer.ts";
import type { EntityModel, MutationModel } from "./define-model.ts";
import type { Events, StoreEvents } from "./events.ts";
import type { HeldRecords } from "./held-records.ts";
import { makeReport } from "./open-engine.ts";
import { tellOpening } from "./opening-events.ts";
import { isSelf, readLock, storeHintOf } from "./owner-lock.ts";
import { openReceipt } from "./receipt.ts";
import { recordStream, type RecordsOptions } from "./record-stream.ts";
import { Counts } from "./telemetry.ts";
import { foldLog } from "./fold-log.ts";
import { recover, type Recovered, type RecoverOptions } from "./recover.ts";
import type { RecoveryReport } from "./recovery-report.ts";
import { frozen, viewState, type StateView } from "./snapshot-view.ts";
import { diskErrors, openForReading } from "./state-directory.ts";
import type { Slot } from "./state.ts";
import type { CollectionHost } from "./store-collection.ts";
import type { StoreSettings } from "./store-engine.ts";

const pollMs = 50;

/** Opens an existing store for reading; throws as `openStore` does, but never LockedError. */
export const openReaderHost = async (
  settings: StoreSettings,
  events: Events<StoreEvents>,
  signal: AbortSignal | undefined,
): Promise<ReaderHost> => {
  const { disk, dir } = settings;
  const startMs = disk.clock.monotonicMs();
  const directory = await openForReading({ disk, dir });
  let recovered: Recovered;
  try {
    signal?.throwIfAborted();
    recovered = await recoverBeside(await howToRead(settings, directory));
  } catch (error) {
    await directory.close();
    throw error;
  }
  const known = {
    id: timeStamp(disk.clock.now()),
    dir: directory.path,
    store: recovered.store ?? "",
    epoch: recovered.listing.epochMax,
    quarantined: [],
    durationMs: disk.clock.monotonicMs() - startMs,
  };
  const host = new ReaderHost(settings, events, directory, recovered, makeReport(known, recovered));
  host.counts.loaded(host.recovery);
  tellOpening(events, host.recovery, host.sequence);
  return host;
};

const howToRead = async (
  { disk, model, onDamage, lastBatch }: StoreSettings,
  directory: Directory,
): Promise<RecoverOptions> => ({
  directory,
  clock: disk.clock,
  model,
  storeHint: await storeHintOf(directory),
  onDamage,
  durableOnly: !(lastBatch && (await isLeft(disk, directory))),
});

/** Whether no other process that lives owns the directory. One of which nothing is known may live. */
export const isLeft = async (disk: Disk, directory: Directory): Promise<boolean> => {
  const owner = await diskErrors("read", directory.path, () => readLock(directory));
  return (
    !owner ||
    owner.released === true ||
    isSelf(disk.process, owner) ||
    disk.isAlive(owner) === "dead"
  );
};

const recoverBeside = (options: RecoverOptions): Promise<Recovered> =>
  besideWriter(options.directory, () => recover(options));

export const readOnlyRefusal = "the store was opened read-only";

export class ReaderHost implements CollectionHost {
  readonly recovery: RecoveryReport;
  readonly events: Events<StoreEvents>;
  readonly settings: StoreSettings;
  readonly directory: Directory;
  readonly counts = new Counts();
  #recovered: Recovered;
  #folded: number;
  #resume: LogPosition | undefined;
  #seen = "";
  #polling: Promise<void> | undefined;
  #cancel: (() => void) | undefined;
  #closed = false;
  readonly #followers = new Set<() => void>();

  constructor(
    settings: StoreSettings,
    events: Events<StoreEvents>,
    directory: Directory,
    recovered: Recovered,
    report: RecoveryReport,
  ) {
    this.settings = settings;
    this.events = events;
    this.directory = directory;
    this.#recovered = recovered;
    this.#folded = recovered.folded;
    this.recovery = report;
    this.#listen();
    this.#schedule();
  }

  get sequence(): number {
    return this.#folded;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Of the last opening for writing that is known. */
  get epoch(): number {
    return this.#recovered.listing.epochMax;
  }

  get damagedCount(): number {
    return this.#recovered.state.damagedCount;
  }

  get held(): HeldRecords {
    return this.#recovered.state.held;
  }

  get dir(): string {
    return this.directory.path;
  }

  records(options: RecordsOptions = {}): AsyncIterableIterator<LogRecord> {
    return recordStream({
      directory: this.directory,
      store: this.#recovered.store,
      clock: this.settings.disk.clock,
      options,
      durable: () => this.#folded,
      followers: this.#followers,
      ended: () => this.#closed,
    });
  }

  /** Catches up with what is durable now. */
  async flush(): Promise<void> {
    await this.#polling;
    if (!this.#closed) await this.#catchUp();
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#cancel?.();
    await this.#polling;
    for (const task of this.#followers) task();
    await this.directory.close();
    this.events.emit("closed");
  }

  readonly calls = {
    mutate: (): Promise<never> => {
      const { receipt, reject } = openReceipt<never>((error) =>
        this.events.emit("mutation:failed", { error, type: "", id: "" }),
      );
      reject(new ClosedError(readOnlyRefusal));
      return receipt;
    },
  };

  read(entity: EntityModel, id: string): Slot | undefined {
    return this.#recovered.state.committed(entity, id);
  }

  readPending(entity: EntityModel, id: string): Slot | undefined {
    return this.read(entity, id);
  }

  slots(entity: EntityModel): ReadonlyMap<string, Slot> {
    return this.#recovered.state.slots(entity);
  }

  view(): StateView {
    const { state, keys } = this.#recovered;
    return viewState(this.settings.model, state, keys);
  }

  #listen(): void {
    this.#recovered.fold.onChange = (record, mutation, before, after) =>
      this.#tell(record, mutation, before, after);
  }

  #tell(record: LogRecord, mutation: MutationModel, before: Slot | undefined, after: Slot): void {
    this.events.emit("mutation", {
      collection: mutation.entity.key,
      id: record.id ?? "",
      type: record.type,
      before: frozen(before?.value),
      after: frozen(after.value),
      item: mutation.list === undefined ? undefined : record.data,
      version: after.n,
      sequence: record.seq,
    });
  }

  #schedule(): void {
    if (this.#closed) return;
    this.#cancel = this.settings.disk.clock.schedule(pollMs, () => {
      this.#polling = this.#poll().finally(() => {
        this.#polling = undefined;
        this.#schedule();
      });
    });
  }

  async #poll(): Promise<void> {
    try {
      const names = (await this.directory.list("wal")).toSorted();
      const last = names.findLast((name) => name.endsWith(".jsonl"));
      const stat = last && (await this.directory.stat(`wal/${last}`));
      const head = await this.directory.stat(headName);
      const seen = JSON.stringify([names.length, last, stat && stat.sizeBytes, head?.modified]);
      if (seen === this.#seen) return;
      this.#seen = seen;
      await this.#catchUp();
    } catch (error) {
      // The writer may be replacing what was listed a moment ago: the next look sees it whole.
      this.settings.logger?.debug({ error }, "following the log was interrupted");
      this.#seen = "";
    }
  }

  async #catchUp(): Promise<void> {
    const listing = await listLog(this.directory, this.#recovered.store);
    const first = listing.segments[0]?.id.first ?? 1;
    if (first > this.#folded + 1) await this.#startOver();
    const base = this.#folded;
    const range = { base, promised: base, onReadError: "throw" } as const;
    const steps = replayLog(
      this.directory,
      listing,
      this.#resume ? { ...range, resume: this.#resume } : range,
    );
    const held = this.held.count;
    const { fold } = this.#recovered;
    const promised = Math.max(base, listing.promised);
    const { end, folded } = await foldLog(steps, fold, base, promised);
    if (this.held.count > held) this.events.emit("state:held", { types: this.held.types() });
    this.#folded = folded;
    if (end.lastKept === folded) this.#resume = end.position;
    if (folded > base) for (const task of this.#followers) task();
  }

  /** What was to be read next is pruned: begins again from the newest snapshot. */
  async #startOver(): Promise<void> {
    const { model, onDamage, disk } = this.settings;
    const storeHint = this.#recovered.store;
    const options = { directory: this.directory, clock: disk.clock, model, storeHint, onDamage };
    this.#recovered = await recoverBeside({ ...options, durableOnly: true });
    this.#folded = this.#recovered.folded;
    this.#resume = undefined;
    this.#listen();
    this.events.emit("state:loaded", { sequence: this.#folded, durationMs: 0 });
  }
}
