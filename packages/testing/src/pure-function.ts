/**
 * Whether a function of a model is one: runs it as often as it takes to see that it is not.
 *
 *     run 1   world "one", copies that can be changed ──> are they still what they were? is the result JSON?
 *     run 2   world "two", frozen ──────────────────────> the same result?
 *     run 3   world "one", fields in another order ─────> the same result?
 *
 * Run 3 because a snapshot keeps the fields of an entity in an order of its own. The rule: an outcome is
 * a result or a refusal; only what differs between runs is a mistake, never a refusal as such.
 */
import { inspect, isDeepStrictEqual } from "node:util";
import { copyJson, freezeJson, type JsonValue } from "@taskwal/format";
import { Broken } from "./broken-model-error.ts";
import { inWorld, type World } from "./fake-world.ts";

export type Outcome =
  | { readonly ok: true; readonly value: JsonValue | undefined }
  | { readonly ok: false; readonly error: unknown };

/** "the reducer of note.renamed", and its plural for the invariant: "a reducer". */
export interface Named {
  readonly kind: string;
  readonly name: string;
}

type Run = (inputs: readonly JsonValue[]) => unknown;

/**
 * The outcome, in fields that are frozen.
 * @param entity whether the first input is one: its fields come in another order after a snapshot.
 * @throws Broken.
 */
export const runPure = (
  named: Named,
  inputs: readonly JsonValue[],
  run: Run,
  { entity }: { readonly entity: boolean },
): Outcome => {
  const { kind, name } = named;
  const loose = inputs.map(thawed);
  const first = attempt("one", run, loose);
  if (!isDeepStrictEqual(loose, inputs.map(thawed))) {
    throw new Broken(
      `${kind} changes nothing that it is given`,
      `${name} made ${text(loose)} of ${text(inputs)}`,
    );
  }
  const result = asJson(named, first);
  const second = attempt("two", run, inputs.map(frozenCopy));
  assertSame(named, result, second, `of ${text(inputs)}, in another world of time and chance`);
  const [one, ...rest] = inputs;
  if (entity && one !== undefined) {
    const turned = [reordered(one), ...rest].map(frozenCopy);
    const third = attempt("one", run, turned);
    assertSame(named, result, third, `of ${text(turned)}, whose fields are in another order`);
  }
  return result;
};

type Raw =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly error: unknown };

const attempt = (world: World, run: Run, inputs: readonly JsonValue[]): Raw => {
  try {
    return { ok: true, value: inWorld(world, () => run(inputs)) };
  } catch (error) {
    return { ok: false, error };
  }
};

const asJson = ({ kind, name }: Named, raw: Raw): Outcome => {
  if (!raw.ok || raw.value === undefined) return raw as Outcome;
  const copy = copyJson(raw.value);
  if (!copy.ok) {
    throw new Broken(
      `what ${kind} returns is JSON`,
      `what ${name} returned ${copy.reason} at ${copy.path}`,
    );
  }
  if (keepsUndefined(raw.value)) {
    throw new Broken(
      `what ${kind} returns is JSON`,
      `${name} returned a frozen object with a field that is undefined`,
    );
  }
  return { ok: true, value: copy.value };
};

const assertSame = ({ kind, name }: Named, first: Outcome, second: Raw, how: string): void => {
  const other = second.ok && second.value !== undefined ? copyJson(second.value) : undefined;
  const value = other?.ok ? other.value : second.ok ? second.value : undefined;
  const same = first.ok === second.ok && (!first.ok || isDeepStrictEqual(first.value, value));
  if (same) return;
  const invariant = `${kind} gives the same from the same`;
  throw new Broken(
    invariant,
    `${name} made ${outcomeText(first)} and then ${outcomeText(second)} ${how}`,
    second.ok ? undefined : second.error,
  );
};

const outcomeText = (outcome: Raw): string =>
  outcome.ok ? text(outcome.value) : `an error (${String(outcome.error)})`;

const text = (value: unknown): string => {
  const shown = inspect(value, { depth: 6, breakLength: Infinity });
  return shown.length > 400 ? `${shown.slice(0, 400)}…` : shown;
};

/** A copy that can be changed. */
export const thawed = <Value extends JsonValue>(value: Value): Value => structuredClone(value);

const frozenCopy = (value: JsonValue): JsonValue => {
  const copy = thawed(value);
  freezeJson(copy);
  return copy;
};

/** The engine drops a field that is undefined, but not within what a function has frozen itself. */
const keepsUndefined = (value: unknown, isInFrozen = false): boolean => {
  if (typeof value !== "object" || value === null) return isInFrozen && value === undefined;
  const frozen = isInFrozen || Object.isFrozen(value);
  return Object.values(value).some((field) => keepsUndefined(field, frozen));
};

const reordered = (value: JsonValue): JsonValue => {
  if (Array.isArray(value)) return value.map(reordered);
  if (typeof value !== "object" || value === null) return value;
  const fields = Object.entries(value).toReversed();
  return Object.fromEntries(fields.map(([key, field]) => [key, reordered(field)]));
};
