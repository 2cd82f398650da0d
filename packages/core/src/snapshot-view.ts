/**
 * A state as the pieces of a snapshot, and back.
 *
 *     "tasks":[ {entity fields…, "logs":[…]} ]        lists stand inline, as people expect them
 *     "engine":{ "versions":{"task":{"6f…":9}}, "deleted":{…}, "keys":[…], "damaged":[…] }
 *
 * The rule: the view is taken in one turn of the event loop (slots never change, so it is a list of
 * references) and turned into text later, piece by piece, while mutations go on.
 */
import { lazyArray, lazyObject, type JsonPiece, type SnapshotSource } from "@taskwal/snapshot";
import { canonicalJson, freezeJson, sha256, type JsonValue } from "@taskwal/format";
import { migrateEntity, type EntityModel, type EntityView, type Model } from "./define-model.ts";
import type { KeyResult, RecentKeys } from "./idempotency.ts";
import type { ModelPrint } from "./system-record.ts";
import type { Damage, ListView, Slot, State } from "./state.ts";

/** All slots of a moment, by entity. */
export interface StateView {
  readonly entities: ReadonlyMap<EntityModel, readonly (readonly [id: string, slot: Slot])[]>;
  readonly keys: readonly KeyResult[];
}

export const viewState = (model: Model, state: State, keys: RecentKeys): StateView => {
  const entities = [...model.entities.values()].map(
    (entity) => [entity, [...state.slots(entity)]] as const,
  );
  return { entities: new Map(entities), keys: keys.all() };
};

export interface DamagedEntity extends Damage {
  readonly entity: string;
  readonly id: string;
}

/** What the engine keeps in a snapshot beside the entities. */
interface EngineSection {
  readonly versions: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly deleted: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly keys: readonly KeyResult[];
  readonly damaged: readonly DamagedEntity[];
  readonly model: ModelPrint;
}

/** The parts of a snapshot that follow from the state. */
export const snapshotParts = (
  model: Model,
  view: StateView,
): Pick<SnapshotSource, "summary" | "collections" | "engine"> => ({
  summary: model.summary(summaryViews(view)),
  collections: [...view.entities].map(([entity, slots]) => ({
    name: entity.collection,
    entities: entityPieces(slots),
  })),
  engine: lazyObject([
    ["versions", versionPieces(view, (slot) => slot.value !== undefined)],
    ["deleted", versionPieces(view, (slot) => slot.value === undefined)],
    ["keys", lazyArray(view.keys as unknown as Iterable<JsonPiece>)],
    ["damaged", damagedEntities(view) as unknown as JsonValue],
    ["model", printModel(model) as unknown as JsonValue],
  ]),
});

export const printModel = ({ hash, schema, mutations }: Model): ModelPrint => {
  const payloads = Object.fromEntries([...mutations].map(([type, { version }]) => [type, version]));
  const versions = sha256()
    .update(canonicalJson([schema, payloads]))
    .digest("hex")
    .slice(0, 16);
  return { hash, versions };
};

function* entityPieces(slots: readonly (readonly [string, Slot])[]): Generator<JsonPiece> {
  for (const [, slot] of slots) if (slot.value !== undefined) yield entityPiece(slot);
}

/** An entity with its lists as its last fields. */
export const entityPiece = ({ value = null, lists }: Slot): JsonPiece => {
  if (!lists) return value;
  const fields = Object.entries(value as { readonly [key: string]: JsonValue });
  fields.sort(([a], [b]) => (a < b ? -1 : 1));
  const listed = Object.entries(lists).map(
    ([name, list]) => [name, lazyArray(viewItems(list))] as const,
  );
  return lazyObject([...fields, ...listed]);
};

function* viewItems({ items, length }: ListView): Generator<JsonPiece> {
  for (let index = 0; index < length; index++) yield items[index] as JsonValue;
}

const versionPieces = (view: StateView, wanted: (slot: Slot) => boolean): JsonPiece =>
  lazyObject(
    [...view.entities].map(([entity, slots]) => [
      entity.name,
      lazyObject(versionEntries(slots, wanted)),
    ]),
  );

function* versionEntries(
  slots: readonly (readonly [string, Slot])[],
  wanted: (slot: Slot) => boolean,
): Generator<readonly [string, JsonPiece]> {
  for (const [id, slot] of slots) if (wanted(slot)) yield [id, slot.n];
}

export const damagedEntities = (view: StateView): DamagedEntity[] =>
  [...view.entities].flatMap(([entity, slots]) =>
    slots.flatMap(([id, { damage }]) => (damage ? [{ entity: entity.name, id, ...damage }] : [])),
  );

const summaryViews = (view: StateView): Record<string, EntityView> =>
  Object.fromEntries(
    [...view.entities].map(([entity, slots]) => {
      const byId = new Map(slots);
      return [entity.key, { get: (id: string) => byId.get(id)?.value, all: () => values(slots) }];
    }),
  );

function* values(slots: readonly (readonly [string, Slot])[]): Generator<JsonValue> {
  for (const [, { value }] of slots) if (value !== undefined) yield value;
}

export interface LoadedSnapshot {
  readonly schema: Readonly<Record<string, number>>;
  readonly collections: ReadonlyMap<string, readonly JsonValue[]>;
  readonly engine: JsonValue;
}

/**
 * Fills an empty state from a snapshot whose checksum was verified; entities of older versions are
 * migrated. Returns the model that wrote it.
 */
export const loadState = (
  model: Model,
  state: State,
  keys: RecentKeys,
  from: LoadedSnapshot,
): ModelPrint => {
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
    for (const stored of from.collections.get(entity.collection) ?? []) {
      const { id } = stored as { readonly id: string };
      const lists = takeLists(entity, stored);
      const value =
        fromVersion === entity.version ? stored : migrateEntity(entity, stored, fromVersion);
      state.restore(entity, id, { value, n: versions[id] ?? 0, lists, damage: damageOf(name, id) });
    }
    for (const [id, n] of Object.entries(engine.deleted[name] ?? {})) {
      const damaged = damageOf(name, id);
      state.restore(entity, id, { value: undefined, n, lists: undefined, damage: damaged });
    }
  }
  for (const key of engine.keys) keys.add(key);
  return engine.model;
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
      lists[list] = { items: items as JsonValue[], length: items.length };
    }
  }
  return lists;
};

/** Hands an entity out: frozen, all the way down. Entities from files are frozen on first use. */
export const frozen = <Value>(value: Value): Value => {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) freezeJson(value);
  return value;
};

/** SHA-256 over entities and versions, without times of writing: replay must reach the same. */
export const digestState = (view: StateView): string => {
  const hash = sha256();
  for (const [entity, slots] of view.entities) {
    const sorted = [...slots].sort(([a], [b]) => (a < b ? -1 : 1));
    for (const [id, { value = null, n, lists }] of sorted) {
      const listed = Object.entries(lists ?? {}).map(([name, list]) => [
        name,
        [...viewItems(list)],
      ]);
      hash.update(canonicalJson([entity.name, id, n, value, Object.fromEntries(listed)]));
    }
  }
  return hash.digest("hex");
};
