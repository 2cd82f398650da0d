/**
 * From a call to a change that may be written: everything that can be refused is refused here.
 *
 *     find type ─ copy (JSON?) ─ redact ─ schema ─ copy (JSON?) ─ expected version ─ reduce on pending ─ freeze
 *
 * The rule: a refusal leaves nothing behind, and the reducer sees exactly the value that a replay will
 * decode from the log.
 */
import {
  ConflictError,
  InvalidMutationError,
  UnsupportedFormatError,
  type ExpectedVersion,
} from "@taskwal/errors";
import { copyJson, jsonText, limits, type JsonValue, type RecordDraft } from "@taskwal/format";
import type { Model, MutationModel } from "./define-model.ts";
import { typeOf } from "./held-records.ts";
import { quoted } from "./model-names.ts";
import { redacted, type Redact } from "./redact.ts";
import { applyMutation, NotJsonError, type Change, type Slot, type State } from "./state.ts";

export interface MutationCall {
  /** The entity's key in the model, to catch a type of another entity. */
  readonly collection: string;
  readonly id: string;
  readonly type: string;
  readonly payload: unknown;
  readonly expectedVersion: ExpectedVersion | undefined;
}

/** A change that is staged and waits to be written. */
export interface Prepared extends Change {
  readonly call: MutationCall;
  readonly payload: JsonValue;
  readonly dataJson: string;
  readonly draft: RecordDraft;
}

/** What a call is checked against. */
export interface CheckContext {
  readonly model: Model;
  /** What takes secrets out of payloads, if anything. */
  readonly redact: Redact | undefined;
}

export interface PrepareContext extends CheckContext {
  readonly state: State;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/**
 * Prepares a call and stages it in the pending state. Throws InvalidMutationError, ConflictError,
 * UnsupportedFormatError (the entity has records that the model does not know), or what the reducer throws; nothing is staged then.
 */
export const prepare = (context: PrepareContext, call: MutationCall): Prepared =>
  stage(context, check(context, call));

/** A call that fits the model, whatever the state. */
export type Checked = Pick<Prepared, "call" | "mutation" | "payload" | "dataJson">;

/** The first half: what can be said without the state. Throws InvalidMutationError. */
export const check = ({ model, redact }: CheckContext, call: MutationCall): Checked => {
  const mutation = findMutation(model, call);
  const payload = checkedPayload(mutation, call, redact);
  const dataJson = jsonText(payload);
  assertSize(dataJson, call);
  return { call, mutation, payload, dataJson };
};

/** The second half, also for a call whose ground has changed since: expected version, reduce, stage. */
export const stage = ({ state, at }: PrepareContext, checked: Checked): Prepared => {
  const { call, mutation, payload, dataJson } = checked;
  const { id, type } = call;
  assertNotHeld(state, id);
  const before = state.pending(mutation.entity, id);
  assertExpected(call, mutation, before);
  const n = (before?.n ?? 0) + 1;
  const after = reduced(mutation, before, payload, { id, at, n });
  const draft: RecordDraft = { at, type, id, n, v: mutation.version };
  // Field by field: a spread took longer than all else in here.
  const prepared: Prepared = { call, mutation, payload, dataJson, id, before, after, draft };
  state.stage(prepared);
  return prepared;
};

/** Throws UnsupportedFormatError if records wait that come before what would be written. */
export const assertNotHeld = ({ held }: State, id: string): void => {
  const first = held.first(id);
  if (!first) return;
  throw new UnsupportedFormatError({
    file: `record ${first.record.seq}`,
    found: `${typeOf(first)} of ${quoted(id)}`,
    supported: "neither it nor what follows it, and writes nothing behind them",
  });
};

const reduced = (
  mutation: MutationModel,
  before: Slot | undefined,
  payload: JsonValue,
  meta: { id: string; at: number; n: number },
): Slot => {
  try {
    return applyMutation(mutation, before, payload, meta);
  } catch (error) {
    if (!(error instanceof NotJsonError)) throw error;
    const { type } = mutation;
    throw new InvalidMutationError({
      type,
      id: meta.id,
      path: error.path,
      reason: error.message,
      cause: error,
    });
  }
};

const findMutation = (model: Model, { collection, type, id }: MutationCall): MutationModel => {
  const mutation = model.mutations.get(type);
  if (!mutation)
    throw new InvalidMutationError({ type, id, reason: "the model has no such mutation" });
  if (mutation.entity.key !== collection) {
    throw new InvalidMutationError({
      type,
      id,
      reason: `it is a mutation of ${mutation.entity.key}`,
    });
  }
  if (typeof id !== "string" || id === "") {
    throw new InvalidMutationError({
      type,
      reason: "the id is not a string of at least one character",
    });
  }
  if (id.length > limits.idBytesMax / 3 && Buffer.byteLength(id) > limits.idBytesMax) {
    throw new InvalidMutationError({
      type,
      reason: `the id is longer than ${limits.idBytesMax} bytes`,
    });
  }
  return mutation;
};

const checkedPayload = (
  mutation: MutationModel,
  { collection, type, id, payload }: MutationCall,
  redact: Redact | undefined,
): JsonValue => {
  // Before the schema sees it: __proto__ keys, cycles and depth are not a schema's to survive.
  const given = copyJson(payload);
  if (!given.ok)
    throw new InvalidMutationError({ type, id, path: given.path, reason: given.reason });
  const open = redact ? redacted(redact, given.value, { type, id, collection }) : given.value;
  const validated = mutation.validate(open);
  if (!validated.ok) {
    const { issues } = validated;
    const reason = issues.map(({ message }) => message).join("; ");
    throw new InvalidMutationError({
      type,
      id,
      reason: `the schema refused it: ${reason}`,
      issues,
    });
  }
  const kept = copyJson(validated.value);
  if (!kept.ok) throw new InvalidMutationError({ type, id, path: kept.path, reason: kept.reason });
  return kept.value;
};

/** What a record's line needs besides its payload, at most. */
const envelopeBytesMax = limits.idBytesMax * 6 + limits.labelBytesMax * 6 * 4 + 512;

/** A record's payload as JSON, in UTF-8. */
export const payloadBytesMax = limits.recordBytesMax - envelopeBytesMax;

const assertSize = (dataJson: string, { type, id }: MutationCall): void => {
  const bytesMax = payloadBytesMax;
  if (dataJson.length * 3 <= bytesMax) return;
  const bytes = Buffer.byteLength(dataJson);
  if (bytes <= bytesMax) return;
  const reason = `the payload has ${bytes} bytes as JSON; a record holds ${bytesMax}`;
  throw new InvalidMutationError({ type, id, reason });
};

const assertExpected = (
  { id, expectedVersion = "any" }: MutationCall,
  mutation: MutationModel,
  before: Slot | undefined,
): void => {
  const exists = before?.value !== undefined;
  const current = before?.n ?? 0;
  const conflict = (expected: ExpectedVersion): ConflictError =>
    new ConflictError({ id, expected, current, exists });
  if (typeof expectedVersion === "number" && current !== expectedVersion)
    throw conflict(expectedVersion);
  if (expectedVersion === "absent" && exists) throw conflict("absent");
  if (expectedVersion === "exists" && !exists) throw conflict("exists");
  if (mutation.kind === "create" && exists) throw conflict("absent");
  if (mutation.kind !== "create" && !exists) throw conflict("exists");
  if (before?.damage?.frozen) {
    throw new InvalidMutationError({
      type: mutation.type,
      id,
      reason: "the entity lost mutations and is frozen; accept its damage first",
    });
  }
};
