/**
 * What reducers compute: committed (visible) and pending (reduced, not yet shown).
 *
 *     prepare ──> pending slot ──(written, synced)──> commit ──> committed slot ──> get(), all()
 *                     └──(rejected)──> undo, in reverse order
 *
 * A slot is one entity after one of its mutations; it never changes. The rule: live and
 * replayed mutations go through the same `applyMutation`.
 */
import { freezeJson, type JsonValue } from "@taskwal/format";
import type { MutationMeta } from "./define-entity.ts";
import type { EntityModel, Model, MutationModel } from "./define-model.ts";
import { HeldRecords } from "./held-records.ts";
import { appendItem, type ListView } from "./list-view.ts";
import { PendingSlots } from "./pending-slots.ts";

/** Why an entity may not be what was acknowledged. */
export interface Damage {
  /** Versions that were lost, both ends included. */
  readonly lost: readonly (readonly [first: number, last: number])[];
  /** A reducer threw on it, or its creation was lost: its later records are counted, not applied. */
  readonly frozen: boolean;
}

export interface Slot {
  /** Undefined once it was removed (its version stays known), or if its creation was lost. */
  readonly value: JsonValue | undefined;
  /** The count of its mutations. */
  readonly n: number;
  readonly lists: Readonly<Record<string, ListView>> | undefined;
  readonly damage: Damage | undefined;
}

/** One mutation with its effect, as long as it can still be taken back. */
export interface Change {
  readonly mutation: MutationModel;
  readonly id: string;
  readonly before: Slot | undefined;
  readonly after: Slot;
}

const noSlots: ReadonlyMap<string, Slot> = new Map();

export class State {
  /** What this model does not know. */
  readonly held = new HeldRecords();
  readonly #committed = new Map<EntityModel, Map<string, Slot>>();
  readonly #pending = new Map<EntityModel, PendingSlots>();
  #damagedCount = 0;

  constructor(model: Model) {
    for (const entity of model.entities.values()) {
      this.#committed.set(entity, new Map());
      this.#pending.set(entity, new PendingSlots());
    }
  }

  /** What readers see. */
  committed(entity: EntityModel, id: string): Slot | undefined {
    return this.#committed.get(entity)?.get(id);
  }

  /** What the next mutation builds on. */
  pending(entity: EntityModel, id: string): Slot | undefined {
    return this.#pending.get(entity)?.get(id) ?? this.committed(entity, id);
  }

  /** Every committed slot, removed entities included, in the order of creation. */
  slots(entity: EntityModel): ReadonlyMap<string, Slot> {
    return this.#committed.get(entity) ?? noSlots;
  }

  /** Entities that lost mutations and were not accepted since. */
  get damagedCount(): number {
    return this.#damagedCount;
  }

  /** Sets a slot beside the calls: from a snapshot, a record, a repair. Only here does damage come and go. */
  restore(entity: EntityModel, id: string, slot: Slot): void {
    if (slot.damage || this.#damagedCount > 0) {
      const wasDamaged = this.committed(entity, id)?.damage !== undefined;
      this.#damagedCount += Number(slot.damage !== undefined) - Number(wasDamaged);
    }
    this.#committed.get(entity)?.set(id, slot);
  }

  stage({ mutation, id, after }: Change): void {
    this.#pending.get(mutation.entity)?.set(id, after);
  }

  /** Takes a staged change back; the latest first. */
  unstage({ mutation, id, before }: Change): void {
    const pending = this.#pending.get(mutation.entity);
    if (before === undefined || before === this.committed(mutation.entity, id)) pending?.remove(id);
    else pending?.set(id, before);
  }

  /** Shows a change. */
  commit({ mutation, id, after }: Change): void {
    this.#committed.get(mutation.entity)?.set(id, after);
    const pending = this.#pending.get(mutation.entity);
    if (pending?.get(id) === after) pending.remove(id);
  }

  /** Takes back what was shown without being durable; the latest first. */
  uncommit({ mutation, id, before }: Change): void {
    const committed = this.#committed.get(mutation.entity);
    if (before) committed?.set(id, before);
    else committed?.delete(id);
  }
}

/** Thrown when a reducer's result cannot be stored. */
export class NotJsonError extends TypeError {
  readonly path: string;
  constructor(type: string, path: string, reason: string) {
    super(`the reducer of ${type} returned a value that ${reason} at ${path}`);
    this.path = path;
  }
}

/**
 * The entity after a mutation. `before` must exist for a change or an append (and be absent for a
 * create): the caller has checked. What the reducer throws passes through; nothing was changed then.
 */
export const applyMutation = (
  mutation: MutationModel,
  before: Slot | undefined,
  payload: JsonValue,
  meta: MutationMeta,
): Slot => {
  const damage = before?.damage;
  if (mutation.list !== undefined) {
    const lists = {
      ...before?.lists,
      [mutation.list]: appendItem(before?.lists?.[mutation.list], payload),
    };
    return { value: before?.value, n: meta.n, lists, damage };
  }
  const created = mutation.kind === "create";
  const value = mutation.reduce(created ? undefined : before?.value, payload, meta);
  if (value !== undefined) {
    const defect = freezeJson(value);
    if (defect) throw new NotJsonError(mutation.type, defect.path, defect.reason);
  }
  // A removed entity takes its lists along; one that is created again begins without them.
  const lists = created || value === undefined ? undefined : before?.lists;
  return { value, n: meta.n, lists, damage };
};
