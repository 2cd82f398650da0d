/**
 * The one writer of a log: batches in, durable sequences out, one turn after the other.
 *
 *     append   encode ─ (rotate) ─ write ─ sync ─ fence ─> acknowledged
 *                                  │        └ fails: poison
 *                                  └ fails: truncate + sync, then rejected; appends go on
 *
 * Where all before is durable, write and sync are one call: a write-through makes nothing durable but its own.
 *
 * The rule: nothing is acknowledged before its sync and the fence; after a failed sync, or a rollback
 * that failed, nothing is ever written again by this writer (writer-life.ts).
 */
import type { DiskFailedError } from "@taskwal/errors";
import { headName, LineBuffer } from "@taskwal/format";
import type { ActiveSegment } from "./active-segment.ts";
import { encodeBatch, encodeMarker } from "./encode-batch.ts";
import type { Encoded, EncodeFacts, InFlight } from "./encode-batch.ts";
import { HeadFile } from "./head-file.ts";
import { IdleTimer } from "./idle-timer.ts";
import { isPassing, WriterLife } from "./writer-life.ts";
import type { Appended, LogEntry, LogWriterOptions, Waiting } from "./writer-options.ts";
import { Turns } from "./turns.ts";
import { UnsyncedWrites } from "./unsynced-writes.ts";
import { WriterSegments } from "./writer-segments.ts";

export class LogWriter {
  readonly #options: LogWriterOptions;
  readonly #life: WriterLife;
  readonly #head: HeadFile;
  readonly #lines = new LineBuffer();
  readonly #segments: WriterSegments;
  #last: number;
  #lastCrc: string;
  #durable: number;
  #marked: number;
  readonly #turns = new Turns();
  readonly #waiting = new Set<Waiting>();
  #inFlight: InFlight | undefined;
  readonly #unsynced = new UnsyncedWrites();
  /** Counts the calls of flushSync: what was in flight before one leaves the bookkeeping to it. */
  #generation = 0;
  #closing: Promise<void> | undefined;
  readonly #idle: IdleTimer;

