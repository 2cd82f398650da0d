/**
 * The one writer of a log: batches in, durable sequences out, on one awaited chain.
 *
 *     append   encode ─ (rotate) ─ write ─ sync ─ fence ─> acknowledged
 *                                  │        └ fails: poison
 *                                  └ fails: truncate + sync, then rejected; appends go on
 *
 * The rule: nothing is acknowledged before its sync and the fence; after a failed sync, or a rollback
 * that failed, nothing is ever written again by this writer (fsync is never retried: the kernel has
 * marked the pages clean, https://lwn.net/Articles/752063/).
 */
import { ClosedError, DiskFailedError } from "@taskwal/errors";
import { folderOf, type Clock, type Directory } from "@taskwal/disk";
import { hex32, LineBuffer, markerBody, recordBody, type RecordDraft } from "@taskwal/format";
import { ActiveSegment } from "./active-segment.ts";
import type { Continuation } from "./carry-tail.ts";
import { isOverridden } from "./claim-epoch.ts";
import { HeadFile } from "./head-file.ts";

/** A record to write: everything but its sequence and lag. */
export interface LogEntry {
  readonly draft: RecordDraft;
  /** Its payload as JSON text. */
  readonly dataJson: string;
}

export interface Appended {
  /** Sequence of the first entry; the others follow. */
  readonly first: number;
  readonly last: number;
}

export interface LogWriterOptions {
  readonly directory: Directory;
  readonly clock: Clock;
  readonly store: string;
  readonly epoch: number;
  readonly continuation: Continuation;
  /** Every sequence up to here is durable. */
  readonly durable: number;
  /** The checksum of the last record's line, hex. */
  readonly lastCrc: string;
  /** A segment is sealed by the first batch that would take it past this size. */
  readonly segmentBytesMax: number;
  /** After how long without an append the last batch is closed with an idle marker, in milliseconds. */
  readonly idleMs: number;
  /** Why this process no longer owns the directory, or undefined. Asked after each sync. */
  fence(): string | undefined;
  /** Called once, when the writer dies. */
  onPoison(error: DiskFailedError): void;
}

/** Lines that were encoded for the place behind the active segment's last. */
interface Encoded {
  readonly bytes: Uint8Array;
  readonly count: number;
  /** Sequence and checksum of the last record once they are written. */
  readonly last: number;
  readonly crc: string;
}

export class LogWriter {
  readonly #options: LogWriterOptions;
  readonly #head: HeadFile;
  readonly #lines = new LineBuffer(256 * 1024);
  #active: ActiveSegment | undefined;
  #continuation: Continuation;
  #last: number;
  #lastCrc: string;
  #durable: number;
  #marked: number;
  #chain: Promise<unknown> = Promise.resolve();
  /** What is being written, if anything is. */
  #inFlight: Encoded | undefined;
  #rotating = false;
  #generation = 0;
  #poison: DiskFailedError | undefined;
  #closed = false;
  #cancelIdle: () => void = () => {};

  private constructor(options: LogWriterOptions, head: HeadFile) {
    this.#options = options;
    this.#head = head;
    this.#continuation = options.continuation;
    const { first, carried } = options.continuation;
    this.#last = first + carried.length - 1;
    this.#lastCrc = options.lastCrc;
    this.#durable = options.durable;
    this.#marked = options.durable;
  }

  /**
   * Starts the writer of an epoch that this process has claimed. What the continuation carries is
   * durable on return. Errors of the disk pass through.
   */
  static async open(options: LogWriterOptions): Promise<LogWriter> {
    const writer = new LogWriter(options, await HeadFile.open(options.directory));
    if (options.continuation.carried.length > 0) {
      await writer.#startSegment();
      writer.#promise(writer.#last);
      await writer.#head.sync();
    }
    return writer;
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
    return this.#poison;
  }

  /** Name of the segment that is being written, if there is one. */
  get activeName(): string | undefined {
    return this.#active?.name;
  }

