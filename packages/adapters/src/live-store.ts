/**
 * The store behind a service that is there before its store is, and stays when the disk fails.
 *
 *     opening ─> open ─(the writer died)─> mending ─> open
 *        └────────────── failed ─(a call, after a while)─┘
 *
 * The rule: calls run in the order in which they were made, at once where there is a store, else once there is one; a
 * call that finds none is told why.
 */
import type { Clock } from "@taskwal/disk";
import { ClosedError } from "@taskwal/errors";
import type { TaskStore } from "@taskwal/tasks";

/** How long after a failed try the next call tries again, in milliseconds. */
const retryMs = 1_000;

export interface LiveStoreOptions {
  readonly clock: Clock;
  readonly open: () => Promise<TaskStore>;
  /** Makes a store whose writer died work again, or gives another in its place. */
  readonly mend: (store: TaskStore) => Promise<TaskStore>;
  onFailed(error: unknown): void;
}

export class LiveStore {
  readonly #options: LiveStoreOptions;
  /** Of the first opening. */
  readonly ready: Promise<void>;
  #store: TaskStore | undefined;
  #failure: unknown;
  #retryAtMs = 0;
  /** Calls that wait; undefined while none has to. */
  #waiting: (() => void)[] | undefined;
  #work: Promise<void>;
  /** Once closed: whether calls are refused, or get no answer any more. */
  #closed: "refuses" | "is silent" | undefined;

  constructor(options: LiveStoreOptions) {
    this.#options = options;
    this.#work = this.#begin(options.open);
    this.ready = this.#work.then(() => {
      if (!this.#store) throw this.#failure;
    });
    // Whoever does not ask has still been told.
    this.ready.catch(() => {});
  }

  /** Whether a call that is made now has to wait. */
  get waits(): boolean {
    return this.#waiting !== undefined || this.#needsWork();
  }

  /** Runs `work`; it may hold on to the store only until it resolves. Rejects with ClosedError once this is closed. */
  use<Value>(work: (store: TaskStore) => Promise<Value>): Promise<Value> {
    if (this.#closed === "refuses") return Promise.reject(new ClosedError());
    if (this.#closed === "is silent") return new Promise(() => {});
    if (this.#waiting === undefined && this.#needsWork()) this.#mend();
    const waiting = this.#waiting;
    if (!waiting) return this.#run(work);
    return new Promise((resolve, reject) => {
      waiting.push(() => void this.#run(work).then(resolve, reject));
    });
  }

  flushSync(): void {
    this.#store?.flushSync();
  }

  dump(dir: string): Promise<void> {
    return (
      this.#store?.dump(dir) ?? Promise.reject(this.#failure ?? new ClosedError("not open yet"))
    );
  }

  /**
   * Calls of before are done first. Throws what kept something from being durable. `isEnding`: the process ends next, so
   * calls that still come are left without an answer: a refusal that nobody expects would end it in another way.
   */
  async close({ isEnding }: { readonly isEnding: boolean }): Promise<void> {
    this.#closed = isEnding ? "is silent" : "refuses";
    await this.#work;
    await this.#store?.close();
  }

  #needsWork(): boolean {
    if (this.#store && this.#store.poisoned === undefined) return false;
    return this.#options.clock.monotonicMs() >= this.#retryAtMs;
  }

  #mend(): void {
    const { open, mend } = this.#options;
    const store = this.#store;
    this.#work = this.#begin(store ? () => mend(store) : open);
  }

  async #begin(work: () => Promise<TaskStore>): Promise<void> {
    this.#waiting = [];
    try {
      this.#store = await work();
      this.#failure = undefined;
    } catch (error) {
      this.#failure = error;
      this.#retryAtMs = this.#options.clock.monotonicMs() + retryMs;
      this.#options.onFailed(error);
    }
    const waiting = this.#waiting;
    this.#waiting = undefined;
    for (const run of waiting) run();
  }

  #run<Value>(work: (store: TaskStore) => Promise<Value>): Promise<Value> {
    if (!this.#store) return Promise.reject(this.#failure);
    return work(this.#store);
  }
}
