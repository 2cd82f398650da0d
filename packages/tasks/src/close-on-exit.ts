/**
 * Graceful shutdown, installed and removed by one call.
 *
 *     SIGTERM, SIGINT ── close() within deadlineMs ── the signal again, with the handler gone
 *     beforeExit      ── close()
 *     exit            ── flushSync(), if there was no time for more
 *
 * The rule: the process ends as it would have without us (same signal, same exit code), only later.
 */

/** What can be closed: a store. */
export interface Closable {
  close(): Promise<void>;
  flushSync(): void;
}

export interface CloseOnExitOptions {
  /** Default: SIGTERM and SIGINT. */
  readonly signals?: readonly NodeJS.Signals[];
  /** How long closing may take after a signal before the process ends anyway, in milliseconds. Default: 5,000. */
  readonly deadlineMs?: number;
}

/** Returns the function that removes what was installed. */
export const closeOnExit = (store: Closable, options: CloseOnExitOptions = {}): (() => void) => {
  const { signals = ["SIGTERM", "SIGINT"], deadlineMs = 5_000 } = options;
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => (closing ??= store.close().catch(() => {}));

  const onSignal = (signal: NodeJS.Signals): void => {
    const timer = setTimeout(() => end(signal), deadlineMs);
    void close().then(() => {
      clearTimeout(timer);
      end(signal);
    });
  };
  const end = (signal: NodeJS.Signals): void => {
    remove();
    // With another handler left it is that one's to end the process; without one this ends it.
    if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
  };
  const onBeforeExit = (): void => void close();
  const onExit = (): void => {
    try {
      // Also while it is closing: whoever ends the process meanwhile does not wait for that.
      store.flushSync();
    } catch {
      // Closed, poisoned or in between two segments: what was acknowledged is on the disk already.
    }
  };
  const remove = (): void => {
    for (const signal of signals) process.off(signal, onSignal);
    process.off("beforeExit", onBeforeExit);
    process.off("exit", onExit);
  };
  for (const signal of signals) process.on(signal, onSignal);
  process.on("beforeExit", onBeforeExit);
  process.on("exit", onExit);
  return remove;
};
