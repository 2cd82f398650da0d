/**
 * Ctrl-C or SIGTERM while a verb makes something: it takes back what it has begun, and says that it did not get there.
 *
 *     work(signal) ─┬─ the signal aborts ─> back as it was ─> one sentence, 130
 *                   └─ otherwise ─────────> its exit code
 *
 * The rule: the first one is heard; a second one ends the process at once, as if nobody listened.
 */
import { exitCodes } from "./exit-codes.ts";

const signals = ["SIGINT", "SIGTERM"] as const;

/** `left`: what an interrupted one leaves, for a person. */
export const interruptible = async (
  left: string,
  work: (signal: AbortSignal) => Promise<number>,
): Promise<number> => {
  const interrupt = new AbortController();
  const onSignal = (): void => {
    for (const name of signals) process.off(name, onSignal);
    interrupt.abort();
  };
  for (const name of signals) process.on(name, onSignal);
  try {
    return await work(interrupt.signal);
  } catch (error) {
    if (!interrupt.signal.aborted || error !== interrupt.signal.reason) throw error;
    process.stderr.write(`taskwal: interrupted: ${left}\n`);
    return exitCodes.interrupted;
  } finally {
    for (const name of signals) process.off(name, onSignal);
  }
};
