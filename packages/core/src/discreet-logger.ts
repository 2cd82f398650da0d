/**
 * The logger that a program gave, as the library uses it.
 *
 *     facts with an error ─> what it is (error-facts.ts) ─> logger ─ throws? ─> nobody is left to tell
 *
 * The rule: no payload is quoted, and a logger that throws breaks nothing.
 */
import { errorFacts } from "./error-facts.ts";
import type { Logger } from "./events.ts";

/** Everything that is logged goes through one of these. */
export const discreetLogger = (logger: Logger): Logger => {
  const level =
    (name: keyof Logger) =>
    (facts: unknown, message?: string): void => {
      try {
        logger[name](discreet(facts), message);
      } catch {
        // It has failed, and it was the way to say so.
      }
    };
  return {
    debug: level("debug"),
    info: level("info"),
    warn: level("warn"),
    error: level("error"),
  };
};

const discreet = (facts: unknown): unknown =>
  typeof facts === "object" && facts !== null && "error" in facts
    ? { ...facts, error: errorFacts(facts.error) }
    : facts;
