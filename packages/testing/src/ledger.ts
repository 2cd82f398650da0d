/**
 * What a store must be: the mutations that were asked of it, folded a second time, in order.
 *
 *     {} ─ note.created a ─> {a:1} ─ transact ─> {a:2, b:1} ─ …      the chain: states a recovery may reach
 *
 * The rule: it knows nothing of the engine; each reduction is run as often as it takes to see that its
 * reducer is no pure function, and each result is held against the entity's schema.
 */
import { validate, type Model, type MutationModel } from "@taskwal/core";
import { canonicalJson, copyJson, type JsonValue } from "@taskwal/format";
import { Broken } from "./broken-model-error.ts";
import type { Mutation } from "./mutations-of.ts";
import { runPure, type Outcome } from "./pure-function.ts";

export interface Item {
  readonly n: number;
  readonly value: JsonValue | undefined;
  readonly lists: Readonly<Record<string, readonly JsonValue[]>>;
}

/** By entity key and id, joined by a slash. */
export type Items = ReadonlyMap<string, Item>;

/** A state as text, one line per entity: equal states have equal dumps, whatever the order of fields. */
export const dumpOf = (items: Items): string =>
  [...items]
    .filter(([, { n }]) => n > 0)
    .map(([key, { n, value = null, lists }]) => {
      const filled = Object.entries(lists).filter(([, list]) => list.length > 0);
      return canonicalJson([key, n, value, value === null ? {} : Object.fromEntries(filled)]);
    })
    .toSorted()
    .join("\n");

/** Whether a mutation was done or refused, as the store must answer too. */
export type Answer = "applied" | "refused";

export class Ledger {
  readonly #model: Model;
  #chain: Items[];

  constructor(model: Model, base: Items = new Map()) {
    this.#model = model;
    this.#chain = [base];
  }

  /** States so far, the last one the newest. */
  get chain(): readonly Items[] {
    return this.#chain;
  }

  get items(): Items {
    return this.#chain.at(-1) ?? new Map<string, Item>();
  }

  /** All of them or none. @throws Broken. */
  apply(mutations: readonly Mutation[], at: number): Answer {
    let items = this.items;
    for (const each of mutations) {
      const after = this.#reduced(items, each, at);
      if (!after) return "refused";
      items = after;
    }
    this.#chain.push(items);
    return "applied";
  }

  /** Goes on from a state that a recovery reached. */
  resume(items: Items): void {
    this.#chain = [items];
  }

  #reduced(items: Items, { type, id, payload }: Mutation, at: number): Items | undefined {
    const mutation = this.#model.mutations.get(type);
    const given = mutation && recorded(mutation, payload);
    if (!mutation || given === undefined) return undefined;
    const key = `${mutation.entity.key}/${id}`;
    const before = items.get(key);
    if ((before?.value === undefined) !== (mutation.kind === "create")) return undefined;
    const n = (before?.n ?? 0) + 1;
    const { list } = mutation;
    if (list !== undefined && before) {
      const lists = { ...before.lists, [list]: [...(before.lists[list] ?? []), given] };
      return new Map([...items, [key, { ...before, n, lists }]]);
    }
    const outcome = reduction(mutation, before?.value, given, { id, at, n });
    if (!outcome.ok) return undefined;
    const { value } = outcome;
    const lists = mutation.kind === "create" || value === undefined ? {} : (before?.lists ?? {});
    return new Map([...items, [key, { n, value, lists }]]);
  }
}

/** The payload as it is written; undefined if it is refused. */
const recorded = (mutation: MutationModel, payload: unknown): JsonValue | undefined => {
  const given = copyJson(payload);
  const result = given.ok ? mutation.validate(given.value) : undefined;
  const kept = result?.ok ? copyJson(result.value) : undefined;
  return kept?.ok ? kept.value : undefined;
};

type Meta = Readonly<{ id: string; at: number; n: number }>;

const reduction = (
  mutation: MutationModel,
  before: JsonValue | undefined,
  payload: JsonValue,
  meta: Meta,
): Outcome => {
  const { type, kind, entity } = mutation;
  const named = { kind: "a reducer", name: `the reducer of ${type}` };
  const isChange = kind === "change" && before !== undefined;
  const outcome = runPure(
    named,
    isChange ? [before, payload, { ...meta }] : [payload, { ...meta }],
    (inputs) => {
      const [first, second, third] = isChange ? inputs : [undefined, ...inputs];
      return mutation.reduce(first, second as JsonValue, third as unknown as Meta);
    },
    { entity: isChange },
  );
  if (!outcome.ok) {
    // What the engine has against a result, as opposed to what the reducer itself throws.
    const { error } = outcome;
    if (!(error instanceof TypeError) || !error.message.startsWith(`${named.name} `))
      return outcome;
    throw new Broken("a reducer returns an entity with its id, without its lists", error.message);
  }
  if (outcome.value !== undefined) assertFits(named.name, entity.schema, outcome.value);
  return outcome;
};

const assertFits = (
  name: string,
  schema: Parameters<typeof validate>[0],
  value: JsonValue,
): void => {
  const fits = validate(schema, value);
  if (fits.ok) return;
  throw new Broken(
    "what a reducer returns fits the entity's schema",
    `${name} returned ${JSON.stringify(value)}, and the schema says: ${fits.issues.map(({ message, path = [] }) => `${path.join(".")} ${message}`).join("; ")}`,
  );
};
