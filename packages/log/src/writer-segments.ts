/**
 * The segments of one writer, one after the other, and what may be done to the active one.
 *
 *     continuation ─> start ─> write, sync, … ─> seal ─> close ─> start …
 *
 * The rule: a write that failed is taken back, durably, or the writer dies; a sync that failed is the
 * end of it. While a segment is started, sealed or rolled back, `busy` says so: nothing may be written
 * behind bytes that are about to change.
 */
import type { File } from "@taskwal/disk";
import type { DiskFailedError } from "@taskwal/errors";
import { ActiveSegment } from "./active-segment.ts";
import type { Continuation } from "./carry-tail.ts";
import { isOverridden } from "./claim-epoch.ts";
import { isPassing, type WriterLife } from "./writer-life.ts";
import type { LogWriterOptions } from "./writer-options.ts";

export class WriterSegments {
  readonly #options: LogWriterOptions;
  readonly #life: WriterLife;
  #continuation: Continuation;
  #active: ActiveSegment | undefined;
  #busy: string | undefined;

  constructor(options: LogWriterOptions, life: WriterLife) {
    this.#options = options;
    this.#life = life;
    this.#continuation = options.continuation;
  }

  get active(): ActiveSegment | undefined {
    return this.#active;
  }

  /** Why nothing can be written now, or undefined. */
  get busy(): string | undefined {
    return this.#busy ?? (this.#active ? undefined : "no segment has been started");
  }

  /** The first sequence of the active segment, or of the one to come. */
  get first(): number {
    return this.#continuation.first;
  }

  /** The first segment of this epoch, or the one after a sealed one. */
  start(): Promise<ActiveSegment> {
    const { directory, store, epoch } = this.#options;
    const { first, previous, parent, carried } = this.#continuation;
    return this.#while("a segment is being started", async () => {
      let segment: ActiveSegment | undefined;
      try {
        const start = { store, id: { first, epoch }, previous, parent, carried };
        segment = await ActiveSegment.prepare(directory, start);
        await segment.publish(directory);
      } catch (cause) {
        await segment?.close();
        const failure = { operation: "start segment", name: `wal/${first}`, cause };
        // Before it has its name, nothing was promised of it.
        throw !segment && isPassing(cause)
          ? this.#life.notWritten(failure)
          : this.#life.die(failure);
      }
      this.#active = segment;
      return segment;
    });
  }

  /** Seals the active segment, all of which is durable, and starts the one after `last`. */
  next(active: ActiveSegment, last: number): Promise<ActiveSegment> {
    return this.#while("a segment is being started", async () => {
      await this.seal(active, last);
      this.#continuation = { first: last + 1, previous: active.asPrevious(last), carried: [] };
      this.#active = undefined;
      // All of it is synced: a failing close costs nothing.
      await active.close().catch(() => {});
      return this.start();
    });
  }

  /** All of the active segment is durable; so are its last lines on return. */
  seal(active: ActiveSegment, last: number): Promise<void> {
    return this.#while("a segment is being sealed", async () => {
      const bytes = active.sealLines(last);
      try {
        await active.file.write(bytes, active.bytes);
      } catch (cause) {
        await this.rollBack(active);
        throw this.notWritten("seal", cause);
      }
      active.extend(bytes, 0);
      // Before a segment that names it as its previous one, with these bytes.
      await this.sync(active);
    });
  }

  /** Takes back a write that failed half way. */
  rollBack(active: ActiveSegment): Promise<void> {
    return this.#while("a failed write is being taken back", async () => {
      try {
        await active.file.truncate(active.bytes);
        // Before the rejection: an unsynced truncate can bring rejected bytes back after a power cut.
        await active.file.sync();
      } catch (cause) {
        throw this.die("roll back", cause);
      }
    });
  }

  /** Of the active segment, or of HEAD. */
  async sync(active: { readonly name: string; readonly file: Pick<File, "sync"> }): Promise<void> {
    this.#life.assertAlive();
    try {
      // Before anything up to here is acknowledged: the promise of append, sync and flushSync.
      await active.file.sync();
    } catch (cause) {
      throw this.#life.die({ operation: "sync", name: active.name, cause });
    }
  }

  /**
   * The fence, between the sync and the acknowledgement: the paths must still mean the files that are
   * written here, and nobody may have claimed the log since.
   */
  assertOwner(active: ActiveSegment): void {
    let lost: string | undefined;
    try {
      lost = this.#lostOwnership(active);
    } catch (cause) {
      throw this.die("keep", cause);
    }
    if (lost !== undefined) throw this.die("keep", undefined, lost);
  }

  #lostOwnership(active: ActiveSegment): string | undefined {
    const { directory, epoch, fence } = this.#options;
    const stat = directory.statSync(active.name);
    if (stat?.inode !== active.inode) return "its path no longer means the file written here";
    if (stat.sizeBytes !== active.bytes) {
      return `it has ${stat.sizeBytes} bytes where ${active.bytes} were written: something else writes it`;
    }
    return isOverridden(directory, epoch) ? "another process has claimed the log" : fence();
  }

  notWritten(operation: string, cause: unknown, reason?: string): DiskFailedError {
    return this.#life.notWritten({ operation, name: this.#name, cause, reason });
  }

  die(operation: string, cause: unknown, reason?: string): DiskFailedError {
    return this.#life.die({ operation, name: this.#name, cause, reason });
  }

  async close(): Promise<void> {
    await this.#active?.close();
  }

  get #name(): string {
    return this.#active?.name ?? "wal";
  }

  async #while<T>(busy: string, work: () => Promise<T>): Promise<T> {
    // A flushSync may have died while the caller waited for its turn: nothing is written behind that.
    this.#life.assertAlive();
    const before = this.#busy;
    this.#busy = busy;
    try {
      return await work();
    } finally {
      this.#busy = before;
    }
  }
}
