/**
 * The last thing before an error ends the process: the log synced, the state dumped elsewhere.
 *
 *     uncaught error ── flushSync() ── dump() within deadlineMs ── the same error again, with nobody to catch it
 *
 * The rule: no error is swallowed. Where the host listens for uncaught errors itself, what becomes of the process is its
 * own affair.
 */
export interface CrashDump {
  readonly flushSync: () => void;
  readonly dump: () => Promise<void>;
  readonly onFailed: (error: unknown) => void;
}

/** How long the dump may take, in milliseconds. */
const deadlineMs = 5_000;

/** Installs it, once a life; returns the function that removes it. */
export const dumpOnCrash = ({ flushSync, dump, onFailed }: CrashDump): (() => void) => {
  const remove = (): void => void process.off("uncaughtException", onError);
  const onError = (error: unknown): void => {
    const isAlone = process.listenerCount("uncaughtException") === 1;
    remove();
    try {
      flushSync();
    } catch {
      // What was acknowledged is on the disk already.
    }
    let isOver = false;
    const end = (): void => {
      if (isOver) return;
      isOver = true;
      clearTimeout(timer);
      // From here on nobody catches it: the process ends as it would have.
      if (isAlone) setImmediate(() => rethrow(error));
    };
    const timer = setTimeout(end, deadlineMs);
    dump().catch(onFailed).finally(end);
  };
  process.on("uncaughtException", onError);
  return remove;
};

const rethrow = (error: unknown): never => {
  throw error;
};
