/**
 * The collections of a store and of a transaction, over the model's entities.
 *
 * The rule: typed in collection-type.ts, untyped here; reads are synchronous, from memory, and frozen.
 */
import type { CollectionReader, WriteOptions } from "./collection-type.ts";
import { appendType } from "./model-names.ts";
import type { EntityDefinition } from "./define-entity.ts";
import type { EntityModel, Model } from "./define-model.ts";
import type { Shape } from "./calls.ts";
import type { MutationCall, Prepared } from "./prepare.ts";
import { frozen } from "./snapshot-view.ts";
import { lastItems } from "./list-view.ts";
import type { Slot } from "./state.ts";

/** What a collection stands on: a store, or one that only reads. */
export interface CollectionHost {
  read(entity: EntityModel, id: string): Slot | undefined;
  readPending(entity: EntityModel, id: string): Slot | undefined;
  slots(entity: EntityModel): ReadonlyMap<string, Slot>;
  readonly calls: {
    mutate(call: MutationCall, options: WriteOptions, shape: Shape<unknown>): Promise<unknown>;
  };
}

type Reader = CollectionReader<EntityDefinition>;

/** How a collection looks at the state: committed for a store, pending inside a transaction. */
type Look = (id: string) => Slot | undefined;

const reader = (look: Look, slots: () => Iterable<Slot | undefined>): Reader => ({
  get: (id) => frozen(look(id)?.value) as never,
  *all() {
    for (const slot of slots()) {
      if (slot?.value !== undefined) yield frozen(slot.value) as never;
    }
  },
  version: (id) => look(id)?.n ?? 0,
  list: (id, list, { last = Infinity } = {}) =>
    lastItems(look(id)?.lists?.[list], last).map(frozen) as never,
});

function* pendingSlots(store: CollectionHost, entity: EntityModel): Generator<Slot | undefined> {
  for (const id of store.slots(entity).keys()) yield store.readPending(entity, id);
}

/** What a mutation is worth to its caller: the entity after it, or before it if it removed the entity. */
const worth = (after: Slot | undefined, before: Slot | undefined): unknown =>
  frozen(after?.value ?? before?.value);

const callOf = (
  entity: EntityModel,
  id: string,
  type: string,
  payload: unknown,
  { expectedVersion }: Pick<WriteOptions, "expectedVersion">,
): MutationCall => ({ collection: entity.key, id, type, payload, expectedVersion });

/** By entity key. */
export const storeCollections = (store: CollectionHost, model: Model): Record<string, object> =>
  Object.fromEntries(
    [...model.entities.values()].map((entity) => [
      entity.key,
      Object.freeze({
        ...reader(
          (id) => store.read(entity, id),
          () => store.slots(entity).values(),
        ),
        mutate: (id: string, type: string, payload: unknown, options: WriteOptions = {}) =>
          store.calls.mutate(callOf(entity, id, type, payload, options), options, worth),
        append: (id: string, list: string, item: unknown, options: WriteOptions = {}) =>
          store.calls.mutate(
            callOf(entity, id, appendType(entity.name, list), item, options),
            options,
            () => undefined,
          ),
      }),
    ]),
  );

/** The same inside a transaction: `mutate` stages a call and returns its change. */
export const transactionCollections = (
  store: CollectionHost,
  model: Model,
  mutate: (call: MutationCall) => Prepared,
): Record<string, object> =>
  Object.fromEntries(
    [...model.entities.values()].map((entity) => [
      entity.key,
      Object.freeze({
        ...reader(
          (id) => store.readPending(entity, id),
          () => pendingSlots(store, entity),
        ),
        mutate: (id: string, type: string, payload: unknown, options: WriteOptions = {}) => {
          const { after, before } = mutate(callOf(entity, id, type, payload, options));
          return worth(after, before);
        },
        append: (id: string, list: string, item: unknown, options: WriteOptions = {}) => {
          mutate(callOf(entity, id, appendType(entity.name, list), item, options));
        },
      }),
    ]),
  );
