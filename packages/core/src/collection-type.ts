/**
 * The types of a store's collections, as they follow from a model.
 *
 *     store.notes     Collection             mutate: a receipt, settled once durable
 *     tx.notes        TransactionCollection  mutate: the value at once, to read one's own writes
 *
 * The rule: types only. Callers write no type argument and no cast; a wrong payload does not compile.
 * What is handed out is frozen, all the way down.
 */
import type { ExpectedVersion } from "@taskwal/errors";
import type { EntityDefinition } from "./define-entity.ts";
import type { EntityDefinitions, TypedModel, TypesOfEntity } from "./define-model.ts";

export interface WriteOptions {
  /** The mutation is refused with a ConflictError unless the entity is at this version. Default: "any". */
  readonly expectedVersion?: ExpectedVersion;
  /** Idempotency key: the same call with the same key happens once, also over restarts. */
  readonly key?: string;
  /** "synced" (default): settled and visible once on the disk. "written": visible at once, synced within 1 s. */
  readonly durability?: "synced" | "written";
  /** Cancels only what still waits in the queue; what is being written is written. */
  readonly signal?: AbortSignal;
  /** By whom, for those who read the log. */
  readonly actor?: string;
  /** The sequence because of which this is done. */
  readonly cause?: number;
  /** W3C traceparent. */
  readonly trace?: string;
}

/** Options of one mutation within a transaction. */
export type TransactionWriteOptions = Pick<WriteOptions, "expectedVersion">;

/** Options of a transaction as a whole. */
export type TransactionOptions = Omit<WriteOptions, "expectedVersion">;

/** What a mutation came to. */
export interface Committed<Value> {
  /** The entity after the mutation; of a mutation that removed it, as it was before. */
  readonly value: Value;
  /** The entity's version after the mutation. */
  readonly version: number;
  /** The position of the record. */
  readonly sequence: number;
}

/**
 * Settles when the mutation is as durable as was asked; in the order of the calls. It need not be
 * awaited: a rejection that nobody handles is an event and an error of `flush()`, never the end of the process.
 */
export interface Receipt<Value> extends Promise<Committed<Value>> {}

export type ValueOf<E extends EntityDefinition> = Readonly<TypesOfEntity<E>["value"]>;
export type PayloadsOf<E extends EntityDefinition> = TypesOfEntity<E>["payloads"];
export type ItemsOf<E extends EntityDefinition> = TypesOfEntity<E>["items"];

/** The mutation types of an entity, without those of its lists. */
export type MutationTypeOf<E extends EntityDefinition> = keyof PayloadsOf<E> & string;
export type ListNameOf<E extends EntityDefinition> = keyof ItemsOf<E> & string;

/** Reading one collection: synchronous, from memory. */
export interface CollectionReader<E extends EntityDefinition> {
  get(id: string): ValueOf<E> | undefined;
  all(): Iterable<ValueOf<E>>;
  /** The count of the entity's mutations, those of its lists included; 0 if it never existed. */
  version(id: string): number;
  /** The items, oldest first; `last` gives only the newest so many. Empty for an unknown id. */
  list<List extends ListNameOf<E>>(
    id: string,
    list: List,
    options?: { readonly last?: number },
  ): readonly ItemsOf<E>[List]["output"][];
}

/** One collection of a store. Reads show what is committed. */
export interface Collection<E extends EntityDefinition> extends CollectionReader<E> {
  /**
   * Rejects with InvalidMutationError or ConflictError (nothing written), DiskFailedError (see its
   * `outcome`), ClosedError, or with what the reducer threw.
   */
  mutate<Type extends MutationTypeOf<E>>(
    id: string,
    type: Type,
    payload: PayloadsOf<E>[Type]["input"],
    options?: WriteOptions,
  ): Receipt<ValueOf<E>>;
  /** Appends one item to a list of an entity that exists. Rejects as `mutate` does. */
  append<List extends ListNameOf<E>>(
    id: string,
    list: List,
    item: ItemsOf<E>[List]["input"],
    options?: WriteOptions,
  ): Receipt<void>;
}

/** One collection inside a transaction. Reads show what the transaction has done so far. */
export interface TransactionCollection<E extends EntityDefinition> extends CollectionReader<E> {
  /**
   * The entity as it will be once the transaction commits; of one that is removed, as it was before.
   * @throws InvalidMutationError, ConflictError, or what the reducer throws; nothing of the transaction is written then.
   */
  mutate<Type extends MutationTypeOf<E>>(
    id: string,
    type: Type,
    payload: PayloadsOf<E>[Type]["input"],
    options?: TransactionWriteOptions,
  ): ValueOf<E>;
  /** @throws as `mutate` does. */
  append<List extends ListNameOf<E>>(
    id: string,
    list: List,
    item: ItemsOf<E>[List]["input"],
    options?: TransactionWriteOptions,
  ): void;
}

/** The definitions that a model was made of, by entity key. */
export type EntitiesOf<M extends TypedModel<EntityDefinitions>> = NonNullable<M["types"]>;

/** The part of a store that follows from its model: `{ notes: Collection<typeof note> }`. */
export type CollectionsOf<M extends TypedModel<EntityDefinitions>> = {
  readonly [Key in keyof EntitiesOf<M>]: Collection<EntitiesOf<M>[Key]>;
};

/** What the function given to `transact` gets. It lives only as long as that function runs. */
export type TransactionOf<M extends TypedModel<EntityDefinitions>> = {
  readonly [Key in keyof EntitiesOf<M>]: TransactionCollection<EntitiesOf<M>[Key]>;
};
