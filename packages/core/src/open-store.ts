/**
 * The way in: options with their defaults, the engine opened, the store with its typed collections.
 *
 * The rule: what resolves is open, and has told its listeners what the opening found.
 */
import { openNodeDisk, type Disk } from "@taskwal/disk";
import { LockedError } from "@taskwal/errors";
import { limits } from "@taskwal/format";
import type { CollectionsOf, TransactionOf, TransactionOptions } from "./collection-type.ts";
import type { EntityDefinitions, TypedModel } from "./define-model.ts";
import { discreetLogger } from "./discreet-logger.ts";
import { logEvents } from "./event-log.ts";
import { Events, type Listeners, type Logger, type StoreEvents } from "./events.ts";
import { tellOpening } from "./opening-events.ts";
import { withAdvice } from "./permission-advice.ts";
import { ReadOnlyStore } from "./read-only-store.ts";
import { openReaderHost } from "./reader-host.ts";
import type { Redact } from "./redact.ts";
import { storeCollections, transactionCollections } from "./store-collection.ts";
import type { StoreSettings } from "./store-engine.ts";
import { StoreHost } from "./store-host.ts";
import { Store } from "./store.ts";
import { assertSummary } from "./summary.ts";

export interface OpenOptions<M extends TypedModel<EntityDefinitions>> {
  /** The state directory; created (0700) if it is missing. */
  readonly dir: string;
  readonly model: M;
  /** Attached before the opening, so that they hear of it. */
  readonly on?: Listeners<StoreEvents>;
  /**
   * Where the library may speak: pino, winston or console. It never writes to stdout by itself. What is logged names
   * types, ids, numbers and files; of errors what they are and where they were thrown. Never a payload or an entity: the
   * messages of schemas, reducers and listeners, which may quote one, are in what was thrown and in the events only.
   */
  readonly logger?: Logger;
  /**
   * Takes out of each payload what must not be kept (secrets), before the schema, the reducer and the disk see it: on
   * `mutate`, `append`, `transact` and imports alike. If it throws, the call is refused and nothing is written. Ids,
   * keys and labels do not pass through it.
   */
  readonly redact?: Redact;
  /**
   * What to do if another process owns the directory: throw LockedError (default), open for reading
   * and follow it live, or wait up to so many milliseconds and then throw.
   */
  readonly onLocked?: "throw" | "read-only" | { readonly waitMs: number };
  /** What to do with damage to acknowledged records: go on without them and tell (default), or throw CorruptError. */
  readonly onDamage?: "salvage" | "refuse";
  /** Opens without a lock and without writing, beside a writer or alone. Default: false. */
  readonly readOnly?: boolean;
  /**
   * With `readOnly`: also shows the last batch, for which nothing vouches yet, if no other process that lives owns the
   * directory. A power cut may still take it, as long as nobody opens for writing. Default: false.
   */
  readonly lastBatch?: boolean;
  /** Milliseconds between snapshots at least, if something changed. Default: 30,000; Infinity: only on demand and on close. */
  readonly autosaveMs?: number;
  /** Bytes that may wait to be written; beyond, calls are refused. Default: 64 MiB. */
  readonly queueBytesMax?: number;
  /** A segment of the log is sealed at this size. Default: 64 MiB. */
  readonly segmentBytesMax?: number;
  /** Bytes of log kept as history below the oldest backup. Default: 256 MiB. */
  readonly historyBytesMax?: number;
  /** Files of it. Default: 1,000. */
  readonly historyFilesMax?: number;
  /**
   * Below so many free bytes the disk counts as low ("disk:low", `health()`). Default: 1 GiB or a twentieth of the
   * file system, whichever is less.
   */
  readonly diskLowBytes?: number;
  /** Whether entities are also kept as one file each, for people. Default: true. */
  readonly mirrors?: boolean;
  /** A directory on another disk, where the state is dumped once if this one fails. */
  readonly emergencyDir?: string;
  /** Network file systems do not keep the promises that the store rests on, and are refused. Default: false. */
  readonly allowNetworkFileSystem?: boolean;
  /** May open a directory with a state of another layout beside which the store is put. Default: false. */
  readonly acceptLegacy?: boolean;
  /**
   * Fills the store before its life begins: no snapshot and no mirror is written until it resolves, so a
   * crash finds what stood there before. If it rejects, the store is closed and the opening rejects.
   */
  readonly seed?: (store: StoreOf<M>) => Promise<void>;
  /** Gives up opening. */
  readonly signal?: AbortSignal;
  /** The disk, clock and randomness. Default: the real ones. */
  readonly disk?: Disk;
}

/** A store of a model: the general part, a collection per entity, and transactions. */
export type StoreOf<M extends TypedModel<EntityDefinitions>> = Store &
  CollectionsOf<M> &
  Transacting<M>;

