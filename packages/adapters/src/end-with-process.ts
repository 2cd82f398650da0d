/**
 * What happens to the state when its process ends.
 *
 *     SIGTERM, SIGINT, nobody else listens ── end() ── the signal again: the process ends as it would have
 *     SIGTERM, SIGINT, the host listens    ── save() ── the host ends the process when it wants to, and may save until then
 *     beforeExit                           ── end()
 *     exit, however it comes               ── flushSync()
 *
 * The rule: a host that has handlers of its own keeps the last word.
 */
import { closeOnExit } from "@taskwal/tasks";

export interface ProcessEnd {
  readonly flushSync: () => void;
  readonly save: () => Promise<void>;
  readonly end: () => Promise<void>;
}

const signals = ["SIGTERM", "SIGINT"] as const;

/** Returns the function that removes what was installed. */
export const endWithProcess = ({ flushSync, save, end }: ProcessEnd): (() => void) => {
  const isHosted = (): boolean => signals.some((signal) => process.listenerCount(signal) > 1);
  const close = (): Promise<void> => (isHosted() ? save() : end());
  const removeSignals = closeOnExit({ close, flushSync }, { signals });
  const onBeforeExit = (): void => void end().catch(() => {});
  const onExit = (): void => {
    try {
      flushSync();
    } catch {
      // Closed, or a disk that fails: what was acknowledged is on it already.
    }
  };
  process.on("beforeExit", onBeforeExit);
  // Besides the one that goes with the signals: a host that was sent one may go on for a while.
  process.on("exit", onExit);
  return () => {
    removeSignals();
    process.off("beforeExit", onBeforeExit);
    process.off("exit", onExit);
  };
};
