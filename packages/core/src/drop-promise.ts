/**
 * What a program's function returned although it must be synchronous.
 *
 * The rule: it is refused, so nobody waits for it, and its late rejection must not end the host as an unhandled one.
 */

/** True if it is a promise, or anything else with a `then`. */
export const dropPromise = (value: unknown): boolean => {
  if (typeof value !== "object" || value === null || !("then" in value)) return false;
  if (value instanceof Promise) value.catch(() => {});
  return true;
};
