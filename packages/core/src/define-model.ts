/**
 * Joins entities to a model: what a store runs, and what its log and snapshots are read with.
 *
 *     defineEntity ─┐                     ┌─ entities   by key: store.notes
 *     defineEntity ─┼──> defineModel ───> ├─ mutations  by the type that a record carries
 *     summary ──────┘                     └─ hash, schema: what wrote this log?
 *
 * The rule: a model is data, checked here once and frozen; it holds no state and does no I/O.
 */
import { invariant } from "@taskwal/errors";
import type { JsonValue } from "@taskwal/format";
import type {
  EntityDefinition,
  EntityTypes,
  EntityValue,
  MutationDefinition,
  MutationMeta,
} from "./define-entity.ts";
import { dropPromise } from "./drop-promise.ts";
import { frozenMap } from "./frozen-map.ts";
import { modelHash } from "./model-hash.ts";
import { assertEntityKey, quoted } from "./model-names.ts";
import { validate, type StandardSchema, type Validation } from "./standard-schema.ts";
import { checkedSummary, type EntityView, type GivenSummary, type Summary } from "./summary.ts";
import { runSteps, type VersionStep } from "./version-steps.ts";

/** An append-only list of an entity. */
export interface ListModel {
  readonly name: string;
  /** The type of the records that append to it: "note.lines.appended". */
  readonly type: string;
  readonly item: StandardSchema;
}

export interface EntityModel {
  /** Its name in the program: `store.notes`. */
  readonly key: string;
  /** Its name in state.json's "schema". */
  readonly name: string;
  /** Its key in state.json and its folder of mirrors. */
  readonly collection: string;
  readonly version: number;
  readonly schema: StandardSchema;
  /** Complete: a step for every version below `version`. Run by `migrateEntity`. */
  readonly migrate: ReadonlyMap<number, VersionStep>;
  readonly lists: ReadonlyMap<string, ListModel>;
  readonly mirror: boolean;
}

export interface MutationModel {
  readonly type: string;
  readonly entity: EntityModel;
  readonly kind: "create" | "change" | "append";
  /** The list, if it is an append. */
  readonly list: string | undefined;
  /** Version of the payload's schema. */
  readonly version: number;
  /** What `validate` asks; for those who derive payloads from it. */
  readonly payload: StandardSchema;
  /** The schema's output for a caller's payload; not yet known to be JSON. Never run on replay. */
  validate(payload: unknown): Validation;
  /**
   * A recorded payload of `fromVersion` as it is at `version`; frozen.
   * @throws RangeError if `fromVersion` is newer; what a step throws passes through.
   */
  upcast(payload: JsonValue, fromVersion: number): JsonValue;
  /**
   * The entity after the mutation, or undefined if it is gone. Neither frozen nor known to be JSON all
   * the way down: the caller passes it through `freezeJson`. A create ignores `entity`; an append has
   * no reducer, and calling this is a broken invariant.
   * @throws TypeError if the result is not an object with the id of `meta`, or has a field named like a
   * list; what the reducer throws passes through.
   */
  reduce(
    entity: JsonValue | undefined,
    payload: JsonValue,
    meta: MutationMeta,
  ): JsonValue | undefined;
}

export interface Model {
  /** By key. */
  readonly entities: ReadonlyMap<string, EntityModel>;
  /** By type. */
  readonly mutations: ReadonlyMap<string, MutationModel>;
  /** The model's own top-level keys of state.json: see summary.ts. */
  readonly summary: Summary;
  /** SHA-256, hex, of all that decides how records fold: see model-hash.ts. */
  readonly hash: string;
  /** Versions by entity name, as they stand in state.json. */
  readonly schema: Readonly<Record<string, number>>;
}

/** Definitions by entity key. */
export type EntityDefinitions = Readonly<Record<string, EntityDefinition>>;

/** What `defineModel` returns: a model that remembers its types. */
export interface TypedModel<Entities extends EntityDefinitions> extends Model {
  /** Exists in types only. */
  readonly types?: Entities | undefined;
}

/** The types of one entity, from its definition. */
export type TypesOfEntity<E extends EntityDefinition> =
  NonNullable<E["types"]> extends infer Types extends EntityTypes ? Types : never;

