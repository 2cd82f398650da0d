/**
 * When a snapshot is taken: every `intervalMs` if something changed, by growth of the log, on demand.
 *
 *     |--- intervalMs ---|save|--- at least 20 x the time it took ---|save|
 *
 * The rule: one save at a time; a large state stretches the interval, so that saving never costs more
 * than a twentieth of the time. A save that fails is told and tried again; the log goes on.
 */
import type { Clock } from "@taskwal/disk";

/** Saving takes at most one part in so many of the time. */
const timeShare = 20;

export interface AutosaveOptions {
  readonly clock: Clock;
  /** Milliseconds between saves at least; Infinity saves only on demand. */
  readonly intervalMs: number;
  /** The log may grow by so many records past the last save before one is begun early. */
  readonly recordsMax: number;
  /** The last durable sequence. */
  readonly sequence: () => number;
  /** Takes one snapshot and returns its sequence. */
  readonly save: () => Promise<number>;
  /** A save begins by itself. */
  onTriggered(): void;
  /** A save that began by itself has failed. */
  onFailed(error: unknown): void;
}

export class Autosave {
  readonly #options: AutosaveOptions;
  #saved: number;
  #saving: Promise<number> | undefined;
  #behindSinceMs: number | undefined;
  #notBeforeMs: number;
  #cancel: (() => void) | undefined;
  #stopped = false;

  /** `saved` is the sequence of the newest snapshot. */
  constructor(options: AutosaveOptions, saved: number) {
    this.#options = options;
    this.#saved = saved;
    this.#notBeforeMs = options.clock.monotonicMs() + options.intervalMs;
  }

  /** The sequence of the newest snapshot. */
  get saved(): number {
    return this.#saved;
  }

  /** What is durable and in no snapshot: records, and for how long the oldest has been so, in milliseconds, at most. */
  get lag(): { readonly records: number; readonly ms: number } {
    const { sequence, clock } = this.#options;
    const records = Math.max(0, sequence() - this.#saved);
    if (records === 0 || this.#behindSinceMs === undefined) return { records, ms: 0 };
    return { records, ms: clock.monotonicMs() - this.#behindSinceMs };
  }

  /** Tells that records became durable. */
  changed(): void {
    if (this.#options.sequence() > this.#saved) {
      this.#behindSinceMs ??= this.#options.clock.monotonicMs();
    }
    if (this.#stopped || this.#saving || this.#options.sequence() === this.#saved) return;
    if (!Number.isFinite(this.#options.intervalMs)) return;
    const { clock, recordsMax } = this.#options;
    const grown = this.#options.sequence() - this.#saved >= recordsMax;
    if (this.#cancel && !grown) return;
    this.#cancel?.();
    const waitMs = this.#notBeforeMs - clock.monotonicMs();
    const delayMs = grown ? Math.min(waitMs, 1_000) : waitMs;
    this.#cancel = clock.schedule(Math.max(0, delayMs), () => this.#trigger());
  }

  /** Takes a snapshot now, or joins the one that is under way and takes another if it is older. */
  async save(): Promise<number> {
    const wanted = this.#options.sequence();
    // Of several that waited for the same one, the first begins the next.
    while (this.#saving) await this.#saving.catch(() => {});
    if (this.#saved >= wanted && this.#saved > 0) return this.#saved;
    return this.#begin();
  }

  /** No save begins by itself any more; waits for the one under way. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancel?.();
    await this.#saving?.catch(() => {});
  }

  #trigger(): void {
    this.#cancel = undefined;
    if (this.#stopped || this.#saving) return;
    this.#options.onTriggered();
    this.#begin().catch((error: unknown) => this.#options.onFailed(error));
  }

  #begin(): Promise<number> {
    const { clock, intervalMs } = this.#options;
    const startMs = clock.monotonicMs();
    this.#cancel?.();
    this.#cancel = undefined;
    const saving = this.#options.save();
    this.#saving = saving;
    return saving
      .then((sequence) => {
        this.#saved = Math.max(this.#saved, sequence);
        // What came meanwhile came after this.
        this.#behindSinceMs = this.#options.sequence() > this.#saved ? startMs : undefined;
        return sequence;
      })
      .finally(() => {
        const now = clock.monotonicMs();
        this.#saving = undefined;
        this.#notBeforeMs = now + Math.max(intervalMs, (now - startMs) * timeShare);
        this.changed();
      });
  }
}
