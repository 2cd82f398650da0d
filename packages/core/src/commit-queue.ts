/**
 * Who waits: what arrives during a sync is the next batch. One awaited chain, no timer.
 *
 *     submit ─> queue ─(take what fits)─> log.append ─> commit ─> notify ─> settle, in order
 *                 └── barrier: once all before it is durable, between two batches
 *
 * The rule: nothing is shown before it is as durable as its caller asked, and promises settle in the
 * order of the calls. A write that failed takes back all that is pending; a dead log also takes back
 * what was shown without being synced.
 */
import { ClosedError, type DiskFailedError, InvalidMutationError } from "@taskwal/errors";
import type { Clock } from "@taskwal/disk";
import type { LogEntry, LogWriter } from "@taskwal/log";
import type { EntityModel } from "./define-model.ts";
import type { Prepared } from "./prepare.ts";
import type { Slot, State } from "./state.ts";
import { entriesOf, type Unit } from "./unit.ts";

interface Barrier {
  readonly run: () => void | Promise<void>;
  readonly failed: (error: unknown) => void;
}

export interface CommitQueueOptions {
  readonly state: State;
  readonly log: LogWriter;
  readonly clock: Clock;
  readonly queueBytesMax: number;
  /** How long something visible may stay unsynced, in milliseconds. */
  readonly syncWithinMs: number;
  /** All that was written is durable now; `changes` are those that were not the last time. */
  onDurable(changes: readonly Prepared[]): void;
  /** The log is dead; `takenBack` are sequences that were visible and no longer are. */
  onDead(error: DiskFailedError, takenBack: readonly number[]): void;
}

const batchBytesMax = 4 * 1024 * 1024;
const batchUnitsMax = 4_096;

export class CommitQueue {
  readonly #options: CommitQueueOptions;
  #queue: (Unit | Barrier)[] = [];
  #queueBytes = 0;
  /** The units that are being written. */
  #writing: Unit[] = [];
  /** The last sequence before them. */
  #writingAfter = 0;
  /** Written and not shown yet, each with the sequence of its first record. */
  readonly #showing: { readonly unit: Unit; readonly first: number }[] = [];
  #running = false;
  /** Visible and not yet durable: the changes, to take them back, with their sequences. */
  #unsynced: { change: Prepared; sequence: number }[] = [];
  #cancelSync: (() => void) | undefined;
  #dead: DiskFailedError | undefined;

  constructor(options: CommitQueueOptions) {
    this.#options = options;
  }

  /** Calls that wait or are being written. */
  get length(): number {
    return this.#queue.length + this.#writing.length;
  }

  get queueBytes(): number {
    return this.#queueBytes;
  }

  /** An entity without what is visible as written and not known to be durable yet. */
  durable(entity: EntityModel, id: string): Slot | undefined {
    const isOfIt = ({ change }: { change: Prepared }): boolean =>
      change.id === id && change.mutation.entity === entity;
    const first = this.#unsynced.find(isOfIt);
    return first ? first.change.before : this.#options.state.committed(entity, id);
  }

