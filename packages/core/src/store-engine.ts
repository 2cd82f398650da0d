/**
 * One life of a store, from an opening to its close or its poison: the parts, wired.
 *
 *     CommitQueue ── LogWriter            what is acknowledged
 *         ├── Autosave ── saveSnapshot    state.json, backups, pruning
 *         └── Mirrors                     files for people, written behind
 *
 * The rule: the parts do not know each other; whatever one does that concerns another passes here.
 */
import type { DiskFailedError } from "@taskwal/errors";
import type { Clock, Disk } from "@taskwal/disk";
import { stateName } from "@taskwal/format";
import { pruneLog } from "@taskwal/log";
import { pruneBackups, saveSnapshot, type KnownState } from "@taskwal/snapshot";
import { Autosave } from "./autosave.ts";
import { CommitQueue } from "./commit-queue.ts";
import type { Model } from "./define-model.ts";
import { dumpState } from "./emergency-dump.ts";
import type { Events, Logger, StoreEvents } from "./events.ts";
import { schemaWith } from "./held-records.ts";
import { Mirrors } from "./mirrors.ts";
import type { Monitor } from "./monitor.ts";
import { openEngine, type Engine, type EngineOptions } from "./open-engine.ts";
import type { Prepared, PrepareContext } from "./prepare.ts";
import type { Redact } from "./redact.ts";
import { snapshotParts, viewState } from "./snapshot-view.ts";
import { diskErrors, type KnownStore } from "./state-directory.ts";
import { closeType } from "./system-record.ts";

export interface StoreSettings extends Omit<
  EngineOptions,
  "onPoison" | "onMigration" | "signal" | "lockWaitMs" | "monitor" | "known"
> {
  readonly autosaveMs: number;
  readonly autosaveRecordsMax: number;
  readonly queueBytesMax: number;
  readonly historyBytesMax: number;
  readonly historyFilesMax: number;
  readonly mirrors: boolean;
  /** Where the state is dumped once if this disk fails; undefined for nowhere. */
  readonly emergencyDir: string | undefined;
  readonly logger: Logger | undefined;
  /** Whether a reader shows what no promise covers, where nobody is left to write on. */
  readonly lastBatch: boolean;
  /** Below so many free bytes there is little room; undefined for the default. */
  readonly diskLowBytes: number | undefined;
  /** Takes secrets out of payloads before anything else sees them. */
  readonly redact: Redact | undefined;
}

export interface Opening {
  readonly lockWaitMs: number;
  readonly signal: AbortSignal | undefined;
  readonly known: KnownStore | undefined;
  /** Called whenever more became durable, and when there will be no more. */
  readonly followers: ReadonlySet<() => void>;
  readonly monitor: Monitor;
}

/** How long something visible may stay unsynced. */
const syncWithinMs = 1_000;

export class StoreEngine {
  readonly settings: StoreSettings;
  readonly events: Events<StoreEvents>;
  readonly parts: Engine;
  readonly queue: CommitQueue;
  readonly autosave: Autosave;
  readonly mirrors: Mirrors;
  #known: KnownState | undefined;
  #started = false;
  #ended = false;
  readonly monitor: Monitor;
  readonly #followers: ReadonlySet<() => void>;

  private constructor(
    settings: StoreSettings,
    events: Events<StoreEvents>,
    parts: Engine,
    { followers, monitor }: Opening,
  ) {
    this.#followers = followers;
    this.monitor = monitor;
    this.settings = settings;
    this.events = events;
    this.parts = parts;
    const { directory, log, recovered, store } = parts;
    const { clock } = settings.disk;
    this.queue = new CommitQueue({
      state: recovered.state,
      log,
      clock,
      queueBytesMax: settings.queueBytesMax,
      syncWithinMs,
      onDurable: (changes) => this.#durable(changes),
      onDead: (error, takenBack) => this.#dead(error, takenBack),
    });
    this.autosave = new Autosave(
      this.#autosaveOptions(),
      recovered.snapshot?.reading.head.sequence ?? 0,
    );
    this.mirrors = new Mirrors({
      directory,
      clock,
      // Never what a power cut could take back: the file would stay ahead of the log.
      slotOf: (entity, id) => this.queue.durable(entity, id),
      held: recovered.state.held,
      store,
      events,
      enabled: settings.mirrors,
    });
    if (recovered.snapshot?.name === "state.json") this.#known = recovered.snapshot.reading.stat;
  }

