/**
 * Declares one kind of entity: its schema, its append-only lists, and the mutations that make and change it.
 *
 *     create   payload ─────────────> entity          "note.added"
 *     change   entity + payload ────> entity or gone  "note.edited"
 *     lists    (no reducer) ────────> one more item   "note.lines.appended", made from `lists: { lines }`
 *
 * The rule: reducers are pure functions of what they are given, which is frozen. They run before the
 * record is written and again whenever it is replayed, on another machine and years later.
 * A mistake in a declaration is a TypeError here, not a surprise of a recovery.
 */
import type { JsonValue } from "@taskwal/format";
import { frozenMap } from "./frozen-map.ts";
import {
  appendType,
  assertCollection,
  assertEntityName,
  assertListName,
  assertMutationType,
  quoted,
} from "./model-names.ts";
import {
  isStandardSchema,
  type InferInput,
  type InferOutput,
  type StandardSchema,
} from "./standard-schema.ts";
import { completeSteps, type VersionStep, type VersionSteps } from "./version-steps.ts";

/** What a reducer may know besides the payload. No sequence: that is assigned at encoding, later. */
export interface MutationMeta<Id extends string = string> {
  /** Of the entity; typed as in its schema, which may brand it. */
  readonly id: Id;
  /** Milliseconds since the epoch, as the record says: the same in every replay. Never read a clock. */
  readonly at: number;
  /** The entity's version after this mutation: the count of its mutations. */
  readonly n: number;
}

/** An entity is an object that carries its own id: `meta.id`. */
export interface EntityValue {
  readonly id: string;
}

type Scalar = string | number | boolean | null | undefined;

// An interface, because the compiler would follow a recursive type (JSON) through an array for ever.
interface FrozenArray<Item> extends ReadonlyArray<Frozen<Item>> {}

type Frozen<T> = T extends Scalar
  ? T
  : unknown extends T
    ? T
    : T extends readonly unknown[]
      ? number extends T["length"]
        ? FrozenArray<T[number]>
        : { readonly [Index in keyof T]: Frozen<T[Index]> }
      : { readonly [Key in keyof T]: Frozen<T[Key]> };

/**
 * What a reducer returns: an entity, which may have parts that are frozen: those of the entity and of the
 * payload that it was given. One that it froze itself is not looked into and must be JSON. Also what lets it
 * write `status: "open"` without `as const`: `Value` alone, of a const type parameter, keeps literals as they are.
 */
export type Reduced<Value> = Value | Frozen<Value>;

interface PayloadDefinition<Payload extends StandardSchema> {
  /** Callers pass its input; its output is recorded and reduced, and must be JSON. */
  readonly payload: Payload;
  /** Version of the payload's schema, from 1 (the default). Raise it with every change of the shape. */
  readonly version?: number;
  /** Leads recorded payloads of older versions to `version`, step by step. */
  readonly upcast?: VersionSteps;
}

/** A mutation of an id that does not exist (never did, or no longer does). */
export interface CreateDefinition<
  Value extends EntityValue,
  Payload extends StandardSchema,
> extends PayloadDefinition<Payload> {
  readonly reduce: (
    payload: InferOutput<Payload>,
    meta: MutationMeta<Value["id"]>,
  ) => Reduced<Value>;
}

/** A mutation of an entity that exists. */
export interface ChangeDefinition<
  Value extends EntityValue,
  Payload extends StandardSchema,
> extends PayloadDefinition<Payload> {
  /** The entity as it shall be (a new object, or the one given if nothing changes); undefined removes it. */
  readonly reduce: (
    entity: Readonly<Value>,
    payload: InferOutput<Payload>,
    meta: MutationMeta<Value["id"]>,
  ) => Reduced<Value> | undefined;
}

type Schemas = Readonly<Record<string, StandardSchema>>;
// oxlint-disable-next-line typescript/no-generated-empty-object-type -- no key is just what is meant
type None = Readonly<Record<never, never>>;

export interface EntitySpec<
  Name extends string,
  Schema extends StandardSchema<unknown, EntityValue>,
  Lists extends Schemas,
  Create extends Schemas,
  Change extends Schemas,
> {
  /** Singular, unique in a model: "note". */
  readonly name: Name;
  /** Its key in state.json and its folder of mirrors, unique in a model: "notes". */
  readonly collection: string;
  /** Version of `schema`, from 1. Raise it with every change of the shape, and add a step to `migrate`. */
  readonly version: number;
  /** The entity as it stands in a snapshot, without its lists. */
  readonly schema: Schema;
  /** Leads entities in snapshots of older versions to `version`, step by step. */
  readonly migrate?: VersionSteps;
  /**
   * Append-only lists and the schema of their items. An append is one small record, however long the
   * list is; reducers never see lists. Snapshots and mirrors show them as fields, so no field of the
   * entity may have the same name.
   */
  readonly lists?: Lists & { readonly [List in TakenNames<Lists, InferOutput<Schema>>]: never };
  readonly create: {
    readonly [Type in keyof Create]: CreateDefinition<InferOutput<Schema>, Create[Type]>;
  };
  readonly change: {
    readonly [Type in keyof Change]: ChangeDefinition<InferOutput<Schema>, Change[Type]>;
  };
  /** Whether each entity is also kept as a file of its own, for people and other tools. Default: true. */
  readonly mirror?: boolean;
}

/** List names that are fields of the entity as well; none for an entity with an index signature. */
type TakenNames<Lists, Value> = string extends keyof Value ? never : keyof Lists & keyof Value;

interface SchemaTypes {
  readonly input: unknown;
  readonly output: unknown;
}

