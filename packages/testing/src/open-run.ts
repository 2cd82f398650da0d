/**
 * A store on the simulated disk, seen as a run sees it: whatever its model, by key and id.
 *
 * The rule: what it shows is read through the public interface of the store, as a program reads it.
 */
import { openStore, type EntityDefinitions, type Store, type TypedModel } from "@taskwal/core";
import type { SimDisk } from "@taskwal/disk/sim";
import type { JsonValue } from "@taskwal/format";
import { Broken } from "./broken-model-error.ts";
import type { Item, Items } from "./ledger.ts";
import type { Mutation } from "./mutations-of.ts";
import type { Plan } from "./plan.ts";

export type AnyModel = TypedModel<EntityDefinitions>;

/** Where the store lies on the simulated disk. */
export const stateDir = "/state";

interface LooseCollection {
  get(id: string): unknown;
  all(): Iterable<{ readonly id: string }>;
  version(id: string): number;
  list(id: string, list: string): readonly JsonValue[];
  mutate(id: string, type: string, payload: unknown, options?: object): PromiseLike<unknown>;
  append(id: string, list: string, item: unknown, options?: object): PromiseLike<unknown>;
}

type Collections = Readonly<Record<string, LooseCollection>>;

type LooseStore = Store & {
  transact(work: (tx: Collections) => void, options: object): Promise<unknown>;
};

export type RunOptions = Pick<Plan, "segmentBytesMax" | "mirrors" | "durability">;

export class OpenRun {
  readonly model: AnyModel;
  readonly store: LooseStore;
  /** The clock as the store reads it. */
  readonly now: () => number;
  readonly #durability: Plan["durability"];

  private constructor(model: AnyModel, store: LooseStore, now: () => number, options: RunOptions) {
    this.model = model;
    this.store = store;
    this.now = now;
    this.#durability = options.durability;
  }

  /** @throws Broken with `invariant` if it does not open, or tells of a loss. */
  static async open(
    sim: SimDisk,
    model: AnyModel,
    options: RunOptions,
    invariant: string,
  ): Promise<OpenRun> {
    const disk = sim.process();
    const { segmentBytesMax, mirrors } = options;
    const settings = { dir: stateDir, model, disk, segmentBytesMax, mirrors, autosaveMs: Infinity };
    const store = await openStore(settings).catch((error: unknown) => {
      throw new Broken(invariant, causes(error), error);
    });
    const { lost, damaged } = store.recovery;
    if (lost.length + damaged.length > 0) throw new Broken(invariant, store.recovery.toText());
    return new OpenRun(model, store as unknown as LooseStore, () => disk.clock.now(), options);
  }

  /** Asks for one mutation, or for several as one; settles as the store answers. */
  ask(mutations: readonly Mutation[], isTransaction: boolean): Promise<unknown> {
    const options = { durability: this.#durability };
    const store = this.store as unknown as Collections;
    const [first] = mutations;
    if (!isTransaction && first) return Promise.resolve(this.#one(store, first, options));
    return this.store.transact((tx) => {
      for (const each of mutations) void this.#one(tx, each);
    }, options);
  }

  #one(target: Collections, { type, id, payload }: Mutation, options?: object): unknown {
    const mutation = this.model.mutations.get(type);
    const collection = target[mutation?.entity.key ?? ""];
    return mutation?.list === undefined
      ? collection?.mutate(id, type, payload, options)
      : collection?.append(id, mutation.list, payload, options);
  }

  /** Everything that it shows; `known` are entities to look up besides, since a removed one keeps its version. */
  items(known: Items): Items {
    const items = new Map<string, Item>();
    const collections = this.store as unknown as Collections;
    for (const { key, lists } of this.model.entities.values()) {
      const collection = collections[key];
      if (!collection) continue;
      const gone = [...known.keys()].filter((each) => each.startsWith(`${key}/`));
      const ids = [...gone.map((each) => each.slice(key.length + 1)), ...idsIn(collection)];
      for (const id of new Set(ids)) {
        const listed = [...lists.keys()].map((list) => [list, collection.list(id, list)] as const);
        items.set(`${key}/${id}`, {
          n: collection.version(id),
          value: collection.get(id) as JsonValue | undefined,
          lists: Object.fromEntries(listed),
        });
      }
    }
    return items;
  }
}

const idsIn = (collection: LooseCollection): string[] => [...collection.all()].map(({ id }) => id);

/** An error and what caused it, in one line. */
const causes = (error: unknown): string =>
  error instanceof Error && error.cause !== undefined
    ? `${error.message} (${causes(error.cause)})`
    : error instanceof Error
      ? error.message
      : String(error);
