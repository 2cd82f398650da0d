/**
 * A state as the pieces of a snapshot. The way back is load-state.ts.
 *
 *     "tasks":[ {entity fields…, "logs":[…]} ]        lists stand inline, as people expect them
 *     "held":[ {"id":…, "record":{…}} ]               records that the model does not know, if there are any
 *     "engine":{ "versions":{"task":{"6f…":9}}, "deleted":{…}, "keys":[…], "damaged":[…] }
 *
 * The rule: the view is taken in one turn of the event loop (slots never change, so it is a list of
 * references) and turned into text later, piece by piece, while mutations go on.
 */
import { lazyArray, lazyObject, type JsonPiece, type SnapshotSource } from "@taskwal/snapshot";
import { canonicalJson, freezeJson, sha256, type JsonValue } from "@taskwal/format";
import type { Clock } from "@taskwal/disk";
import type { EntityModel, Model } from "./define-model.ts";
import { heldKey, type Carried, type HeldView } from "./held-records.ts";
import type { KeyResult, RecentKeys } from "./idempotency.ts";
import type { ModelPrint } from "./system-record.ts";
import { listItems } from "./list-view.ts";
import type { Damage, Slot, State } from "./state.ts";
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
  readonly held: HeldView;
}

export const viewState = (model: Model, state: State, keys: RecentKeys): StateView => {
  const entities = [...model.entities.values()].map((entity) => {
    const slots = state.slots(entity);
    return [entity, { ids: [...slots.keys()], slots: [...slots.values()] }] as const;
  });
  return { entities: new Map(entities), keys: keys.all(), held: state.held.view() };
};

export interface DamagedEntity extends Damage {
  readonly entity: string;
  readonly id: string;
}

/** What the engine keeps in a snapshot beside the entities. */
export interface EngineSection {
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
  summary: withoutClash(
    await summarize(model.summary, summaryViews(view), clock),
    view.held.carried,
  ),
  collections: [
    ...[...view.entities].map(([entity, { slots }]) => ({
      name: entity.collection,
      entities: entityPieces(slots),
    })),
    ...[...view.held.carried.collections].map(([name, entities]) => ({ name, entities })),
    ...heldPieces(view.held),
  ],
  engine: lazyObject([
    [
      "versions",
      versionPieces(view, view.held.carried.versions, (slot) => slot.value !== undefined),
    ],
    ["deleted", versionPieces(view, view.held.carried.deleted, (slot) => slot.value === undefined)],
    ["keys", lazyArray(view.keys as unknown as Iterable<JsonPiece>)],
    ["damaged", lazyArray(damagedPieces(view) as unknown as Iterable<JsonPiece>)],
    ["model", printModel(model) as unknown as JsonValue],
  ]),
});

/** A key that is derived here and is a collection there: the collection is the one that nobody can make again. */
const withoutClash = (
  summary: Readonly<Record<string, JsonValue>>,
  { collections }: Carried,
): Readonly<Record<string, JsonValue>> =>
  Object.fromEntries(Object.entries(summary).filter(([key]) => !collections.has(key)));

/** Left out if nothing waits. */
const heldPieces = ({ records }: HeldView): SnapshotSource["collections"] =>
  records.length === 0
    ? []
    : [{ name: heldKey, entities: records as unknown as readonly JsonPiece[] }];

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

const versionPieces = (
  view: StateView,
  carried: Carried["versions"],
  wanted: (slot: Slot) => boolean,
): JsonPiece =>
  lazyObject([
    ...[...view.entities].map(
      ([entity, slots]) => [entity.name, lazyObject(versionEntries(slots, wanted))] as const,
    ),
    ...Object.entries(carried),
  ]);

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

function* damagedPieces(view: StateView): Generator<DamagedEntity | undefined> {
  yield* damagedIn(view);
  yield* view.held.carried.damaged;
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

/** Hands an entity out: frozen, all the way down. Entities from files are frozen on first use. */
export const frozen = <Value>(value: Value): Value => {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) freezeJson(value);
  return value;
};

/** SHA-256 over entities and versions, without times of writing: replay must reach the same. */
export const digestState = (view: StateView): string => {
  const hash = sha256();
  const hashing = hashEntities(view, hash);
  while (!hashing.next().done);
  return hash.digest("hex");
};

/** The same, with turns for others. */
export const digestInTurns = async (view: StateView, clock: Clock): Promise<string> => {
  const hash = sha256();
  const hashing = hashEntities(view, hash);
  while (!hashing.next().done) await clock.yield();
  return hash.digest("hex");
};

function* hashEntities(
  view: StateView,
  hash: ReturnType<typeof sha256>,
): Generator<undefined, void, void> {
  let count = 0;
  for (const [entity, { ids, slots }] of view.entities) {
    const byId = ids.map((id, index) => [id, slots[index] as Slot] as const);
    const sorted = byId.sort(([a], [b]) => (a < b ? -1 : 1));
    for (const [id, { value = null, n, lists }] of sorted) {
      const listed = Object.entries(lists ?? {}).map(([name, list]) => [
        name,
        [...listItems(list)],
      ]);
      hash.update(canonicalJson([entity.name, id, n, value, Object.fromEntries(listed)]));
      count += 1;
      if (count % hashedAtOnce === 0) yield undefined;
    }
  }
  for (const waiting of heldValues(view.held)) {
    hash.update(canonicalJson(waiting));
    count += 1;
    if (count % hashedAtOnce === 0) yield undefined;
  }
}

/** Nothing where nothing waits: the digest is then that of the entities alone. */
function* heldValues({ records, carried }: HeldView): Generator<JsonValue> {
  for (const { id, record } of records) yield [id, record.type, record.n ?? 0, record.data];
  for (const [name, entities] of carried.collections) for (const one of entities) yield [name, one];
}

/** So many entities are hashed within a millisecond or two. */
const hashedAtOnce = 250;
