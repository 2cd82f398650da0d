/**
 * The logger that a program gave, as the library uses it.
 *
 *     facts with an error ─> what it is (error-facts.ts) ─> logger ─ throws? ─> nobody is left to tell
 *
 * The rule: no payload is quoted, and a logger that throws breaks nothing.
 */
import { errorFacts } from "./error-facts.ts";
import type { Logger } from "./events.ts";

/** Those that were made here: a package above makes its own, and hands it down. */
const made = new WeakSet<Logger>();

/** Everything that is logged goes through one of these. One that is discreet already is given back as it is. */
export const discreetLogger = (logger: Logger): Logger => {
  if (made.has(logger)) return logger;
  const level =
    (name: keyof Logger) =>
    (facts: unknown, message?: string): void => {
      try {
        logger[name](discreet(facts), message);
      } catch {
        // It has failed, and it was the way to say so.
      }
    };
  const discreetly = {
    debug: level("debug"),
    info: level("info"),
    warn: level("warn"),
    error: level("error"),
  };
  made.add(discreetly);
  return discreetly;
};

const discreet = (facts: unknown): unknown =>
  typeof facts === "object" && facts !== null && "error" in facts
    ? { ...facts, error: errorFacts(facts.error) }
    : facts;
