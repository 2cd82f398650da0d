/**
 * A store of tasks: the engine with the task model, in the words of an orchestrator.
 *
 * The rule: every call is one record (a log entry never rewrites its task), reads are synchronous, and
 * nothing that is not awaited can end the host.
 */
import {
  diskErrors,
  receiptOf,
  type DamagedEntity,
  type Health,
  type HeldId,
  type Redact,
  type Listeners,
  type MarkOptions,
  type MutationEvent,
  type Receipt,
  type RecordsOptions,
  type RecoveryReport,
  type StoreEvents,
  type StoreOf,
  type Telemetry,
  type WriteOptions,
} from "@taskwal/core";
import type { Disk } from "@taskwal/disk";
import { ClosedError, type DiskFailedError } from "@taskwal/errors";
import { sha256, type LogRecord } from "@taskwal/format";
import { adoptEdits, findEdits, type EditOptions } from "./adopt-edits.ts";
import {
  archiveTasks,
  restoreArchived,
  type ArchiveOptions,
  type ArchiveReport,
} from "./archive-tasks.ts";
import { SideFiles } from "./side-files.ts";
import type { TaskEdit } from "./task-edit.ts";
import { taskMetrics, type TaskMetrics } from "./task-metrics.ts";
import type { taskModel } from "./task-model.ts";
import type { LogEntry, NewTask, Session, Task, TaskStatus } from "./task-schemas.ts";

export interface TaskChange {
  readonly id: string;
  /** Undefined if the task was created. */
  readonly before: Task | undefined;
  /** Undefined if the task was deleted. */
  readonly after: Task | undefined;
  readonly sequence: number;
}

/** The engine's events, and those of tasks. */
export interface TaskStoreEvents extends StoreEvents {
  "task:created": [change: TaskChange];
  "task:updated": [change: TaskChange];
  "task:deleted": [change: TaskChange];
  "task:log": [entry: { readonly id: string; readonly log: LogEntry; readonly sequence: number }];
}

export type TaskListeners = Listeners<TaskStoreEvents>;

export interface TaskFilter {
  readonly status?: TaskStatus;
  readonly assigned_to?: string;
}

/** A log entry as callers give it: the time is filled in. */
export type NewLogEntry = Omit<LogEntry, "timestamp"> & { readonly timestamp?: string };
export type NewSession = Pick<Session, "type" | "status"> & Partial<Session>;
/** Fields to change. A field that is undefined stays as it is. */
export type TaskPatch = Partial<Omit<Task, "id">>;

type Engine = StoreOf<typeof taskModel>;

export class TaskStore {
  readonly #engine: Engine;
  readonly #disk: Disk;
  readonly #files: SideFiles;

  /** Ids of the tasks that were in progress when this store was opened: whoever worked on them is gone. */
  readonly interrupted: readonly string[];

  /** @internal `openTaskStore` makes one. */
  constructor(engine: Engine, disk: Disk, redact: Redact | undefined) {
    this.#engine = engine;
    this.#disk = disk;
    const closed = "readOnly" in engine ? new ClosedError("the store is read-only") : undefined;
    this.#files = new SideFiles({ disk, dir: engine.dir, redact, closed });
    this.interrupted = this.list({ status: "in_progress" }).map(({ id }) => id);
  }

  get recovery(): RecoveryReport {
    return this.#engine.recovery;
  }

  get dir(): string {
    return this.#engine.dir;
  }

  /** The last durable sequence. */
  get sequence(): number {
    return this.#engine.sequence;
  }

  /** Why nothing can be written until `reopen()`, or undefined. */
  get poisoned(): DiskFailedError | undefined {
    return this.#engine.poisoned;
  }

  /** Tasks and sessions that lost mutations and were not accepted since. */
  get damaged(): readonly DamagedEntity[] {
    return this.#engine.damaged;
  }

  /** Ids with records of types that this program does not know: they are read as of before those, and not written. */
  get held(): readonly HeldId[] {
    return this.#engine.held;
  }

