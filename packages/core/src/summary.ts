/**
 * A model's own keys of state.json, such as "metrics": derived from all entities of a moment.
 *
 *     summary(views) ─ an object ─────────────────────────────┐
 *                    └ a generator ─ a turn for others at its yields ─> checked: JSON, no key that is taken
 *
 * The rule: what cannot be stored is refused by the opening, from no entities, not by every later snapshot.
 */
import type { Clock } from "@taskwal/disk";
import { copyJson, type JsonValue } from "@taskwal/format";
import type { EntityModel } from "./define-model.ts";
import { quoted, snapshotKeys } from "./model-names.ts";

/** One collection as `summary` sees it. */
export interface EntityView<Value = JsonValue> {
  get(id: string): Readonly<Value> | undefined;
  all(): Iterable<Readonly<Value>>;
}

export type Views = Readonly<Record<string, EntityView>>;
type Keys = Readonly<Record<string, JsonValue>>;

/**
 * From views by entity key; the keys are frozen.
 * @throws TypeError if a key is taken or the result is no JSON; what the summary throws passes through.
 */
export type Summary = (views: Views) => Generator<void, Keys, void>;
export type GivenSummary = (views: Views) => object | Generator<void, object, void>;

export const checkedSummary = (
  summary: GivenSummary = () => ({}),
  entities: readonly EntityModel[],
): Summary => {
  const taken = new Set([...snapshotKeys, ...entities.map(({ collection }) => collection)]);
  return function* (views) {
    const given = summary(views);
    return checkedKeys(isGenerator(given) ? yield* given : given, taken);
  };
};

const isGenerator = (
  given: object | Generator<void, object, void>,
): given is Generator<void, object, void> =>
  typeof given === "object" &&
  given !== null &&
  Symbol.iterator in given &&
  typeof (given as { next?: unknown }).next === "function";

const checkedKeys = (summary: object, taken: ReadonlySet<string>): Keys => {
  const copy = copyJson(summary);
  if (!copy.ok)
    throw new TypeError(`the model's summary gave no JSON: ${copy.path} ${copy.reason}`);
  const { value } = copy;
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new TypeError("the model's summary gave no object of keys");
  }
  const clash = Object.keys(value).find((key) => taken.has(key));
  if (clash === undefined) return value as Keys;
  throw new TypeError(
    `the model's summary has a key ${quoted(clash)}, which state.json uses already`,
  );
};

/** Throws what the summary throws of no entities at all. */
export const assertSummary = (summary: Summary, keys: Iterable<string>): void => {
  const empty: EntityView = { get: () => undefined, all: () => [] };
  const run = summary(Object.fromEntries([...keys].map((key) => [key, empty])));
  while (!run.next().done);
};

/** How long the event loop may be held at a time, in milliseconds. */
const sliceMs = 2;

/** Runs a summary to its end. */
export const summarize = async (summary: Summary, views: Views, clock: Clock): Promise<Keys> => {
  const run = summary(views);
  let sinceMs = clock.monotonicMs();
  for (;;) {
    const step = run.next();
    if (step.done) return step.value;
    if (clock.monotonicMs() - sinceMs <= sliceMs) continue;
    await clock.yield();
    sinceMs = clock.monotonicMs();
  }
};
