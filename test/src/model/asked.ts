/**
 * What a client asks of a store, and what must come of it on a given state: the reducers, the refusals
 * and the answer, a second time, on plain maps.
 *
 *     evaluate(items, asked) ─> steps, one per change, each with the items after it
 *                            └> or why it is refused: invalid, conflict, reducer
 *
 * The rule: it knows nothing of the engine, and nothing of queues, disks or time.
 */
import { applyChange, type Change, type Item, type Items } from "../crash/ledger.ts";
import { tooMuch } from "../crash/note-store.ts";

export type Expected = "any" | "absent" | "exists" | number;

/** One call: of `mutate` or `append`, or of `transact` with all its changes. */
export interface Asked {
  readonly changes: readonly Change[];
  readonly isTransaction: boolean;
  readonly durability: "synced" | "written";
  readonly key: string | undefined;
  /** Of a single change. */
  readonly expected: Expected;
}

export interface Step {
  readonly change: Change;
  readonly before: Item;
  readonly after: Item;
  readonly items: Items;
}

export type Refusal = "invalid" | "conflict" | "reducer";

export type Evaluation =
  | { readonly ok: true; readonly steps: readonly Step[]; readonly items: Items }
  | { readonly ok: false; readonly refusal: Refusal };

const nothing: Item = { version: 0, value: undefined, lines: [] };

export const keyOf = ({ collection, id }: Pick<Change, "collection" | "id">): string =>
  `${collection}/${id}`;

/** Equal calls have equal prints: with one key they happen once. */
export const printOf = ({ changes }: Asked): string => JSON.stringify(changes);

const fieldOf: Readonly<Record<string, readonly [name: string, type: string]>> = {
  "note.created": ["title", "string"],
  "note.renamed": ["title", "string"],
  lines: ["text", "string"],
  "tally.opened": ["total", "number"],
  "tally.added": ["by", "number"],
};

const isValid = ({ type, payload }: Change): boolean => {
  const field = fieldOf[type];
  if (!field) return true;
  const value = payload[field[0]];
  return typeof value === field[1] && !Object.is(value, -0);
};

const meets = (expected: Expected, { version, value }: Item): boolean => {
  if (typeof expected === "number") return version === expected;
  return expected === "any" || (expected === "exists") === (value !== undefined);
};

const refusalOf = (change: Change, before: Item, expected: Expected): Refusal | undefined => {
  if (!isValid(change)) return "invalid";
  if (!meets(expected, before)) return "conflict";
  const creates = change.type === "note.created" || change.type === "tally.opened";
  if (creates === (before.value !== undefined)) return "conflict";
  return change.type === "tally.added" && (change.payload["by"] as number) >= tooMuch
    ? "reducer"
    : undefined;
};

export const evaluate = (
  start: Items,
  { changes, expected }: Pick<Asked, "changes" | "expected">,
): Evaluation => {
  let items = start;
  const steps: Step[] = [];
  for (const change of changes) {
    const before = items.get(keyOf(change)) ?? nothing;
    const refusal = refusalOf(change, before, expected);
    if (refusal) return { ok: false, refusal };
    items = applyChange(items, change);
    steps.push({ change, before, after: items.get(keyOf(change)) ?? nothing, items });
  }
  return { ok: true, steps, items };
};

/** What the caller is told of a change: the entity after it, or before it if that removed it. */
export const worthOf = ({ change, before, after }: Step): unknown =>
  change.type === "lines" ? undefined : (after.value ?? before.value);