  get metrics(): TaskMetrics {
    return taskMetrics(this.#engine.tasks.all());
  }

  /**
   * Creates a task; its id is random, or given, or made from the `key`: a repeated call with the same
   * key makes no second task.
   */
  create(task: NewTask, options: WriteOptions = {}): Receipt<Readonly<Task>> {
    const id = task.id ?? (options.key === undefined ? this.#randomId() : keyId(options.key));
    const { id: _, ...payload } = task;
    return this.#engine.tasks.mutate(id, "task.created", payload, options);
  }

  update(id: string, patch: TaskPatch, options: WriteOptions = {}): Receipt<Readonly<Task>> {
    return this.#engine.tasks.mutate(id, "task.updated", patch, options);
  }

  /** Removes a task; resolves with the task as it was. Its history stays in the log until that is pruned. */
  delete(id: string, options: WriteOptions = {}): Receipt<Readonly<Task>> {
    return this.#engine.tasks.mutate(id, "task.deleted", {}, options);
  }

  /** Appends one entry to a task's log. */
  log(id: string, entry: NewLogEntry, options: WriteOptions = {}): Receipt<void> {
    const timestamp = entry.timestamp ?? new Date(this.#disk.clock.now()).toISOString();
    return this.#engine.tasks.append(id, "logs", { ...entry, timestamp } as LogEntry, options);
  }

  get(id: string): Readonly<Task> | undefined {
    return this.#engine.tasks.get(id);
  }

  /** The count of the task's mutations, its log entries included; 0 if it never existed. */
  version(id: string): number {
    return this.#engine.tasks.version(id);
  }

  /** Tasks in the order of creation. */
  list({ status, assigned_to }: TaskFilter = {}): readonly Readonly<Task>[] {
    return [...this.#engine.tasks.all()].filter(
      (task) =>
        (status === undefined || task.status === status) &&
        (assigned_to === undefined || task.assigned_to === assigned_to),
    );
  }

  /** A task's log, oldest first; `last` gives only the newest so many. */
  logs(id: string, options: { readonly last?: number } = {}): readonly LogEntry[] {
    return this.#engine.tasks.list(id, "logs", options);
  }

  readonly sessions = {
    create: (session: NewSession, options: WriteOptions = {}): Receipt<Readonly<Session>> => {
      const id = session.id ?? (options.key === undefined ? this.#randomId() : keyId(options.key));
      const { id: _, ...payload } = session;
      return this.#engine.sessions.mutate(id, "session.created", payload, options);
    },
    update: (
      id: string,
      patch: Partial<Omit<Session, "id">>,
      options: WriteOptions = {},
    ): Receipt<Readonly<Session>> =>
      this.#engine.sessions.mutate(id, "session.updated", patch, options),
    delete: (id: string, options: WriteOptions = {}): Receipt<Readonly<Session>> =>
      this.#engine.sessions.mutate(id, "session.deleted", {}, options),
    get: (id: string): Readonly<Session> | undefined => this.#engine.sessions.get(id),
    list: (): readonly Readonly<Session>[] => [...this.#engine.sessions.all()],
  };

  /**
   * Appends to the log of a session, `logs/session_<id>.log`: a file of text beside the store, durable once resolved. An
   * id that is no name of a file is escaped. A line break is added where there is none at the end. Rejects with
   * DiskFailedError (the file is as it was), InvalidMutationError, ClosedError.
   */
  appendSessionLog(sessionId: string, content: string): Promise<void> {
    return this.#files.appendSessionLog(sessionId, content);
  }

  /**
   * Writes `reports/report_<id>.json`, or replaces it as a whole; resolves with its path once it is durable. Rejects as
   * `appendSessionLog` does; the report before stands then.
   */
  writeReport(reportId: string, data: unknown): Promise<string> {
    return this.#files.writeReport(reportId, data);
  }

  /** Several mutations, all or none: see the engine's `transact`. */
  get transact(): Engine["transact"] {
    return this.#engine.transact.bind(this.#engine);
  }

  /** Returns the function that takes the listener off again. */
  on<Name extends keyof TaskStoreEvents>(
    name: Name,
    listener: (...facts: TaskStoreEvents[Name]) => void,
  ): () => void {
    if (!name.startsWith("task:"))
      return this.#engine.on(name as keyof StoreEvents, listener as never);
    return this.#engine.on("mutation", taskListener(name as TaskEventName, listener as never));
  }

  /** How the store is, as `Store.health` of the engine. */
  health(): Promise<Health> {
    return this.#engine.health();
  }

  /** What was counted since the store was opened, as `Store.telemetry` of the engine. */
  telemetry(): Telemetry {
    return this.#engine.telemetry();
  }

  records(options: RecordsOptions = {}): AsyncIterableIterator<LogRecord> {
    return this.#engine.records(options);
  }

  flush(): Promise<void> {
    return this.#engine.flush();
  }

  flushSync(): void {
    this.#engine.flushSync();
  }

  snapshot(): Promise<number> {
    return this.#engine.snapshot();
  }

  /** The state as a `state.json` in another directory, as `Store.dump` of the engine. */
  dump(dir: string): Promise<void> {
    return this.#engine.dump(dir);
  }

  compact(): Promise<number> {
    return this.#engine.compact();
  }

  digest(): string {
    return this.#engine.digest();
  }

  /** Accepts a damaged task or session as it stands. */
  accept(collection: "tasks" | "sessions", id: string): Promise<void> {
    return this.#engine.accept(collection, id);
  }

  /** Gives the place behind everything that was called before a name, as `Store.mark`: "mark:NAME" is a point. */
  mark(name: string, options: MarkOptions = {}): Promise<number> {
    return this.#engine.mark(name, options);
  }

  /**
   * Moves tasks that are over out of memory and state.json into `archive/`, one file each, durable before
   * the task leaves. Throws ClosedError, DiskFailedError; what was archived until then is.
   */
  archive(options: ArchiveOptions): Promise<ArchiveReport> {
    return diskErrors("archive", this.dir, () => archiveTasks(this.#engine, this.#disk, options));
  }

  /**
   * Brings a task back from `archive/` with its log, durable on return; the file stays. Throws
   * InvalidMutationError (no such file), CorruptError (the file is not as it was written), ConflictError (there is
   * a task of that id), UnsupportedFormatError; nothing was changed then.
   */
  restoreArchived(id: string): Promise<Readonly<Task>> {
    return diskErrors("restore", this.dir, () => restoreArchived(this.#engine, this.#disk, id));
  }

  /** What was edited by hand in `tasks/`, field by field, and whether it may be adopted. Reads only. */
  edits(options: EditOptions = {}): Promise<readonly TaskEdit[]> {
    return diskErrors("read", this.dir, () => findEdits(this.#engine, this.#disk, options));
  }

  /**
   * Adopts such edits as mutations, durable on return; the others are in the result with their reasons. Each
   * edited file is kept under `quarantine/` when the store writes the task's file again. Throws ClosedError,
   * DiskFailedError; what was adopted until then is.
   */
  adoptEdits(options: EditOptions = {}): Promise<readonly TaskEdit[]> {
    return diskErrors("adopt", this.dir, () => adoptEdits(this.#engine, this.#disk, options));
  }

  reopen(): Promise<RecoveryReport> {
    return this.#engine.reopen();
  }

  close(): Promise<void> {
    const both = Promise.all([this.#engine.close(), this.#files.close()]);
    // Left alone, it is told as the engine tells it.
    return receiptOf(
      both.then(() => {}),
      () => void this.#engine.close(),
    );
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #randomId(): string {
    return asUuid(this.#disk.randomBytes(16), 4);
  }
}

type TaskEventName = Extract<keyof TaskStoreEvents, `task:${string}`>;

/** A listener of mutations that calls a listener of one task event. */
export const taskListener =
  (name: TaskEventName, listener: (facts: unknown) => void) =>
  ({ collection, id, before, after, item, sequence }: MutationEvent): void => {
    if (collection !== "tasks") return;
    if (item !== undefined) {
      if (name === "task:log") listener({ id, log: item, sequence });
      return;
    }
    const happened =
      before === undefined ? "task:created" : after === undefined ? "task:deleted" : "task:updated";
    if (happened === name) listener({ id, before, after, sequence });
  };

/** The id of what a key creates: the same key, the same id. */
const keyId = (key: string): string =>
  asUuid(sha256().update("taskwal/key/").update(key).digest().subarray(0, 16), 8);

/** Sixteen bytes as a UUID of a version (RFC 9562: 4 is random, 8 is free-form). */
const asUuid = (bytes: Uint8Array, version: number): string => {
  const copy = Uint8Array.from(bytes);
  copy[6] = ((copy[6] ?? 0) & 0x0f) | (version << 4);
  copy[8] = ((copy[8] ?? 0) & 0x3f) | 0x80;
  const hex = Buffer.from(copy).toString("hex");
  return [8, 12, 16, 20].reduceRight((text, at) => `${text.slice(0, at)}-${text.slice(at)}`, hex);
};
