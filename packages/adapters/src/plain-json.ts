/**
 * A value as JSON would keep it: what the service that is replaced did with whatever it was given.
 *
 *     Date ─> its text     undefined, functions ─> left out     NaN, Infinity ─> null     -0 ─> 0
 *     an Error ─> { name, message, code }     a BigInt ─> its digits, as text
 *
 * The rule: one value that JSON has no word for costs itself, never the task that holds it.
 */
import { InvalidMutationError } from "@taskwal/errors";
import type { JsonValue } from "@taskwal/format";

/** A deep copy. Throws InvalidMutationError for a cycle, and for what is nested too deep to be written. */
export const plainJson = (value: unknown): JsonValue | undefined => {
  try {
    const text = JSON.stringify(value, spelled) as string | undefined;
    return text === undefined ? undefined : (JSON.parse(text) as JsonValue);
  } catch (cause) {
    const reason = `JSON cannot hold it: ${cause instanceof Error ? cause.message.split("\n")[0] : String(cause)}`;
    throw new InvalidMutationError({ reason, cause });
  }
};

const spelled = (_: string, value: unknown): unknown => {
  if (typeof value === "bigint") return String(value);
  if (!(value instanceof Error)) return value;
  const { name, message } = value;
  return "code" in value ? { name, message, code: value.code } : { name, message };
};

/** Whether `given` is what was stored. Dates, undefined members and the like count as different: ask `plainJson` first. */
export const isSame = (stored: unknown, given: unknown): boolean => {
  if (stored === given) return true;
  if (typeof stored !== "object" || typeof given !== "object") return false;
  if (stored === null || given === null || Array.isArray(stored) !== Array.isArray(given)) {
    return false;
  }
  const keys = Object.keys(stored);
  const others = Object.keys(given);
  return (
    keys.length === others.length &&
    keys.every(
      (key) => Object.hasOwn(given, key) && isSame((stored as Fields)[key], (given as Fields)[key]),
    )
  );
};

type Fields = Readonly<Record<string, unknown>>;
