/**
 * Tells that nothing happened for a while: one lasting timer, not one for each thing that happens.
 *
 *     pause ─ work ─ touch ─ pause ─ work ─ touch ── idleMs ──> run
 *                      └ armed once; when it fires too early, it is armed for the rest
 *
 * The rule: it never runs between `pause` and `touch`, however long that takes, nor after `stop`.
 */
import type { Clock } from "@taskwal/disk";

export class IdleTimer {
  readonly #clock: Clock;
  readonly #idleMs: number;
  readonly #run: () => void;
  /** Undefined while paused. */
  #touchedMs: number | undefined;
  #cancel: (() => void) | undefined;
  #isStopped = false;

  constructor(clock: Clock, idleMs: number, run: () => void) {
    this.#clock = clock;
    this.#idleMs = idleMs;
    this.#run = run;
  }

  pause(): void {
    this.#touchedMs = undefined;
  }

  touch(): void {
    this.#touchedMs = this.#clock.monotonicMs();
    if (!this.#cancel && !this.#isStopped) this.#arm(this.#idleMs);
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancel?.();
  }

  #arm(delayMs: number): void {
    this.#cancel = this.#clock.schedule(delayMs, () => {
      this.#cancel = undefined;
      if (this.#touchedMs === undefined) return;
      const restMs = this.#touchedMs + this.#idleMs - this.#clock.monotonicMs();
      if (restMs > 0) this.#arm(restMs);
      else this.#run();
    });
  }
}
