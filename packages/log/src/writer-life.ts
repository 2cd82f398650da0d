/**
 * Whether a writer may go on: it lives, is closed, or is poisoned.
 *
 *     write failed, taken back   ─> DiskFailedError "not-written"   lives
 *     sync failed, fence, …      ─> DiskFailedError "unknown"       poisoned: says the same for ever
 *
 * The rule: poison is final in this process (fsync is never retried: the kernel has marked the pages
 * clean, https://lwn.net/Articles/752063/).
 */
import { ClosedError, DiskFailedError, errnoOf } from "@taskwal/errors";

const passingErrnos = new Set<string | undefined>([
  "ENOSPC",
  "EDQUOT",
  "EFBIG",
  "EMFILE",
  "ENFILE",
]);

/** Whether room or handles were lacking: what it kept from being written can be taken back, and tried again. */
export const isPassing = (error: unknown): boolean => passingErrnos.has(errnoOf(error));

export interface Failure {
  /** What was being done, as a verb. */
  readonly operation: string;
  /** Relative to the state directory. */
  readonly name: string;
  readonly cause?: unknown;
  readonly reason?: string | undefined;
}

export class WriterLife {
  readonly #path: string;
  readonly #onPoison: (error: DiskFailedError) => void;
  #poison: DiskFailedError | undefined;
  closed = false;

  constructor(path: string, onPoison: (error: DiskFailedError) => void) {
    this.#path = path;
    this.#onPoison = onPoison;
  }

  get poison(): DiskFailedError | undefined {
    return this.#poison;
  }

  /** To be asked again after every wait: in between, a flushSync may have ended the writer. */
  assertAlive(): void {
    if (this.#poison) throw this.#poison;
  }

  assertUsable(): void {
    this.assertAlive();
    if (this.closed) throw new ClosedError("the log is closed");
  }

  /** An error after which nothing of what was asked is there, and the writer goes on. */
  notWritten(failure: Failure): DiskFailedError {
    return this.#error(failure, "not-written");
  }

  /** Ends the writer, and returns the error with which it ended. */
  die(failure: Failure): DiskFailedError {
    if (this.#poison) return this.#poison;
    this.#poison = this.#error(failure, "unknown");
    this.#onPoison(this.#poison);
    return this.#poison;
  }

  #error(
    { operation, name, cause, reason }: Failure,
    outcome: "not-written" | "unknown",
  ): DiskFailedError {
    return new DiskFailedError({
      operation,
      path: `${this.#path}/${name}`,
      outcome,
      cause,
      ...(reason === undefined ? {} : { reason }),
    });
  }
}