export interface ModelSpec<Entities extends EntityDefinitions> {
  /** By the name that each collection has on the store: `{ notes: note }` gives `store.notes`. */
  readonly entities: Entities;
  /**
   * Derived top-level keys of state.json, such as "metrics": JSON, recomputed for each snapshot, never read back.
   * What it returns, or what it is at its end if it is a generator: one that yields every thousand entities or so
   * leaves the event loop to others meanwhile. Entities do not change under it. It must end: snapshots and close() wait for it.
   */
  readonly summary?: (views: {
    readonly [Key in keyof Entities]: EntityView<TypesOfEntity<Entities[Key]>["value"]>;
  }) => object | Generator<void, object, void>;
}

/**
 * Makes a model. Safe to share between stores.
 * @throws TypeError with one sentence, if the entities cannot live together.
 */
export const defineModel = <const Entities extends EntityDefinitions>(
  spec: ModelSpec<Entities>,
): TypedModel<Entities> => {
  const definitions = Object.entries<EntityDefinition>(spec.entities);
  for (const [key] of definitions) assertEntityKey(key);
  assertDistinct(
    "entity name",
    definitions.map(([, { name }]) => name),
  );
  // Collections are folders too, and some file systems do not tell "Notes" from "notes".
  assertDistinct(
    "collection",
    definitions.map(([, { collection }]) => collection.toLowerCase()),
  );
  assertDistinct(
    "mutation type",
    definitions.flatMap(([, { mutations }]) => [...mutations.keys()]),
  );

  const entities = definitions.map(([key, definition]) => entityModel(key, definition));
  const mutations = definitions.flatMap(([, definition], index) =>
    [...definition.mutations.values()].map((mutation) => mutationModel(entities[index]!, mutation)),
  );
  return Object.freeze({
    entities: frozenMap(entities.map((entity) => [entity.key, entity])),
    mutations: frozenMap(mutations.map((mutation) => [mutation.type, mutation])),
    summary: checkedSummary(spec.summary as GivenSummary | undefined, entities),
    hash: modelHash(definitions.map(([, definition]) => definition)),
    schema: Object.freeze(Object.fromEntries(entities.map(({ name, version }) => [name, version]))),
  });
};

/**
 * An entity of a snapshot of `fromVersion` as it is at the model's version; frozen. Lists are not part of it.
 * @throws RangeError if no step leads from `fromVersion`, newer ones included; TypeError if the result is no JSON.
 */
export const migrateEntity = (
  entity: EntityModel,
  value: JsonValue,
  fromVersion: number,
): JsonValue =>
  runSteps(`the entity ${entity.name}`, entity.migrate, entity.version, value, fromVersion);

const assertDistinct = (what: string, names: readonly string[]): void => {
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new TypeError(`the ${what} ${quoted(twice)} is used twice`);
};

const entityModel = (key: string, definition: EntityDefinition): EntityModel => {
  const { name, collection, version, schema, migrate, mirror } = definition;
  const lists: [string, ListModel][] = [];
  for (const { list, type, payload } of definition.mutations.values()) {
    if (list !== undefined) lists.push([list, Object.freeze({ name: list, type, item: payload })]);
  }
  return Object.freeze({
    key,
    name,
    collection,
    version,
    schema,
    migrate,
    lists: frozenMap(lists),
    mirror,
  });
};

const mutationModel = (entity: EntityModel, definition: MutationDefinition): MutationModel => {
  const { type, kind, list, version, payload: schema, upcast } = definition;
  return Object.freeze({
    type,
    entity,
    kind,
    list,
    version,
    payload: schema,
    validate: (payload: unknown) => validate(schema, payload),
    upcast: (payload: JsonValue, fromVersion: number) =>
      runSteps(`the payload of ${type}`, upcast, version, payload, fromVersion),
    reduce: checkedReduce(entity, definition),
  });
};

const checkedReduce = (
  entity: EntityModel,
  { type, kind, reduce }: MutationDefinition,
): MutationModel["reduce"] => {
  const lists = [...entity.lists.keys()];
  return (before, payload, meta) => {
    invariant(reduce, "an append is not reduced");
    invariant(kind === "create" || before !== undefined, "a change has an entity to change");
    const after = reduce(before, payload, meta);
    if (after === undefined && kind === "change") return undefined;
    if (typeof after !== "object" || after === null || (after as EntityValue).id !== meta.id) {
      dropPromise(after);
      throw new TypeError(
        `the reducer of ${type} did not return an entity with the id of its mutation`,
      );
    }
    for (const list of lists) {
      if (Object.hasOwn(after, list)) {
        throw new TypeError(
          `the reducer of ${type} returned an entity with a field ${quoted(list)}, which is a list`,
        );
      }
    }
    return after as JsonValue;
  };
};
