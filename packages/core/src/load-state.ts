/**
 * A snapshot as a state again: the other way of snapshot-view.ts.
 *
 *     "tasks":[…] ─ lists taken out ─ migrated, if older ─> slots
 *     "held", collections that the model lacks            ─> kept as they stand
 *
 * The rule: the checksum was verified and the shape looked at; what a migration makes must fit its schema.
 */
import type { JsonValue } from "@taskwal/format";
import { ReplayFailedError } from "@taskwal/errors";
import { migrateEntity, type EntityModel, type Model } from "./define-model.ts";
import { heldKey, type Carried, type HeldRecord } from "./held-records.ts";
import type { RecentKeys } from "./idempotency.ts";
import { listOf, type ListView } from "./list-view.ts";
import type { MigratedEntity } from "./migration.ts";
import type { EngineSection } from "./snapshot-view.ts";
import { validate } from "./standard-schema.ts";
import type { Damage, Slot, State } from "./state.ts";
import type { ModelPrint } from "./system-record.ts";

export interface LoadedSnapshot {
  /** The file, and the sequence that it is the state of. */
  readonly name: string;
  readonly sequence: number;
  readonly schema: Readonly<Record<string, number>>;
  readonly collections: ReadonlyMap<string, readonly JsonValue[]>;
  readonly engine: JsonValue;
}

/** An opening ends here. */
const refuse = (error: ReplayFailedError): never => {
  throw error;
};

/**
 * Fills an empty state from a snapshot whose checksum was verified; entities of older versions are
 * migrated and must then fit their schema: one that cannot or does not is left out if `onRefused` returns.
 * By default it throws the ReplayFailedError. Returns the model that wrote it, and what was migrated.
 */
export const loadState = (
  model: Model,
  state: State,
  keys: RecentKeys,
  from: LoadedSnapshot,
  onRefused: (error: ReplayFailedError) => void = refuse,
): { readonly model: ModelPrint; readonly migrated: readonly MigratedEntity[] } => {
  const migrated: MigratedEntity[] = [];
  const engine = from.engine as unknown as EngineSection;
  const damage = new Map(
    engine.damaged.map(({ entity, id, ...rest }) => [`${entity}\n${id}`, rest as Damage]),
  );
  const damageOf = (name: string, id: string): Damage | undefined =>
    damage.size === 0 ? undefined : damage.get(`${name}\n${id}`);
  for (const entity of model.entities.values()) {
    const { name } = entity;
    const versions = engine.versions[name] ?? {};
    const fromVersion = from.schema[name] ?? entity.version;
    const entities = from.collections.get(entity.collection) ?? [];
    const isOlder = fromVersion < entity.version;
    if (isOlder) {
      const count = entities.length;
      migrated.push({ entity: name, from: fromVersion, to: entity.version, count });
    }
    for (const stored of entities) {
      const { id } = stored as { readonly id: string };
      const lists = takeLists(entity, stored);
      const old = { id, stored, fromVersion };
      const value = isOlder ? migratedValue(entity, old, from, onRefused) : stored;
      if (value === undefined) continue;
      state.restore(entity, id, { value, n: versions[id] ?? 0, lists, damage: damageOf(name, id) });
    }
    for (const [id, n] of Object.entries(engine.deleted[name] ?? {})) {
      const damaged = damageOf(name, id);
      state.restore(entity, id, { value: undefined, n, lists: undefined, damage: damaged });
    }
  }
  for (const key of engine.keys) keys.add(key);
  state.held.carry(carriedOf(model, from));
  for (const held of from.collections.get(heldKey) ?? []) {
    state.held.hold(held as unknown as HeldRecord);
  }
  return { model: engine.model, migrated };
};

/** What a snapshot holds of entities that the model lacks. */
const carriedOf = (model: Model, { schema, collections, engine }: LoadedSnapshot): Carried => {
  const { versions, deleted, damaged } = engine as unknown as EngineSection;
  const own = new Set([...model.entities.values()].map(({ collection }) => collection));
  const others = <Value>(table: Readonly<Record<string, Value>>): Record<string, Value> =>
    Object.fromEntries(
      Object.entries(table).filter(([name]) => !Object.hasOwn(model.schema, name)),
    );
  return {
    schema: others(schema),
    collections: new Map([...collections].filter(([name]) => name !== heldKey && !own.has(name))),
    versions: others(versions),
    deleted: others(deleted),
    damaged: damaged.filter(({ entity }) => !Object.hasOwn(model.schema, entity)),
  };
};

/** The entity at the model's version, as its schema wants it; undefined if it cannot be, once `onRefused` was told. */
const migratedValue = (
  entity: EntityModel,
  { id, stored, fromVersion }: { id: string; stored: JsonValue; fromVersion: number },
  { name: file, sequence }: LoadedSnapshot,
  onRefused: (error: ReplayFailedError) => void,
): JsonValue | undefined => {
  const { name: type, version: to } = entity;
  const refused = (reason: string, path?: string, cause?: unknown): undefined => {
    const migration = { file, from: fromVersion, to };
    const where = path === undefined ? {} : { path };
    onRefused(new ReplayFailedError({ sequence, type, id, reason, cause, migration, ...where }));
  };
  let value: JsonValue;
  try {
    value = migrateEntity(entity, stored, fromVersion);
  } catch (cause) {
    return refused("its migration threw", undefined, cause);
  }
  if ((value as { readonly id?: unknown } | null)?.id !== id)
    return refused("its migration changed its id", "id");
  const fits = validate(entity.schema, value);
  if (fits.ok) return value;
  const [issue] = fits.issues;
  return refused(issue?.message ?? "its schema refuses it", issue?.path?.join("."));
};

/** Takes an entity's lists out of it: nobody else has the value yet. */
const takeLists = (entity: EntityModel, stored: JsonValue): Slot["lists"] => {
  const fields = stored as Record<string, JsonValue>;
  let lists: Record<string, ListView> | undefined;
  for (const list of entity.lists.keys()) {
    const items = fields[list];
    if (!Array.isArray(items)) continue;
    delete fields[list];
    if (items.length > 0) {
      lists ??= {};
      lists[list] = listOf(items as JsonValue[]);
    }
  }
  return lists;
};