  /** Throws if there is no room: the caller takes the staged changes back. */
  submit(unit: Unit): void {
    if (this.#dead) throw this.#dead;
    const { queueBytesMax } = this.#options;
    if (this.#queueBytes > 0 && this.#queueBytes + unit.bytes > queueBytesMax) {
      throw new InvalidMutationError({
        reason: `${this.#queueBytes} bytes wait to be written, of at most ${queueBytesMax}; await some of them first`,
      });
    }
    this.#queueBytes += unit.bytes;
    this.#queue.push(unit);
    this.#start();
  }

  /**
   * Runs `run` once all that was submitted before is durable, between two batches; the next one waits
   * for it. Throws what the sync throws, or `run`.
   */
  barrier<T>(run: () => T | Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#dead) {
        reject(this.#dead);
        return;
      }
      const settle = async (): Promise<void> => {
        try {
          resolve(await run());
        } catch (error) {
          reject(error);
        }
      };
      this.#queue.push({ run: settle, failed: reject });
      this.#start();
    });
  }

  /** Changes the committed state beside the queue, inside a barrier; what waits is reduced anew on it. */
  rebase(change: () => void): void {
    const waiting = this.#queue.filter(isUnit);
    for (const unit of waiting.toReversed()) this.#unstage(unit);
    change();
    for (const unit of waiting) this.#restage(unit);
  }

  /** Takes a unit out of the queue and what builds on it anew; false if it is being written or done. */
  cancel(unit: Unit, reason: unknown): boolean {
    const index = this.#queue.indexOf(unit);
    if (index < 0) return false;
    const later = this.#queue.slice(index + 1).filter(isUnit);
    for (const one of later.toReversed()) this.#unstage(one);
    this.#unstage(unit);
    this.#remove(unit);
    unit.failed(reason);
    for (const one of later) this.#restage(one);
    return true;
  }

  /** Writes and syncs all that waits, holding the event loop: for exit handlers. */
  flushSync(): void {
    if (this.#dead) throw this.#dead;
    // A listener that was told of one unit may call this: the rest of its batch is written, and comes before what waits.
    this.#show();
    const units = [...this.#queue].filter(isUnit);
    const writing = this.#writing;
    const writingCount = writing.reduce((sum, { changes }) => sum + changes.length, 0);
    // A batch may have failed that is not rejected yet: what waits builds on it, and goes with it.
    const behind = writingCount > 0 ? this.#writingAfter + writingCount : undefined;
    let first: number;
    try {
      ({ first } = this.#options.log.flushSync(units.flatMap(entriesOf), behind));
    } catch (error) {
      if (this.#options.log.poison) this.#fail(error);
      throw error;
    }
    this.#writing = [];
    this.#queue = this.#queue.filter((item) => !isUnit(item));
    this.#commit([...writing, ...units], first - writingCount);
    this.#synced();
  }

  /** Tells that the log died outside of a batch (while idle, or in an exit handler). */
  died(error: DiskFailedError): void {
    // A batch that is being written finds out by itself, and settles in its own order.
    if (this.#writing.length === 0 && !this.#dead) this.#fail(error);
  }

  /** Rejects all that waits; nothing more is accepted. */
  close(): void {
    this.#cancelSync?.();
    this.#rejectAll(new ClosedError());
  }

  #start(): void {
    if (this.#running) return;
    this.#running = true;
    // A microtask later, so that calls of one turn share a batch.
    queueMicrotask(() => void this.#run());
  }

  async #run(): Promise<void> {
    try {
      while (this.#queue.length > 0 && !this.#dead) {
        const [item] = this.#queue;
        if (item && !isUnit(item)) await this.#pass(item);
        else await this.#writeBatch();
      }
    } finally {
      this.#running = false;
    }
  }

  async #pass(barrier: Barrier): Promise<void> {
    try {
      await this.#options.log.sync();
      this.#synced();
      this.#remove(barrier);
      await barrier.run();
    } catch (error) {
      this.#remove(barrier);
      barrier.failed(error);
      this.#fail(error);
    }
  }

  async #writeBatch(): Promise<void> {
    const units = this.#take();
    this.#writing = units;
    this.#writingAfter = this.#options.log.last;
    const sync = units.some(({ durability }) => durability === "synced");
    try {
      const entries: LogEntry[] = [];
      for (const unit of units) for (const entry of entriesOf(unit)) entries.push(entry);
      const first = await this.#append(entries, sync);
      if (this.#writing !== units) return;
      // The sync of a flushSync in between has failed: only what was durable before is still shown.
      if (this.#dead && first + entries.length - 1 > this.#options.log.durable) throw this.#dead;
      this.#writing = [];
      this.#commit(units, first);
      if (sync) this.#synced();
      else this.#scheduleSync();
    } catch (error) {
      if (this.#writing !== units) return;
      this.#writing = [];
      this.#queue.unshift(...units);
      this.#fail(error);
    }
  }

  /** Returns the first sequence. */
  async #append(entries: readonly LogEntry[], sync: boolean): Promise<number> {
    const { log } = this.#options;
    if (entries.length > 0) return (await log.append(entries, sync)).first;
    // A transaction that was run again has come to nothing: what it read may not be durable yet.
    if (sync) await log.sync();
    return log.last + 1;
  }

  /** The units at the head of the queue that go into one batch; a barrier ends it. */
  #take(): Unit[] {
    const units: Unit[] = [];
    let bytes = 0;
    for (const item of this.#queue) {
      if (!isUnit(item) || units.length >= batchUnitsMax) break;
      if (units.length > 0 && bytes + item.bytes > batchBytesMax) break;
      bytes += item.bytes;
      units.push(item);
    }
    this.#queue.splice(0, units.length);
    return units;
  }

  #commit(units: readonly Unit[], first: number): void {
    let sequence = first;
    for (const unit of units) {
      this.#showing.push({ unit, first: sequence });
      sequence += unit.changes.length;
    }
    this.#show();
  }

  /** Shows what is written, in order, also from within a listener that is told of a part of it. */
  #show(): void {
    for (let next = this.#showing.shift(); next; next = this.#showing.shift()) {
      const { unit, first } = next;
      this.#queueBytes -= unit.bytes;
      let sequence = first;
      for (const change of unit.changes) {
        this.#options.state.commit(change);
        this.#unsynced.push({ change, sequence });
        sequence += 1;
      }
      unit.committed(first);
    }
  }

  #synced(): void {
    this.#cancelSync?.();
    this.#cancelSync = undefined;
    const changes = this.#unsynced.map(({ change }) => change);
    this.#unsynced = [];
    this.#options.onDurable(changes);
  }

  #scheduleSync(): void {
    const { clock, syncWithinMs } = this.#options;
    this.#cancelSync ??= clock.schedule(syncWithinMs, () => {
      this.#cancelSync = undefined;
      // What fails here has told everyone by itself.
      this.barrier(() => {}).catch(() => {});
    });
  }

  /** A failed write: all that is pending goes back. A dead log: also what was visible and not durable. */
  #fail(error: unknown): void {
    const dead = this.#options.log.poison;
    // A dead log has told of it by `died` already, unless a batch was being written.
    if (!dead || this.#dead) {
      this.#rejectAll(error);
      return;
    }
    this.#dead = dead;
    this.#cancelSync?.();
    this.#rejectAll(error);
    // Not what a rotation or an idle mark made durable before the log died: the state goes back to D.
    const { durable } = this.#options.log;
    const gone = this.#unsynced.filter(({ sequence }) => sequence > durable);
    const takenBack = gone.map(({ sequence }) => sequence);
    for (const { change } of gone.toReversed()) this.#options.state.uncommit(change);
    this.#unsynced = [];
    this.#options.onDead(dead, takenBack);
  }

  #rejectAll(error: unknown): void {
    const items = this.#queue;
    this.#queue = [];
    const units = items.filter(isUnit);
    for (const unit of units.toReversed()) this.#unstage(unit);
    for (const unit of units) this.#queueBytes -= unit.bytes;
    for (const item of items) item.failed(error);
  }

  #remove(item: Unit | Barrier): void {
    const index = this.#queue.indexOf(item);
    if (index < 0) return;
    this.#queue.splice(index, 1);
    if (isUnit(item)) this.#queueBytes -= item.bytes;
  }

  #unstage(unit: Unit): void {
    for (const change of unit.changes.toReversed()) this.#options.state.unstage(change);
  }

  /** Rejects a unit that no longer works on the ground as it is now. */
  #restage(unit: Unit): void {
    try {
      unit.changes = unit.restage();
    } catch (error) {
      this.#remove(unit);
      unit.failed(error);
    }
  }
}

const isUnit = (item: Unit | Barrier): item is Unit => "changes" in item;