  /**
   * Writes entries one behind the other, as one batch: a transaction is never split, a crash keeps a
   * prefix. With `sync` they are durable on return; without, the next sync makes them so. Throws
   * DiskFailedError: `not-written` if nothing of them is or will be there, `unknown` if the writer is
   * dead now.
   */
  append(entries: readonly LogEntry[], sync: boolean): Promise<Appended> {
    return this.#exclusively(async () => {
      const generation = this.#generation;
      const encoded = await this.#encodeFitting(entries);
      await this.#write(encoded, generation);
      if (sync) await this.#sync(generation);
      return { first: encoded.last - entries.length + 1, last: encoded.last };
    });
  }

  /** Makes everything that was written durable. Throws DiskFailedError (`unknown`): the writer is dead then. */
  sync(): Promise<void> {
    return this.#exclusively(() => this.#sync(this.#generation));
  }

  /**
   * For exit handlers: writes what is in flight again (the same bytes at the same place), then
   * `entries`, then syncs, holding the event loop. All of it is durable on return; the late completion
   * of what was in flight is ignored. Throws as `append`; also while a segment is being started.
   */
  flushSync(entries: readonly LogEntry[]): Appended {
    this.#assertUsable();
    const active = this.#active;
    if (!active || this.#rotating) {
      throw this.#failure("write", "not-written", undefined, "a segment is being started");
    }
    this.#generation += 1;
    // Not the shared buffer: the write that is in flight may still read from it.
    const lines = new LineBuffer();
    let first = 0;
    try {
      if (this.#inFlight) {
        active.file.writeSync(this.#inFlight.bytes, active.bytes);
        this.#apply(active, this.#inFlight);
      }
      first = this.#last + 1;
      const encoded = this.#encode(entries, active.salt, lines);
      active.file.writeSync(encoded.bytes, active.bytes);
      this.#apply(active, encoded);
      active.file.syncSync();
    } catch (cause) {
      throw this.#die("sync", cause);
    }
    this.#assertOwner(active);
    this.#promise(this.#last);
    return { first, last: this.#last };
  }

  /**
   * Seals the active segment, syncs HEAD and releases the files. What is not durable yet is made so.
   * A poisoned writer only releases its files.
   */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#cancelIdle();
    try {
      if (!this.#poison) {
        await this.#exclusively(async () => {
          await this.#sync(this.#generation);
          if (this.#active) await this.#seal(this.#active);
          await this.#syncHead();
        });
      }
    } finally {
      this.#closed = true;
      this.#cancelIdle();
      await this.#active?.file.close();
      await this.#head.close();
    }
  }

  #exclusively<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#chain.then(() => {
      this.#assertUsable();
      this.#cancelIdle();
      return work();
    });
    this.#chain = turn.then(
      () => this.#scheduleIdle(),
      () => {},
    );
    return turn;
  }

  #assertUsable(): void {
    if (this.#poison) throw this.#poison;
    if (this.#closed) throw new ClosedError("the log is closed");
  }

  /** Encodes for the active segment; starts a new one first if they would not fit. */
  async #encodeFitting(entries: readonly LogEntry[]): Promise<Encoded> {
    const active = this.#active ?? (await this.#startSegment());
    const encoded = this.#encode(entries, active.salt, this.#lines);
    const fits = active.bytes + encoded.bytes.length <= this.#options.segmentBytesMax;
    if (fits || active.recordCount === 0) return encoded;
    const next = await this.#rotate(active);
    return this.#encode(entries, next.salt, this.#lines);
  }

  #encode(entries: readonly LogEntry[], salt: number, lines: LineBuffer): Encoded {
    lines.clear();
    let seq = this.#last;
    let crc = this.#lastCrc;
    for (const { draft, dataJson } of entries) {
      seq += 1;
      crc = hex32(lines.push(recordBody(draft, dataJson, seq, seq - this.#durable), salt));
    }
    return { bytes: lines.view(), count: entries.length, last: seq, crc };
  }

  async #write(encoded: Encoded, generation: number): Promise<void> {
    const active = this.#active;
    if (!active) throw new ClosedError("the log has no active segment");
    const { bytes: startBytes } = active;
    this.#inFlight = encoded;
    try {
      await active.file.write(encoded.bytes, startBytes);
    } catch (cause) {
      if (generation !== this.#generation) return;
      this.#inFlight = undefined;
      await this.#rollBack(active, startBytes);
      throw this.#failure("write", "not-written", cause);
    }
    if (generation === this.#generation) this.#apply(active, encoded);
  }

  #apply(active: ActiveSegment, encoded: Encoded): void {
    active.extend(encoded.bytes, encoded.count);
    this.#last = encoded.last;
    this.#lastCrc = encoded.crc;
    this.#inFlight = undefined;
  }

  /** Takes back a write that failed half way, durably: an unsynced truncate can bring the bytes back. */
  async #rollBack(active: ActiveSegment, sizeBytes: number): Promise<void> {
    try {
      await active.file.truncate(sizeBytes);
      await active.file.sync();
    } catch (cause) {
      throw this.#die("roll back", cause);
    }
  }

  async #sync(generation: number): Promise<void> {
    const active = this.#active;
    if (!active || this.#durable === this.#last) return;
    const last = this.#last;
    try {
      // Before anything up to `last` is acknowledged: promise 1 of docs/guarantees.md.
      await active.file.sync();
    } catch (cause) {
      if (generation === this.#generation) throw this.#die("sync", cause);
      return;
    }
    if (generation !== this.#generation) return;
    this.#assertOwner(active);
    this.#promise(last);
  }

  /**
   * The fence, between the sync and the acknowledgement: the paths must still mean the files that are
   * written here, and nobody may have claimed the log since.
   */
  #assertOwner(active: ActiveSegment): void {
    const { directory, epoch, fence } = this.#options;
    const stat = directory.statSync(active.name);
    const lost = ((): string | undefined => {
      if (!stat || stat.inode !== active.inode)
        return "its path no longer means the file written here";
      if (stat.sizeBytes !== active.bytes) {
        return `it has ${stat.sizeBytes} bytes where ${active.bytes} were written: something else writes it`;
      }
      return isOverridden(directory, epoch) ? "another process has claimed the log" : fence();
    })();
    if (lost) throw this.#die("keep", undefined, lost);
  }

  /** Notes that all up to `durable` is durable. */
  #promise(durable: number): void {
    this.#durable = durable;
    const first = this.#active?.id.first ?? this.#continuation.first;
    this.#head.update({ store: this.#options.store, epoch: this.#options.epoch, first, durable });
  }

  /** The first segment of this epoch, or the one after a sealed one. */
  async #startSegment(): Promise<ActiveSegment> {
    const { directory, store, epoch } = this.#options;
    const { first, previous, carried } = this.#continuation;
    this.#rotating = true;
    try {
      const id = { first, epoch };
      this.#active = await ActiveSegment.create(directory, { store, id, previous, carried });
      return this.#active;
    } catch (cause) {
      throw this.#startFailure(cause, first);
    } finally {
      this.#rotating = false;
    }
  }

  /** A full disk may try again; a sync that failed, or anything that is not understood, is the end. */
  #startFailure(cause: unknown, first: number): unknown {
    const errno = (cause as { code?: string }).code ?? "";
    const harmless = ["ENOSPC", "EDQUOT", "EFBIG", "EMFILE", "ENFILE"].includes(errno);
    const error = this.#failure("start segment", "not-written", cause, undefined, `wal/${first}`);
    if (harmless) return error;
    return this.#die("start segment", cause);
  }

  async #rotate(active: ActiveSegment): Promise<ActiveSegment> {
    this.#rotating = true;
    try {
      const generation = this.#generation;
      await this.#sync(generation);
      await this.#seal(active);
      this.#continuation = {
        first: this.#last + 1,
        previous: active.asPrevious(this.#last),
        carried: [],
      };
      this.#active = undefined;
      await active.file.close();
      const next = await this.#startSegment();
      this.#promise(this.#durable);
      await this.#syncHead();
      return next;
    } finally {
      this.#rotating = false;
    }
  }

  /** All of `active` is durable; so are its last lines on return. */
  async #seal(active: ActiveSegment): Promise<void> {
    const bytes = active.sealLines(this.#last);
    const { bytes: startBytes } = active;
    try {
      await active.file.write(bytes, startBytes);
    } catch (cause) {
      await this.#rollBack(active, startBytes);
      throw this.#failure("seal", "not-written", cause);
    }
    active.extend(bytes, 0);
    this.#marked = this.#last;
    try {
      await active.file.sync();
    } catch (cause) {
      throw this.#die("sync", cause);
    }
  }

  async #syncHead(): Promise<void> {
    try {
      await this.#head.sync();
    } catch (cause) {
      throw this.#die("sync", cause);
    }
  }

  #scheduleIdle(): void {
    this.#cancelIdle();
    if (this.#closed || this.#poison || this.#marked === this.#last || !this.#active) return;
    this.#cancelIdle = this.#options.clock.schedule(this.#options.idleMs, () => {
      // A failure here has poisoned the writer or was rolled back: the next caller is told.
      this.#exclusively(() => this.#markIdle()).catch(() => {});
    });
  }

  /** Closes the last batch with its watermark, so that rot in it can be told from a torn one. */
  async #markIdle(): Promise<void> {
    const generation = this.#generation;
    await this.#sync(generation);
    const lines = new LineBuffer(128);
    const active = this.#active;
    if (!active || this.#marked === this.#last) return;
    lines.push(markerBody(this.#durable), active.salt);
    this.#marked = this.#last;
    const encoded = { bytes: lines.view(), count: 0, last: this.#last, crc: this.#lastCrc };
    await this.#write(encoded, generation);
    if (generation !== this.#generation) return;
    try {
      await active.file.sync();
    } catch (cause) {
      throw this.#die("sync", cause);
    }
    await this.#syncHead();
  }

  #failure(
    operation: string,
    outcome: "not-written" | "unknown",
    cause: unknown,
    reason?: string,
    path?: string,
  ): DiskFailedError {
    const where = path ?? this.#active?.name ?? folderOf("wal/HEAD");
    return new DiskFailedError({
      operation,
      path: `${this.#options.directory.path}/${where}`,
      outcome,
      ...(cause === undefined ? {} : { cause }),
      ...(reason === undefined ? {} : { reason }),
    });
  }

  #die(operation: string, cause: unknown, reason?: string): DiskFailedError {
    if (this.#poison) return this.#poison;
    this.#poison = this.#failure(operation, "unknown", cause, reason);
    this.#cancelIdle();
    this.#options.onPoison(this.#poison);
    return this.#poison;
  }
}
