/**
 * What a program takes out of payloads before anything else sees them: secrets, above all.
 *
 *     call ─ JSON? ─ redact ─ JSON? ─ schema ─ reduce ─ bytes
 *            frozen copy └ throws: refused, nothing written
 *
 * The rule: what the hook takes out is in no file, no event and no state; a hook that fails lets nothing through.
 */
import { InvalidMutationError } from "@taskwal/errors";
import { copyJson, type JsonValue } from "@taskwal/format";
import { dropPromise } from "./drop-promise.ts";

/**
 * Gives the payload as it may be kept. `payload` is a frozen copy: return another value where something goes. Called
 * once for each mutation and list item, also when a cancelled call makes a transaction run again. Must be synchronous,
 * and give the same for the same: a repeated idempotency key is compared by what it returned.
 */
export type Redact = (payload: JsonValue, about: RedactAbout) => unknown;

export interface RedactAbout {
  /** The type of the mutation: "task.updated". Of a list item: "task.logs.appended". */
  readonly type: string;
  readonly id: string;
  /** The entity's key in the model: "tasks". */
  readonly collection: string;
}

/** Throws InvalidMutationError if the hook throws (kept as `cause`), or returns what JSON cannot hold. */
export const redacted = (redact: Redact, payload: JsonValue, about: RedactAbout): JsonValue => {
  const { type, id } = about;
  let given: unknown;
  try {
    given = redact(payload, about);
  } catch (cause) {
    throw new InvalidMutationError({ type, id, reason: "the redaction hook threw", cause });
  }
  const copy = copyJson(given);
  if (copy.ok) return copy.value;
  dropPromise(given);
  const reason = `what the redaction hook returned ${copy.reason}`;
  throw new InvalidMutationError({ type, id, path: copy.path, reason });
};
