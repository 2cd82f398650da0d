/**
 * A limit on how long something may take.
 *
 *     work(signal) ─ in time ────────────────────> its result, or its error
 *          └ the limit, or the signal above ─────> the reason, whether or not the work heeds its signal
 *
 * The rule: who waits gets on when the time is over. The timers keep the process alive and know no clock
 * that jumps; `AbortSignal.timeout` does not do the first.
 */

export class TimeLimitError extends Error {
  override readonly name = "TimeLimitError";
  constructor(limitMs: number) {
    super(`it took longer than ${limitMs} ms`);
  }
}

export interface LimitedSignal {
  /** Aborted after the limit, or with the signal above. */
  readonly signal: AbortSignal;
  /** To be called when the work is over. */
  readonly release: () => void;
}

export const limitedSignal = (limitMs: number, above?: AbortSignal): LimitedSignal => {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(new TimeLimitError(limitMs)), limitMs);
  const abort = (): void => controller.abort(above?.reason);
  above?.addEventListener("abort", abort, { once: true });
  if (above?.aborted) abort();
  return {
    signal: controller.signal,
    release: () => {
      clearTimeout(timer);
      above?.removeEventListener("abort", abort);
    },
  };
};

/** The work's error passes through; what it does after the limit is not seen any more. */
export const withinMs = async <T>(
  limitMs: number,
  work: (signal: AbortSignal) => Promise<T>,
  above?: AbortSignal,
): Promise<T> => {
  const { signal, release } = limitedSignal(limitMs, above);
  try {
    return await Promise.race([work(signal), whenAborted(signal)]);
  } finally {
    release();
  }
};

const whenAborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, failed) => {
    const fail = (): void => failed(signal.reason as Error);
    if (signal.aborted) fail();
    else signal.addEventListener("abort", fail, { once: true });
  });