  /** Opens; nothing but the log is written before `start()`. */
  static async open(
    settings: StoreSettings,
    events: Events<StoreEvents>,
    opening: Opening,
  ): Promise<StoreEngine> {
    let engine: StoreEngine | undefined;
    const { followers: _, ...watched } = opening;
    const onPoison = (error: DiskFailedError): void => engine?.queue.died(error);
    const onMigration: EngineOptions["onMigration"] = (phase, migration) =>
      events.emit(`migration:${phase}`, migration);
    const parts = await openEngine({ ...settings, ...watched, onPoison, onMigration });
    engine = new StoreEngine(settings, events, parts, opening);
    opening.monitor.counts.loaded(parts.report);
    return engine;
  }

  /** From here on snapshots and mirrors are written. Damage that was found is soon behind a snapshot. */
  start(): void {
    this.#started = true;
    this.#look();
    // A crash may have come between a record and its mirror.
    for (const [entity, ids] of this.parts.recovered.fold.touched) {
      for (const id of ids) this.mirrors.mark(entity, id);
    }
    this.mirrors.durable();
    this.autosave.changed();
    if (this.parts.report.lost.length > 0) {
      this.autosave
        .save()
        .catch((error: unknown) => this.events.emit("state:save-error", { error: error as Error }));
    }
  }

  get model(): Model {
    return this.settings.model;
  }

  get redact(): Redact | undefined {
    return this.settings.redact;
  }

  get disk(): Disk {
    return this.settings.disk;
  }

  get clock(): Clock {
    return this.settings.disk.clock;
  }

  context(): PrepareContext {
    const { model, redact } = this.settings;
    return { model, redact, state: this.parts.recovered.state, at: this.clock.now() };
  }

  /**
   * Ends this life: all that waits becomes durable, a snapshot is taken, "$close" is written, the log
   * sealed and the lock freed. Throws what kept it from being durable; the lock is free in any case.
   */
  async close(): Promise<void> {
    if (this.#ended) return;
    const { log } = this.parts;
    try {
      await this.autosave.stop();
      if (!log.poison) {
        await this.queue.barrier(() => {});
        await this.#closeSave();
        await this.mirrors.stop();
        await this.#appendClose();
      }
    } finally {
      await this.abandon();
    }
  }

  /** Frees the directory and no more: what was acknowledged is in the log. */
  async abandon(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    const { log, lock, directory } = this.parts;
    this.queue.close();
    await this.autosave.stop();
    this.mirrors.abandon();
    try {
      await log.close();
    } catch (error) {
      this.events.emit("state:save-error", { error: error as Error });
    } finally {
      await lock.release();
      await directory.close();
      this.#wake();
    }
  }

  /** A snapshot on close; a failure is told and costs nothing: the log has it all. */
  async #closeSave(): Promise<void> {
    if (this.autosave.saved >= this.parts.log.durable) return;
    this.events.emit("shutdown:save", { sequence: this.parts.log.durable });
    try {
      await this.autosave.save();
    } catch (error) {
      this.events.emit("state:save-error", { error: error as Error });
    }
  }