  private constructor(options: LogWriterOptions, head: HeadFile) {
    this.#options = options;
    // A failure of it has poisoned the writer or was rolled back: the next caller is told.
    this.#idle = new IdleTimer(options.clock, options.idleMs, () => {
      this.#exclusively(() => this.#markIdle()).catch(() => {});
    });
    this.#life = new WriterLife(options.directory.path, (error) => {
      this.#idle.stop();
      options.onPoison(error);
    });
    this.#head = head;
    this.#segments = new WriterSegments(options, this.#life);
    this.#last = options.continuation.first + options.continuation.carried.length - 1;
    this.#lastCrc = options.lastCrc;
    this.#durable = this.#marked = options.durable;
  }

  /**
   * Starts the writer of an epoch that this process has claimed. What the continuation carries is
   * durable on return. Errors of the disk pass through.
   */
  static async open(options: LogWriterOptions): Promise<LogWriter> {
    const writer = new LogWriter(options, await HeadFile.open(options.directory));
    if (options.continuation.carried.length === 0) return writer;
    try {
      const { lastCrc } = await writer.#segments.start();
      // Its line was written anew, with another salt.
      writer.#lastCrc = lastCrc ?? options.lastCrc;
      writer.#promise(writer.#last);
      // The carried records' own watermarks are old: without HEAD, rot in them would look torn.
      await writer.#syncHead();
      return writer;
    } catch (error) {
      await writer.#release();
      throw error;
    }
  }

  /** The last sequence that was written. */
  get last(): number {
    return this.#last;
  }

  /** The checksum of its line, hex. */
  get lastCrc(): string {
    return this.#lastCrc;
  }

  /** D: every sequence up to here is durable. */
  get durable(): number {
    return this.#durable;
  }

  get epoch(): number {
    return this.#options.epoch;
  }

  get poison(): DiskFailedError | undefined {
    return this.#life.poison;
  }

  /** Name of the segment that is being written, if there is one. */
  get activeName(): string | undefined {
    return this.#segments.active?.name;
  }

  /**
   * Writes entries one behind the other, as one batch: a transaction is never split, a crash keeps a prefix. With
   * `sync` they are durable on return; without, the next sync makes them so. Throws DiskFailedError: `not-written` if
   * nothing of them is or will be there, `unknown` if the writer is dead now.
   */
  append(entries: readonly LogEntry[], sync: boolean): Promise<Appended> {
    const waiting: Waiting = { entries, written: undefined };
    this.#waiting.add(waiting);
    return this.#exclusively(async () => {
      const appended = await this.#append(waiting, sync);
      this.#life.assertAlive();
      if (sync) await this.#sync();
      // Not what a flushSync has made durable meanwhile.
      else if (this.#inFlight) this.#unsynced.add(this.#inFlight);
      return appended;
    }).finally(() => this.#waiting.delete(waiting));
  }

  /** The last sequence once all that is in flight or waits is written. */
  get #lastUnderWay(): number {
    const inFlight = this.#inFlight?.applied === false ? this.#inFlight.count : 0;
    const waiting = [...this.#waiting].reduce((sum, { entries }) => sum + entries.length, 0);
    return this.#last + inFlight + waiting;
  }

  /** Makes everything that was written durable. Throws DiskFailedError (`unknown`): the writer is dead then. */
  sync(): Promise<void> {
    return this.#exclusively(() => this.#sync());
  }

  /**
   * For exit handlers: writes again what no sync has covered (the same bytes at the same place), what waits for its
   * turn and `entries`, and syncs, holding the event loop. All of it is durable on return; the late completion of what
   * was in flight is ignored. Throws as `append`; also, with nothing written, while a segment is started or sealed or a
   * failed write taken back, or if `behind`, the sequence before `entries`, will not be there: an append has failed,
   * and its caller is not told yet.
   */
  flushSync(entries: readonly LogEntry[], behind = this.#lastUnderWay): Appended {
    this.#life.assertUsable();
    const { active, busy } = this.#segments;
    const refusal = behind === this.#lastUnderWay ? busy : "a call before it has failed";
    if (!active || refusal) throw this.#segments.notWritten("write", undefined, refusal);
    this.#generation += 1;
    if (this.#inFlight) this.#unsynced.isOneLate = true;
    const appended = this.#writeNow(active, entries);
    try {
      // Before anything of it is acknowledged: the promise of flushSync.
      active.file.syncSync();
    } catch (cause) {
      throw this.#segments.die("sync", cause);
    }
    this.#unsynced.clear();
    this.#acknowledge(active, this.#last);
    this.#rest();
    return appended;
  }

  /**
   * Seals the active segment, syncs HEAD and releases the files. What is not durable yet is made so.
   * A poisoned writer only releases its files. Throws what kept anything from being durable.
   */
  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    try {
      if (!this.#life.poison) await this.#exclusively(() => this.#finish());
    } finally {
      this.#life.closed = true;
      this.#idle.stop();
      await this.#release();
    }
  }

  async #finish(): Promise<void> {
    await this.#sync();
    this.#life.closed = true;
    const { active } = this.#segments;
    // No room for a seal: it is taken back, and all before it is durable. What ended the writer is thrown next.
    if (active) await this.#segments.seal(active, this.#last).catch(() => {});
    await this.#syncHead();
  }

  async #release(): Promise<void> {
    await this.#segments.close();
    await this.#head.close();
  }

  #exclusively<T>(work: () => Promise<T>): Promise<T> {
    const begin = (): Promise<T> => {
      this.#life.assertUsable();
      this.#idle.pause();
      return work();
    };
    return this.#turns.take(begin, () => {
      this.#inFlight = undefined;
      this.#rest();
    });
  }

  /** From here on the log is idle, unless something comes. */
  #rest(): void {
    if (this.#marked !== this.#last) this.#idle.touch();
  }

  /** Writes a batch into the active segment, or into a new one if it would not fit. */
  async #append(waiting: Waiting, sync: boolean): Promise<Appended> {
    const { entries } = waiting;
    let active = this.#segments.active ?? (await this.#segments.start());
    // Each time that the turn of the event loop was given up, flushSync may have been first.
    if (waiting.written) return waiting.written;
    let encoded = encodeBatch(entries, this.#behind(active), this.#lines);
    const sizeBytes = active.bytes + encoded.bytes.length;
    if (sizeBytes > this.#options.segmentBytesMax && active.recordCount > 0) {
      active = await this.#rotate(active);
      if (waiting.written) return waiting.written;
      encoded = encodeBatch(entries, this.#behind(active), this.#lines);
    }
    this.#waiting.delete(waiting);
    const isAllBeforeSynced = this.#durable === this.#last && !this.#unsynced.isOneLate;
    await this.#write(active, encoded, sync && isAllBeforeSynced);
    return { first: encoded.last - entries.length + 1, last: encoded.last };
  }

  #behind({ salt }: ActiveSegment): EncodeFacts {
    return { last: this.#last, lastCrc: this.#lastCrc, durable: this.#durable, salt };
  }

  /** With `isThrough`, all before it is durable, and so is this on return. */
  async #write(active: ActiveSegment, encoded: Encoded, isThrough: boolean): Promise<void> {
    this.#life.assertAlive();
    const generation = this.#generation;
    const inFlight = (this.#inFlight = { ...encoded, startBytes: active.bytes, applied: false });
    try {
      const file = isThrough ? active.through : active.file;
      await file.write(encoded.bytes, inFlight.startBytes);
    } catch (cause) {
      // Of another error nobody knows whether it was the sync that failed.
      if (isThrough && !isPassing(cause)) throw this.#segments.die("sync", cause);
      if (generation === this.#generation) {
        this.#inFlight = undefined;
        await this.#segments.rollBack(active);
        throw this.#segments.notWritten("write", cause);
      }
    }
    this.#life.assertAlive();
    if (generation !== this.#generation) return;
    this.#apply(active, inFlight);
    if (isThrough) this.#acknowledge(active, inFlight.last);
  }

  #apply(active: ActiveSegment, written: Encoded & { applied?: boolean }): void {
    active.extend(written.bytes, written.count);
    this.#last = written.last;
    this.#lastCrc = written.crc;
    written.applied = true;
  }

  /** What is not synced, what waits, and `entries`, in that order. */
  #writeNow(active: ActiveSegment, entries: readonly LogEntry[]): Appended {
    // Not the shared buffer: the write that is in flight may still read from it.
    const lines = new LineBuffer();
    const write = (more: readonly LogEntry[]): Appended => {
      const encoded = encodeBatch(more, this.#behind(active), lines);
      active.file.writeSync(encoded.bytes, active.bytes);
      this.#apply(active, encoded);
      return { first: encoded.last - more.length + 1, last: encoded.last };
    };
    try {
      const inFlight = this.#inFlight;
      // Also what is written and its sync is under way: that one may fail, and take the error with it.
      this.#unsynced.writeAgain(active.file);
      if (inFlight) active.file.writeSync(inFlight.bytes, inFlight.startBytes);
      if (inFlight && !inFlight.applied) this.#apply(active, inFlight);
      for (const waiting of this.#waiting) waiting.written = write(waiting.entries);
      this.#waiting.clear();
      return write(entries);
    } catch (cause) {
      throw this.#segments.die("write", cause);
    }
  }

  async #sync(): Promise<void> {
    const { active } = this.#segments;
    if (!active || this.#durable === this.#last) return;
    const generation = this.#generation;
    const last = this.#last;
    await this.#segments.sync(active);
    this.#life.assertAlive();
    this.#unsynced.clear();
    if (generation !== this.#generation) return;
    this.#unsynced.isOneLate = false;
    this.#acknowledge(active, last);
  }

  /** All up to `last` is synced: the fence stands between that and whoever waits for it. */
  #acknowledge(active: ActiveSegment, last: number): void {
    this.#segments.assertOwner(active);
    this.#inFlight = undefined;
    this.#promise(last);
  }

  async #rotate(active: ActiveSegment): Promise<ActiveSegment> {
    await this.#sync();
    const next = await this.#segments.next(active, this.#last);
    this.#marked = this.#last;
    this.#promise(this.#durable);
    await this.#syncHead();
    return next;
  }

  /** Notes that all up to `durable` is durable. */
  #promise(durable: number): void {
    this.#durable = durable;
    const { store, epoch } = this.#options;
    this.#head.update({ store, epoch, first: this.#segments.first, durable });
  }

  /** From here on a power cut leaves the promise: a last segment or batch that is gone is missed. */
  #syncHead(): Promise<void> {
    return this.#segments.sync({ name: headName, file: this.#head });
  }

  /** Closes the last batch with its watermark, so that rot in it can be told from a torn one. */
  async #markIdle(): Promise<void> {
    await this.#sync();
    const { active } = this.#segments;
    if (!active || this.#marked === this.#last) return;
    this.#marked = this.#last;
    await this.#write(active, encodeMarker(this.#behind(active)), false);
    // So that the marker outlives a power cut: it is there for what comes after one.
    await this.#segments.sync(active);
    await this.#syncHead();
  }
}
