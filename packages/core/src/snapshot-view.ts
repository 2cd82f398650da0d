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
import type { Clock } from "@taskwal/disk";
import { ReplayFailedError } from "@taskwal/errors";
import { migrateEntity, type EntityModel, type Model } from "./define-model.ts";
import type { KeyResult, RecentKeys } from "./idempotency.ts";
import type { ModelPrint } from "./system-record.ts";
import { listItems, listOf, type ListView } from "./list-view.ts";
import type { Damage, Slot, State } from "./state.ts";
import type { MigratedEntity } from "./migration.ts";
import { validate } from "./standard-schema.ts";
import { summarize, type Views } from "./summary.ts";

/** The slots of one entity, and the id of each at the same index: two flat arrays, made within a millisecond or two. */
interface SlotsView {
  readonly ids: readonly string[];
  readonly slots: readonly Slot[];
}

/** All slots of a moment, by entity. */
export interface StateView {
  readonly entities: ReadonlyMap<EntityModel, SlotsView>;
  readonly keys: readonly KeyResult[];
}

export const viewState = (model: Model, state: State, keys: RecentKeys): StateView => {
  const entities = [...model.entities.values()].map((entity) => {
    const slots = state.slots(entity);
    return [entity, { ids: [...slots.keys()], slots: [...slots.values()] }] as const;
  });
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

/** The parts of a snapshot that follow from the state. Throws what the model's summary throws. */
export const snapshotParts = async (
  model: Model,
  view: StateView,
  clock: Clock,
): Promise<Pick<SnapshotSource, "summary" | "collections" | "engine">> => ({
  summary: await summarize(model.summary, summaryViews(view), clock),
  collections: [...view.entities].map(([entity, { slots }]) => ({
    name: entity.collection,
    entities: entityPieces(slots),
  })),
  engine: lazyObject([
    ["versions", versionPieces(view, (slot) => slot.value !== undefined)],
    ["deleted", versionPieces(view, (slot) => slot.value === undefined)],
    ["keys", lazyArray(view.keys as unknown as Iterable<JsonPiece>)],
    ["damaged", lazyArray(damagedIn(view) as unknown as Iterable<JsonPiece>)],
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

function* entityPieces(slots: readonly Slot[]): Generator<JsonPiece> {
  for (const slot of slots) if (slot.value !== undefined) yield entityPiece(slot);
}

/** An entity with its lists as its last fields. */
export const entityPiece = ({ value = null, lists }: Slot): JsonPiece => {
  if (!lists) return value;
  const fields = Object.entries(value as { readonly [key: string]: JsonValue });
  fields.sort(([a], [b]) => (a < b ? -1 : 1));
  const listed = Object.entries(lists).map(
    ([name, list]) => [name, lazyArray(listItems(list))] as const,
  );
  return lazyObject([...fields, ...listed]);
};

const versionPieces = (view: StateView, wanted: (slot: Slot) => boolean): JsonPiece =>
  lazyObject(
    [...view.entities].map(([entity, slots]) => [
      entity.name,
      lazyObject(versionEntries(slots, wanted)),
    ]),
  );

/** Few are wanted: after so many others a search gives "not yet", or it would hold the event loop to its end. */
const lookedAtOnce = 1_000;

function* versionEntries(
  { ids, slots }: SlotsView,
  wanted: (slot: Slot) => boolean,
): Generator<readonly [string, JsonPiece] | undefined> {
  for (const [index, id] of ids.entries()) {
    const slot = slots[index];
    if (slot && wanted(slot)) yield [id, slot.n];
    else if (index % lookedAtOnce === 0) yield undefined;
  }
}

function* damagedIn(view: StateView): Generator<DamagedEntity | undefined> {
  for (const [{ name: entity }, { ids, slots }] of view.entities) {
    for (const [index, id] of ids.entries()) {
      const damage = slots[index]?.damage;
      if (damage) yield { entity, id, ...damage };
      else if (index % lookedAtOnce === 0) yield undefined;
    }
  }
}

export const damagedEntities = (view: StateView): DamagedEntity[] =>
  [...damagedIn(view)].filter((entity) => entity !== undefined);

const summaryViews = (view: StateView): Views =>
  Object.fromEntries(
    [...view.entities].map(([entity, { ids, slots }]) => {
      // Most summaries only count.
      let byId: Map<string, Slot> | undefined;
      const get = (id: string): JsonValue | undefined => {
        byId ??= new Map(ids.map((known, index) => [known, slots[index] as Slot]));
        return byId.get(id)?.value;
      };
      return [entity.key, { get, all: () => values(slots) }];
    }),
  );

function* values(slots: readonly Slot[]): Generator<JsonValue> {
  for (const { value } of slots) if (value !== undefined) yield value;
}

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
  return { model: engine.model, migrated };
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

/** Hands an entity out: frozen, all the way down. Entities from files are frozen on first use. */
export const frozen = <Value>(value: Value): Value => {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) freezeJson(value);
  return value;
};

/** SHA-256 over entities and versions, without times of writing: replay must reach the same. */
export const digestState = (view: StateView): string => {
  const hash = sha256();
  for (const [entity, { ids, slots }] of view.entities) {
    const byId = ids.map((id, index) => [id, slots[index] as Slot] as const);
    const sorted = byId.sort(([a], [b]) => (a < b ? -1 : 1));
    for (const [id, { value = null, n, lists }] of sorted) {
      const listed = Object.entries(lists ?? {}).map(([name, list]) => [
        name,
        [...listItems(list)],
      ]);
      hash.update(canonicalJson([entity.name, id, n, value, Object.fromEntries(listed)]));
    }
  }
  return hash.digest("hex");
};
