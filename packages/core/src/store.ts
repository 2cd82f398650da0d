/**
 * The store that users hold: synchronous reads from memory, asynchronous durable writes.
 *
 *     mutate   prepare ─┐ queue │ write ─ sync ─ fence │ commit ─ notify ─ settle
 *              (throws) └ staged                       └ visible
 *
 * The rule: a half-open store does not exist; only `openStore` makes one. What it hands out is frozen.
 */
import type { DiskFailedError } from "@taskwal/errors";
import type { LogRecord } from "@taskwal/format";
import type { StoreEvents } from "./events.ts";
import { dumpState } from "./emergency-dump.ts";
import { inspect, type Health } from "./health.ts";
import { writerSource } from "./health-sources.ts";
import type { HeldId } from "./held-records.ts";
import type { MarkOptions } from "./mark.ts";
import { recordStream, type RecordsOptions } from "./record-stream.ts";
import type { RecoveryReport } from "./recovery-report.ts";
import { damagedEntities, digestState, type DamagedEntity } from "./snapshot-view.ts";
import type { Telemetry } from "./telemetry.ts";
import type { StoreHost } from "./store-host.ts";

export class Store {
  readonly #host: StoreHost;

  constructor(host: StoreHost) {
    this.#host = host;
  }

  /** What the opening found and did. */
  get recovery(): RecoveryReport {
    return this.#host.engine.parts.report;
  }

  /** The last durable sequence: everything up to it survives power loss. */
  get sequence(): number {
    return this.#host.engine.parts.log.durable;
  }

  /** The state directory, for people. */
  get dir(): string {
    return this.#host.engine.parts.directory.path;
  }

  /** Why nothing can be written until `reopen()`, or undefined. */
  get poisoned(): DiskFailedError | undefined {
    return this.#host.engine.parts.log.poison;
  }

  /**
   * For one who writes files of his own beside the log, before he does. Throws ClosedError, or the
   * DiskFailedError of a poisoned store.
   */
  assertWritable(): void {
    const { poison } = this.#host.open.parts.log;
    if (poison) throw poison;
  }

  /** Entities that lost mutations and were not accepted since. */
  get damaged(): readonly DamagedEntity[] {
    return damagedEntities(this.#host.view());
  }

  /**
   * Ids with records of types that the model does not know: what is read of them is as of before those, and what
   * would write them throws UnsupportedFormatError. A program that knows the type folds them at its opening.
   */
  get held(): readonly HeldId[] {
    return this.#host.engine.parts.recovered.state.held.ids();
  }

  /** SHA-256 over all entities and their versions, hex: equal states have equal digests. */
  digest(): string {
    return digestState(this.#host.view());
  }

  /** Returns the function that takes the listener off again. A listener that throws breaks nothing. */
  on<Name extends keyof StoreEvents>(
    name: Name,
    listener: (...facts: StoreEvents[Name]) => void,
  ): () => void {
    return this.#host.events.on(name, listener);
  }

  /**
   * How the store is: the directory, the disk, the saves, the engine. Asks the disk for a look at some hundred names and
   * writes nothing; never rejects, also once the store is closed, and takes two seconds at most. See docs/health.md.
   */
  health(): Promise<Health> {
    const host = this.#host;
    return inspect(writerSource(host.engine, host.closed));
  }

  /** What was counted since the store was opened, across `reopen`. Cheap: no disk is asked. */
  telemetry(): Telemetry {
    return this.#host.engine.monitor.counts.read();
  }

  /** Durable records as they stand in the log, system records included; see RecordsOptions. */
  records(options: RecordsOptions = {}): AsyncIterableIterator<LogRecord> {
    const host = this.#host;
    return recordStream({
      directory: host.engine.parts.directory,
      store: host.engine.parts.store,
      clock: host.engine.clock,
      options,
      durable: () => host.engine.parts.log.durable,
      followers: host.followers,
      ended: () => host.closed,
    });
  }

  /** Takes a snapshot now and returns its sequence: everything durable at the call is in it. */
  snapshot(): Promise<number> {
    return this.#host.receipt("snapshot", this.#snapshot());
  }

  /**
   * Writes what is durable as a `state.json` into another directory, created if it is missing: for the moment when this
   * one, or this process, is about to end. Touches nothing of the store. Errors of that disk pass through.
   */
  dump(dir: string): Promise<void> {
    return this.#host.receipt("dump", dumpState(dir, this.#host.engine));
  }

  /** Folds the log into a snapshot and removes what nothing needs any more. Returns the snapshot's sequence. */
  compact(): Promise<number> {
    return this.#host.receipt("compaction", this.#compact());
  }

  /**
   * Resolves once everything called before is durable. Throws the first rejection that nobody handled
   * since the last flush, or what keeps it from being durable.
   */
  flush(): Promise<void> {
    return this.#host.receipt("flush", this.#host.flush());
  }

  /**
   * For exit handlers: makes everything called before durable, holding the event loop. Throws
   * DiskFailedError; while a new segment is being started it is `not-written` and may be called again.
   * Also while the store is closing; once it is closed, ClosedError.
   */
  flushSync(): void {
    this.#host.engine.queue.flushSync();
  }

  /** After a failed disk: gives the directory up and opens it again. Entities read before stay what they were. */
  reopen(): Promise<RecoveryReport> {
    return this.#host.receipt(
      "reopening",
      this.#host.reopen().then(() => this.recovery),
    );
  }

  /**
   * Makes everything durable, takes a snapshot, frees the directory. Calling it again waits for the
   * same. Throws what kept something from being durable; the directory is free in any case.
   */
  close(): Promise<void> {
    return this.#host.receipt("close", this.#host.close());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Accepts a damaged entity as it stands: it is no longer marked, and can be mutated again. Durable once resolved. */
  accept(collection: string, id: string): Promise<void> {
    return this.#host.receipt("acceptance", this.#host.accept(collection, id));
  }

  /**
   * Gives the place behind everything that was called before a name, for those who look back: "mark:NAME" is a point.
   * Durable once resolved, to its sequence. Throws InvalidMutationError for a name that could not be written as a point.
   */
  mark(name: string, options: MarkOptions = {}): Promise<number> {
    return this.#host.receipt("mark", this.#host.mark(name, options));
  }

  async #snapshot(): Promise<number> {
    return this.#host.open.autosave.save();
  }

  async #compact(): Promise<number> {
    const sequence = await this.#snapshot();
    await this.#host.open.prune();
    return sequence;
  }
}