export interface Transacting<M extends TypedModel<EntityDefinitions>> {
  /**
   * Runs `work` at once; what it mutates becomes durable as a whole or not at all. `work` must be
   * synchronous; if it throws, nothing of it is written. It is run again, and the result is that of the
   * last run, if a call that still waits before it is cancelled by its `signal`: it may have read of it.
   * With a `key` that is known, `work` is not run and the result is undefined.
   */
  transact<R>(
    work: (tx: TransactionOf<M>) => R,
    options?: Omit<TransactionOptions, "key">,
  ): Promise<R>;
  transact<R>(
    work: (tx: TransactionOf<M>) => R,
    options: TransactionOptions,
  ): Promise<R | undefined>;
}

/** After how long without a record the last batch is closed with its watermark, in milliseconds. */
const idleMs = 50;
const autosaveRecordsMax = 100_000;

/**
 * Opens a store: recovers what a crash left, and tells what it found ("recovered", `store.recovery`).
 * Throws LockedError, CorruptError, UnsupportedFormatError, ReplayFailedError, DiskFailedError; nothing
 * is lost then, and the directory is free.
 */
export const openStore = async <M extends TypedModel<EntityDefinitions>>(
  options: OpenOptions<M>,
): Promise<StoreOf<M>> => {
  const logger = options.logger && discreetLogger(options.logger);
  const events = new Events<StoreEvents>(logger, options.on);
  if (logger) logEvents(events, logger);
  const settings = settingsOf(options, logger);
  // A summary that cannot be stored fails here, not at every later snapshot.
  assertSummary(settings.model.summary, settings.model.entities.keys());
  try {
    return options.readOnly
      ? await openReader(settings, events, options)
      : await openWriter(settings, events, options);
  } catch (error) {
    throw await withAdvice(error, settings.disk);
  }
};

const openWriter = async <M extends TypedModel<EntityDefinitions>>(
  settings: StoreSettings,
  events: Events<StoreEvents>,
  options: OpenOptions<M>,
): Promise<StoreOf<M>> => {
  const { onLocked = "throw" } = options;
  const lockWaitMs = typeof onLocked === "object" ? onLocked.waitMs : 0;
  try {
    const host = await StoreHost.open(settings, events, { lockWaitMs, signal: options.signal });
    const store = withCollections(host, options.model);
    await seed(host, store, options.seed);
    host.engine.start();
    tellOpening(events, store.recovery, store.sequence);
    return store;
  } catch (error) {
    if (!(error instanceof LockedError) || onLocked !== "read-only") throw error;
    return openReader(settings, events, options);
  }
};

/** The same shape, so that a program need not know; what writes is refused when it is called. */
const openReader = async <M extends TypedModel<EntityDefinitions>>(
  settings: StoreSettings,
  events: Events<StoreEvents>,
  { model, signal }: OpenOptions<M>,
): Promise<StoreOf<M>> => {
  const host = await openReaderHost(settings, events, signal);
  const transact = (): Promise<never> => host.calls.mutate();
  const store = new ReadOnlyStore(host);
  return Object.assign(store, storeCollections(host, model), { transact }) as unknown as StoreOf<M>;
};

const seed = async <M extends TypedModel<EntityDefinitions>>(
  host: StoreHost,
  store: StoreOf<M>,
  fill: OpenOptions<M>["seed"],
): Promise<void> => {
  try {
    await fill?.(store);
  } catch (error) {
    await host.abandon();
    throw error;
  }
};

const settingsOf = <M extends TypedModel<EntityDefinitions>>(
  options: OpenOptions<M>,
  logger: Logger | undefined,
): StoreSettings => ({
  disk: options.disk ?? openNodeDisk(),
  dir: options.dir,
  model: options.model,
  logger,
  redact: options.redact,
  diskLowBytes: options.diskLowBytes,
  onDamage: options.onDamage ?? "salvage",
  allowNetworkFileSystem: options.allowNetworkFileSystem ?? false,
  acceptLegacy: options.acceptLegacy ?? false,
  autosaveMs: options.autosaveMs ?? 30_000,
  autosaveRecordsMax,
  queueBytesMax: options.queueBytesMax ?? 64 * 1024 * 1024,
  segmentBytesMax: options.segmentBytesMax ?? limits.segmentBytesDefault,
  historyBytesMax: options.historyBytesMax ?? 256 * 1024 * 1024,
  historyFilesMax: options.historyFilesMax ?? 1_000,
  mirrors: options.mirrors ?? true,
  emergencyDir: options.emergencyDir,
  lastBatch: options.lastBatch ?? false,
  idleMs,
});

const withCollections = <M extends TypedModel<EntityDefinitions>>(
  host: StoreHost,
  model: M,
): StoreOf<M> => {
  const transact = (
    work: (tx: TransactionOf<M>) => unknown,
    options: TransactionOptions = {},
  ): Promise<unknown> =>
    host.calls.transact(
      (mutate) => work(transactionCollections(host, model, mutate) as unknown as TransactionOf<M>),
      options,
    );
  return Object.assign(new Store(host), storeCollections(host, model), {
    transact,
  }) as unknown as StoreOf<M>;
};
