/**
 * The drop-in for the state persistence of a coding agent's orchestrator: its class, its methods, its events; a taskwal
 * store behind them.
 *
 *     saveTask(whole task) ─ what is new of it ─> records ─ synced ─> resolves
 *     saveState(whole state) ─ the same, brought forward ─> records ─> "state:saved", and soon a snapshot
 *
 * The rule: what has resolved survives the death of the process and of the power. Calls of one task are ordered as they
 * were made, whoever awaits them; the last one wins.
 */
import { EventEmitter } from "node:events";
import {
  discreetLogger,
  withAdvice,
  type Health,
  type Logger,
  type Telemetry,
  type TransactionOf,
} from "@taskwal/core";
import { openNodeDisk, type Disk } from "@taskwal/disk";
import { copyJson } from "@taskwal/format";
import type { TaskStore, taskModel } from "@taskwal/tasks";
import { acceptDamage } from "./accept-damage.ts";
import { dumpOnCrash } from "./dump-on-crash.ts";
import { endWithProcess } from "./end-with-process.ts";
import { LiveStore } from "./live-store.ts";
import { mendPersistence, openPersistence, readAnyway, type Opener } from "./open-persistence.ts";
import type { PersistenceConfig } from "./persistence-config.ts";
import { isDiskFailure, type PersistenceEvents, type Tell } from "./persistence-events.ts";
import { partsOf, wholeTasks, type PersistedSession, type PersistedState } from "./whole-state.ts";
import { putTask, takeTask, type Taking, type WholeTask } from "./whole-task.ts";

export { autosaveMsDefault, type PersistenceConfig } from "./persistence-config.ts";
export type { PersistenceEvents } from "./persistence-events.ts";
export type { PersistedSession, PersistedState } from "./whole-state.ts";
export type { WholeTask } from "./whole-task.ts";

/** What `saveReport` is given by the orchestrator; any JSON is taken. */
export interface Report {
  readonly id: string;
  readonly type: string;
  readonly timestamp: string;
  readonly data: Record<string, unknown>;
}

type Transaction = TransactionOf<typeof taskModel>;

/** `saveState` may be called for every change: it has a snapshot taken at most so often, in milliseconds. */
const snapshotMsMin = 5_000;

/** `Task` is the caller's own type of a task: what was saved as one is loaded as one. */
export class StatePersistence<Task = WholeTask> extends EventEmitter<PersistenceEvents> {
  static #instance: StatePersistence<never> | undefined;

  /** Resolves once the state is in memory; rejects if it could not be opened. Calls need not wait for it. */
  readonly ready: Promise<void>;
  readonly #config: PersistenceConfig;
  readonly #logger: Logger | undefined;
  readonly #disk: Disk;
  readonly #opener: Opener;
  readonly #live: LiveStore;
  /** The last save of each task. */
  readonly #last = new Map<string, Promise<void>>();
  /** Saves of whole states that are under way. */
  readonly #states = new Set<Promise<void>>();
  #snapshotAtMs = -Infinity;
  #closing: Promise<void> | undefined;
  #uninstall = (): void => {};

