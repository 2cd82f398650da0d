/**
 * The store that users hold: synchronous reads from memory, asynchronous durable writes.
 *
 *     mutate   prepare ─┐ queue │ write ─ sync ─ fence │ commit ─ notify ─ settle
 *              (throws) └ staged                       └ visible
 *
 * The rule: a half-open store does not exist; only `openStore` makes one. What it hands out is frozen.
 */
import { ClosedError, InvalidMutationError, type DiskFailedError } from "@taskwal/errors";
import type { LogRecord } from "@taskwal/format";
import { Calls } from "./calls.ts";
import type { EntityModel } from "./define-model.ts";
import type { Events, StoreEvents } from "./events.ts";
import { recordStream, type RecordsOptions } from "./record-stream.ts";
import type { RecoveryReport } from "./recovery-report.ts";
import { damagedEntities, digestState, viewState, type DamagedEntity } from "./snapshot-view.ts";
import type { Slot } from "./state.ts";
import { StoreEngine, type StoreSettings } from "./store-engine.ts";
import { markType } from "./system-record.ts";

export class Store {
  readonly #settings: StoreSettings;
  readonly #events: Events<StoreEvents>;
  #engine: StoreEngine;
  #closing: Promise<void> | undefined;
  /** The first rejection that nobody handled, until flush() tells it. */
  #unhandled: { readonly error: unknown } | undefined;
  readonly #calls: Calls;

  constructor(settings: StoreSettings, events: Events<StoreEvents>, engine: StoreEngine) {
    this.#settings = settings;
    this.#events = events;
    this.#engine = engine;
    this.#calls = new Calls({
      engine: () => {
        this.#assertOpen();
        return this.#engine;
      },
      events,
      logger: settings.logger,
      onUnhandled: (error) => this.#note(error),
    });
  }

  /** What this opening found and did. */
  get recovery(): RecoveryReport {
    return this.#engine.parts.report;
  }

  /** The last durable sequence: everything up to it survives power loss. */
  get sequence(): number {
    return this.#engine.parts.log.durable;
  }

  get dir(): string {
    return this.#engine.parts.directory.path;
  }

  /** Why nothing can be written until `reopen()`, or undefined. */
  get poisoned(): DiskFailedError | undefined {
    return this.#engine.parts.log.poison;
  }

  /** Entities that lost mutations and were not accepted since. */
  get damaged(): readonly DamagedEntity[] {
    return damagedEntities(this.#view());
  }

  /** SHA-256 over all entities and their versions, hex: equal states have equal digests. */
  digest(): string {
    return digestState(this.#view());
  }

  /** Returns the function that takes the listener off again. A listener that throws breaks nothing. */
  on<Name extends keyof StoreEvents>(name: Name, listener: (...facts: StoreEvents[Name]) => void): () => void {
    return this.#events.on(name, listener as never);
  }

  /** Durable records as they stand in the log, system records included; see RecordsOptions. */
  records(options: RecordsOptions = {}): AsyncIterableIterator<LogRecord> {
    const { directory, log } = this.#engine.parts;
    return recordStream({
      directory,
      options,
      durable: () => log.durable,
      changed: (task) => this.#engine.onDurable(task),
      ended: () => this.#closing !== undefined,
    });
  }

  /** Takes a snapshot now and returns its sequence: everything durable at the call is in it. */
  async snapshot(): Promise<number> {
    this.#assertOpen();
    return this.#engine.autosave.save();
  }

  /** Folds the log into a snapshot and removes what nothing needs any more. Returns the snapshot's sequence. */
  async compact(): Promise<number> {
    return this.snapshot();
  }

  /**
   * Resolves once everything called before is durable. Throws the first rejection that nobody handled
   * since the last flush, or what keeps it from being durable.
   */
  async flush(): Promise<void> {
    if (!this.#closing) await this.#engine.queue.barrier(() => {}).catch((error: unknown) => this.#note(error));
    const unhandled = this.#unhandled;
    this.#unhandled = undefined;
    if (unhandled) throw unhandled.error;
  }

  /**
   * For exit handlers: makes everything called before durable, holding the event loop. Throws
   * DiskFailedError; while a new segment is being started it is `not-written` and may be called again.
   */
  flushSync(): void {
    this.#assertOpen();
    this.#engine.queue.flushSync();
  }

  /** After a failed disk: gives the directory up and opens it again. Entities read before stay what they were. */
  async reopen(): Promise<RecoveryReport> {
    this.#assertOpen();
    await this.#engine.close();
    const opening = { lockWaitMs: 0, signal: undefined };
    this.#engine = await StoreEngine.open(this.#settings, this.#events, opening);
    this.#engine.start();
    this.#events.emit("recovered", this.recovery);
    return this.recovery;
  }

  /** Makes everything durable, takes a snapshot, frees the directory. Calling it again waits for the same. */
  close(): Promise<void> {
    this.#closing ??= this.#engine.close().finally(() => this.#events.emit("closed"));
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Accepts a damaged entity as it stands: it is no longer marked, and can be mutated again. Durable once resolved. */
  async accept(collection: string, id: string): Promise<void> {
    this.#assertOpen();
    const { parts, queue } = this.#engine;
    const entity = this.entity(collection);
    const data = JSON.stringify({ accepted: [{ entity: entity.name, id }] });
    await queue.barrier(() => {});
    await parts.log.append([{ draft: { at: this.#engine.clock.now(), type: markType }, dataJson: data }], true);
    const slot = parts.recovered.state.committed(entity, id);
    if (slot) parts.recovered.state.restore(entity, id, { ...slot, damage: undefined });
    this.#engine.autosave.changed();
  }

  // What follows is for the collections (store-collection.ts), not for users.

  /** @internal */
  entity(collection: string): EntityModel {
    const entity = this.#engine.model.entities.get(collection);
    if (!entity) throw new InvalidMutationError({ reason: `the model has no entity ${collection}` });
    return entity;
  }

  /** @internal */
  read(entity: EntityModel, id: string): Slot | undefined {
    return this.#engine.parts.recovered.state.committed(entity, id);
  }

  /** @internal */
  readPending(entity: EntityModel, id: string): Slot | undefined {
    return this.#engine.parts.recovered.state.pending(entity, id);
  }

  /** @internal */
  slots(entity: EntityModel): ReadonlyMap<string, Slot> {
    return this.#engine.parts.recovered.state.slots(entity);
  }

  /** @internal Frees the directory without a snapshot or a clean end. */
  abandon(): Promise<void> {
    this.#closing ??= this.#engine.abandon();
    return this.#closing;
  }

  /** @internal Begins to write snapshots and mirrors. */
  start(): void {
    this.#engine.start();
  }

  /** @internal */
  get calls(): Calls {
    return this.#calls;
  }

  #note(error: unknown): void {
    this.#unhandled ??= { error };
  }

  #assertOpen(): void {
    if (this.#closing) throw new ClosedError();
  }

  #view(): ReturnType<typeof viewState> {
    const { recovered } = this.#engine.parts;
    return viewState(this.#engine.model, recovered.state, recovered.keys);
  }
}