  async #appendClose(): Promise<void> {
    const draft = { at: this.clock.now(), type: closeType };
    try {
      await this.parts.log.append([{ draft, dataJson: "{}" }], true);
    } catch (error) {
      // Without it the next opening only says that this one was not closed.
      this.settings.logger?.warn({ error }, "the clean end could not be recorded");
    }
  }

  #autosaveOptions(): ConstructorParameters<typeof Autosave>[0] {
    const { autosaveMs, autosaveRecordsMax } = this.settings;
    return {
      clock: this.clock,
      intervalMs: autosaveMs,
      recordsMax: autosaveRecordsMax,
      sequence: () => this.parts.log.durable,
      save: () => this.#trySave(),
      onTriggered: () => {
        this.events.emit("autosave:triggered", { sequence: this.parts.log.durable });
        this.#look();
      },
      onFailed: (error) => this.events.emit("state:save-error", { error: error as Error }),
    };
  }

  #look(): void {
    void this.monitor.alarms.look(this.parts.directory);
  }

  async #trySave(): Promise<number> {
    const path = `${this.parts.directory.path}/${stateName}`;
    try {
      return await diskErrors("save", path, () => this.#save());
    } catch (error) {
      this.monitor.saveFailed(error as Error);
      throw error;
    }
  }

  /** Takes the view between two batches, once all in it is durable; writes it while mutations go on. */
  async #save(): Promise<number> {
    const startMs = this.clock.monotonicMs();
    const { directory, log, store, recovered } = this.parts;
    const view = await this.queue.barrier(() => ({
      sequence: log.last,
      last: log.lastCrc,
      parts: viewState(this.model, recovered.state, recovered.keys),
    }));
    // The view held the event loop for long enough: the rest is made in slices.
    await this.clock.yield();
    const { epoch } = log;
    const atMs = this.clock.now();
    const last_saved = new Date(atMs).toISOString();
    const head = {
      store,
      epoch,
      sequence: view.sequence,
      last: view.last,
      schema: schemaWith(this.model, recovered.state.held),
      last_saved,
    };
    const source = { head, ...(await snapshotParts(this.model, view.parts, this.clock)) };
    await this.mirrors.catchUp();
    const saved = await saveSnapshot(directory, source, {
      clock: this.clock,
      previous: this.#known,
      onBackupFailed: (error) => this.monitor.backupFailed(error as Error),
    });
    this.#known = saved.stat;
    this.monitor.placed({ atMs, sequence: view.sequence }, saved.backup);
    await this.prune();
    const durationMs = this.clock.monotonicMs() - startMs;
    this.monitor.saved(durationMs);
    this.events.emit("state:saved", {
      sequence: view.sequence,
      sizeBytes: saved.sizeBytes,
      durationMs,
    });
    if (saved.backup) this.events.emit("backup:created", { name: saved.backup });
    if (saved.quarantined) {
      this.events.emit("mirror:conflict", { name: "state.json", quarantined: saved.quarantined });
    }
    return view.sequence;
  }

  /** Only after the snapshot is in place, and only below the oldest backup that is kept. */
  prune(): Promise<void> {
    return diskErrors("prune", this.parts.directory.path, () => this.#prune());
  }

  async #prune(): Promise<void> {
    const { directory, log } = this.parts;
    const { oldestSequence } = await pruneBackups(directory, { clock: this.clock });
    // Without a backup a damaged state.json could only be answered from the whole log.
    if (oldestSequence === undefined) return;
    const { historyBytesMax, historyFilesMax } = this.settings;
    const { activeName: active, epoch } = log;
    await pruneLog(directory, {
      below: oldestSequence,
      historyBytesMax,
      historyFilesMax,
      active,
      epoch,
    });
  }

  #durable(changes: readonly Prepared[]): void {
    this.monitor.durable(changes.length);
    for (const { mutation, id } of changes) this.mirrors.mark(mutation.entity, id);
    if (this.#started) {
      this.autosave.changed();
      this.mirrors.durable();
    }
    this.#wake();
  }

  #dead(error: DiskFailedError, takenBack: readonly number[]): void {
    this.events.emit("poisoned", { error, takenBack });
    this.#wake();
    const { emergencyDir } = this.settings;
    if (emergencyDir === undefined) return;
    dumpState(emergencyDir, { disk: this.disk, model: this.model, parts: this.parts }).catch(
      (cause: unknown) => this.events.emit("state:save-error", { error: cause as Error }),
    );
  }

  #wake(): void {
    for (const follower of this.#followers) follower();
  }
}