  /**
   * The one of this process, made by the first call: it is closed when the process ends, by SIGTERM, SIGINT or by itself.
   * After `shutdown` the next call makes another. Throws a TypeError for a config beside which one is open already.
   */
  static getInstance<Task = WholeTask>(config?: PersistenceConfig): StatePersistence<Task> {
    const open = StatePersistence.#instance as StatePersistence<Task> | undefined;
    if (!open) {
      const made = new StatePersistence<Task>(config);
      made.#install();
      StatePersistence.#instance = made as never;
      return made;
    }
    if (
      config &&
      Object.entries(config).some(([name, value]) => !open.#isConfigured(name, value))
    ) {
      throw new TypeError("the state persistence of this process is open with another config");
    }
    return open;
  }

  /** One of its own, for a program with several directories: it has to call `shutdown` itself. */
  constructor(config: PersistenceConfig = {}) {
    super();
    if (config.type !== undefined && config.type !== "filesystem") {
      throw new TypeError(`there is no storage ${JSON.stringify(config.type)}, only "filesystem"`);
    }
    this.#config = config;
    this.#logger = config.logger && discreetLogger(config.logger);
    this.#disk = config.disk ?? openNodeDisk();
    const opener: Opener = {
      config: this.#logger ? { ...config, logger: this.#logger } : config,
      disk: this.#disk,
      tell: this.#tell,
      failed: (error) => void this.#failed(error),
      tellFailure: (error) => void this.#tellFailure(error),
    };
    this.#opener = opener;
    this.#live = new LiveStore({
      clock: this.#disk.clock,
      open: () => openPersistence(opener),
      mend: (store) => mendPersistence(opener, store),
      onFailed: opener.failed,
    });
    this.ready = this.#live.ready;
  }

  /**
   * Makes the stored task the one that is handed in, and resolves once that is durable. New entries of its log are a
   * record each, all fields that changed are one. Rejects with what keeps it from being saved; nothing of it is then.
   */
  saveTask(task: Task): Promise<void> {
    return this.#told(() => {
      const given = takeTask(task, this.#taking);
      return this.#transact(given.id, (tx) => putTask(tx, given), { accepts: true });
    });
  }

  /** Removes a task; one that is not there is no error. Its history stays in the log. */
  deleteTask(taskId: string): Promise<void> {
    return this.#told(() =>
      this.#transact(
        taskId,
        ({ tasks }) => {
          if (tasks.get(taskId)) tasks.mutate(taskId, "task.deleted", {});
        },
        { accepts: true },
      ),
    );
  }

  /**
   * Brings all tasks and sessions of a state forward, and removes none. Never rejects: what could not be saved is told
   * by "state:save-error", what was by "state:saved".
   */
  saveState(state: PersistedState<Task>): Promise<void> {
    const call = this.#saveState(state).catch(async (error: unknown) => {
      await this.#failed(error);
    });
    this.#states.add(call);
    void call.then(() => this.#states.delete(call));
    return call;
  }

  async #saveState(state: PersistedState<Task>): Promise<void> {
    const { parts, errors } = partsOf(state, this.#taking);
    const saves = parts.map(({ id, bring }) => this.#transact(id, bring));
    const ends = await Promise.allSettled([this.#live.use(async () => {}), ...saves]);
    const failures = ends.flatMap((end) => (end.status === "rejected" ? [end.reason] : []));
    for (const error of new Set<unknown>([...errors, ...failures])) await this.#failed(error);
    if (errors.length + failures.length > 0) return;
    await this.#live.use(async (store) => {
      this.#tell("state:saved", { timestamp: this.#timestamp(), sequence: store.sequence });
      this.#snapshotSoon(store);
    });
  }

  /** The state as it stands, durably; null if nothing was ever saved. */
  async loadState(): Promise<PersistedState<Task> | null> {
    return this.#read(async (store) => {
      const tasks = await this.#wholeTasks(store);
      const sessions = structuredClone([...store.sessions.list()]) as PersistedSession[];
      const { last } = (await store.health()).saves;
      if (tasks.length + sessions.length === 0 && !last) return null;
      const last_saved = new Date(last?.atMs ?? this.#disk.clock.now()).toISOString();
      return { tasks, sessions, metrics: store.metrics, last_saved };
    });
  }

  /** All tasks with their logs, copies of the caller's own, in the order of creation. */
  loadTasks(): Promise<Task[]> {
    return this.#read((store) => this.#wholeTasks(store));
  }

  /** Appends to the one log file of a session; durable once resolved. */
  saveSessionLog(sessionId: string, content: string): Promise<void> {
    return this.#told(() => this.#live.use((store) => store.appendSessionLog(sessionId, content)));
  }

  /** Writes a report, whole or not at all; resolves with its path once it is durable. */
  saveReport(reportId: string, data: unknown): Promise<string> {
    return this.#told(() => {
      // What cannot be copied is refused by the store, with the place.
      const copy = this.#live.waits ? copyJson(data) : undefined;
      const given = copy?.ok ? copy.value : data;
      return this.#live.use((store) => store.writeReport(reportId, given));
    });
  }

  /** How the store is: docs/health.md. Rejects with what keeps it from being opened. */
  health(): Promise<Health> {
    return this.#live.use((store) => store.health());
  }

  /** What was counted since the store was opened: docs/health.md. Rejects with what keeps it from being opened. */
  telemetry(): Promise<Telemetry> {
    return this.#live.use(async (store) => store.telemetry());
  }

  /** Ends gracefully: all calls of before are done, the last state is saved, the directory is free. */
  shutdown(): Promise<void> {
    return this.#end({ isEnding: false });
  }

  #end(how: { readonly isEnding: boolean }): Promise<void> {
    this.#closing ??= this.#told(() => this.#close(how));
    return this.#closing;
  }

  async #close(how: { readonly isEnding: boolean }): Promise<void> {
    this.#tell("shutdown:save", { timestamp: this.#timestamp() });
    try {
      await Promise.allSettled([...this.#last.values(), ...this.#states]);
      await this.#live.close(how);
    } finally {
      this.#uninstall();
      if (StatePersistence.#instance === (this as unknown)) StatePersistence.#instance = undefined;
    }
  }

  /** One transaction of a task, in the order of the calls. `accepts`: whatever damage the task had is over with it. */
  #transact(id: string, work: (tx: Transaction) => void, { accepts = false } = {}): Promise<void> {
    const before = this.#last.get(id);
    const call = this.#live.use(async (store) => {
      const acceptance = accepts ? acceptDamage(store, id) : undefined;
      if (acceptance) await acceptance;
      let isNew = false;
      await store.transact((tx) => {
        const version = tx.tasks.version(id);
        work(tx);
        isNew = tx.tasks.version(id) !== version;
      });
      if (isNew) return;
      // It is as durable as the save that said the same; and a caller that goes round in a loop leaves others their turn.
      await before;
      await this.#disk.clock.yield();
    });
    this.#last.set(id, call);
    const done = (): void => {
      if (this.#last.get(id) === call) this.#last.delete(id);
    };
    call.then(done, done);
    return call;
  }

  /** With all that was called before; also from a disk that lets nobody write. */
  async #read<Value>(work: (store: TaskStore) => Promise<Value>): Promise<Value> {
    await Promise.allSettled(this.#last.values());
    try {
      return await this.#live.use(work);
    } catch (error) {
      if (!isDiskFailure(error)) throw error;
      return readAnyway(this.#opener, error, work);
    }
  }

  async #wholeTasks(store: TaskStore): Promise<Task[]> {
    await this.#disk.clock.yield();
    return (await wholeTasks(store, () => this.#disk.clock.yield())) as Task[];
  }

  #snapshotSoon(store: TaskStore): void {
    const nowMs = this.#disk.clock.monotonicMs();
    if (nowMs - this.#snapshotAtMs < snapshotMsMin) return;
    this.#snapshotAtMs = nowMs;
    store.snapshot().catch((error: unknown) => void this.#failed(error));
  }

  /** A call whose failure is told, and ends no process if nobody awaits it. */
  #told<Value>(work: () => Promise<Value>): Promise<Value> {
    const call = new Promise<Value>((resolve) => resolve(work()));
    const told = call.catch(async (cause: unknown): Promise<never> => {
      throw await this.#failed(cause);
    });
    told.catch(() => {});
    return told;
  }

  /** Returns the error as it was told. */
  async #failed(cause: unknown): Promise<unknown> {
    const error = await withAdvice(cause, this.#disk);
    this.#logger?.error({ error }, "something could not be saved");
    this.#tell("state:save-error", error as Error);
    return error;
  }

  async #tellFailure(error: unknown): Promise<void> {
    this.#tell("state:save-error", (await withAdvice(error, this.#disk)) as Error);
  }

  readonly #tell: Tell = (name, ...facts) => {
    try {
      this.emit(name, ...(facts as never));
    } catch (error) {
      this.#logger?.error({ error, event: name }, "a listener threw");
    }
  };

  get #taking(): Taking {
    return { waits: this.#live.waits, redact: this.#config.redact };
  }

  #timestamp(): string {
    return new Date(this.#disk.clock.now()).toISOString();
  }

  #isConfigured(name: string, value: unknown): boolean {
    return this.#config[name as keyof PersistenceConfig] === value;
  }

  #install(): void {
    const flushSync = (): void => this.#live.flushSync();
    const { emergencyPath } = this.#config;
    const remove = [
      endWithProcess({
        flushSync,
        save: () => this.#save(),
        end: () => this.#end({ isEnding: true }),
      }),
    ];
    if (emergencyPath !== undefined) {
      const dump = (): Promise<void> => this.#live.dump(emergencyPath);
      remove.push(dumpOnCrash({ flushSync, dump, onFailed: this.#opener.failed }));
    }
    this.#uninstall = () => {
      for (const each of remove) each();
    };
  }

  /** A snapshot of all that was called before. */
  async #save(): Promise<void> {
    this.#tell("shutdown:save", { timestamp: this.#timestamp() });
    await Promise.allSettled(this.#last.values());
    await this.#live.use((store) => store.snapshot());
  }
}