/** What an entity's declaration means for the types of its collection. */
export interface EntityTypes {
  readonly value: EntityValue;
  /** By mutation type. */
  readonly payloads: Readonly<Record<string, SchemaTypes>>;
  /** By list. */
  readonly items: Readonly<Record<string, SchemaTypes>>;
}

type TypesOf<S extends Schemas> = {
  readonly [Key in keyof S]: {
    readonly input: InferInput<S[Key]>;
    readonly output: InferOutput<S[Key]>;
  };
};

/** A mutation as declared, its reducer in the one shape that the engine calls. */
export interface MutationDefinition {
  readonly type: string;
  readonly kind: "create" | "change" | "append";
  /** The list, if it is an append. */
  readonly list: string | undefined;
  readonly version: number;
  readonly payload: StandardSchema;
  readonly upcast: ReadonlyMap<number, VersionStep>;
  /** Undefined for an append. */
  readonly reduce: Reducer | undefined;
  /** The reducer's source text, "" for an append: a changed reducer changes the model's hash. */
  readonly source: string;
}

export type Reducer = (
  entity: JsonValue | undefined,
  payload: JsonValue,
  meta: MutationMeta,
) => unknown;

/** An entity as declared and checked, whatever its types. Frozen. */
export interface EntityDefinition {
  readonly name: string;
  readonly collection: string;
  readonly version: number;
  readonly schema: StandardSchema;
  readonly migrate: ReadonlyMap<number, VersionStep>;
  readonly lists: ReadonlyMap<string, StandardSchema>;
  /** By type, those of the lists included. */
  readonly mutations: ReadonlyMap<string, MutationDefinition>;
  readonly mirror: boolean;
  /** Exists in types only. */
  readonly types?: EntityTypes | undefined;
}

/** What `defineEntity` returns: a definition that remembers its types. */
export interface Entity<Name extends string, Types extends EntityTypes> extends EntityDefinition {
  readonly name: Name;
  readonly types?: Types | undefined;
}

/**
 * Declares an entity. All types follow from the schemas: write no type argument.
 * @throws TypeError with one sentence, if the declaration cannot work.
 */
export const defineEntity = <
  const Name extends string,
  const Schema extends StandardSchema<unknown, EntityValue>,
  // The defaults hold where nothing is declared: `change: {}` allows no change, not any.
  Create extends Schemas = None,
  Change extends Schemas = None,
  Lists extends Schemas = None,
>(
  spec: EntitySpec<Name, Schema, Lists, Create, Change>,
): Entity<
  Name,
  {
    // NoInfer: a call inside defineModel({...}) is inferred from the spec, not from what is expected there.
    readonly value: InferOutput<NoInfer<Schema>>;
    readonly payloads: TypesOf<NoInfer<Create>> & TypesOf<NoInfer<Change>>;
    readonly items: TypesOf<NoInfer<Lists>>;
  }
> => {
  const { name, collection, version, schema } = spec;
  assertEntityName(name);
  assertCollection(collection);
  assertSchema(`the entity ${name}`, schema);
  const lists = Object.entries<StandardSchema>(spec.lists ?? {});
  return Object.freeze({
    name,
    collection,
    version,
    schema,
    migrate: frozenMap(completeSteps(`the entity ${name}`, version, spec.migrate)),
    lists: frozenMap(lists),
    mutations: uniqueByType([
      ...definitions(
        spec.create,
        "create",
        (reduce) => (_entity, payload, meta) => reduce(payload, meta),
      ),
      ...definitions(spec.change, "change", (reduce) => reduce),
      ...lists.map(([list, item]) => appendDefinition(name, list, item)),
    ]),
    mirror: spec.mirror ?? true,
  });
};

// A typed reducer with its types forgotten: the engine gives it only what its own schema has passed.
type ErasedReduce = (...facts: unknown[]) => unknown;
type ErasedDefinition = PayloadDefinition<StandardSchema> & { readonly reduce: unknown };

const definitions = (
  declared: Readonly<Record<string, ErasedDefinition>>,
  kind: "create" | "change",
  adapt: (reduce: ErasedReduce) => Reducer,
): MutationDefinition[] =>
  Object.entries(declared).map(([type, { payload, version = 1, upcast, reduce }]) => {
    assertMutationType(type);
    assertSchema(`the payload of ${type}`, payload);
    if (typeof reduce !== "function") throw new TypeError(`${type} has no function "reduce"`);
    return Object.freeze({
      type,
      kind,
      list: undefined,
      version,
      payload,
      upcast: frozenMap(completeSteps(`the payload of ${type}`, version, upcast)),
      reduce: adapt(reduce as ErasedReduce),
      source: String(reduce),
    });
  });

const appendDefinition = (
  entity: string,
  list: string,
  item: StandardSchema,
): MutationDefinition => {
  assertListName(entity, list);
  assertSchema(`the list ${list} of ${entity}`, item);
  const type = appendType(entity, list);
  assertMutationType(type);
  return Object.freeze({
    type,
    kind: "append",
    list,
    version: 1,
    payload: item,
    upcast: frozenMap<number, VersionStep>([]),
    reduce: undefined,
    source: "",
  });
};

const uniqueByType = (
  all: readonly MutationDefinition[],
): ReadonlyMap<string, MutationDefinition> => {
  const byType = new Map<string, MutationDefinition>();
  for (const definition of all) {
    if (byType.has(definition.type)) {
      throw new TypeError(`the mutation type ${quoted(definition.type)} is declared twice`);
    }
    byType.set(definition.type, definition);
  }
  return frozenMap(byType);
};

const assertSchema = (subject: string, schema: unknown): void => {
  if (isStandardSchema(schema)) return;
  throw new TypeError(`${subject} has no schema of the Standard Schema interface, version 1`);
};
