/** Entities as they stand at some point of a history, by kind and id. */
import type { Slot, SlotChange } from "@taskwal/core";
import { valueOf } from "./field-changes.ts";
import type { EntityRef } from "./offline.ts";

export class Slots {
  readonly #kinds = new Map<string, Map<string, Slot>>();

  take(changes: readonly SlotChange[]): void {
    for (const { entity, id, after } of changes) {
      const slots = this.#kinds.get(entity.name);
      if (slots) slots.set(id, after);
      else this.#kinds.set(entity.name, new Map([[id, after]]));
    }
  }

  slot({ entity, id }: EntityRef): Slot | undefined {
    return this.#kinds.get(entity)?.get(id);
  }

  /** Those that are there, in the order of their ids. */
  list(entity: string): readonly { readonly id: string; readonly value: unknown }[] {
    const slots = [...(this.#kinds.get(entity) ?? [])].filter(
      ([, slot]) => slot.value !== undefined,
    );
    return slots
      .toSorted(([one], [other]) => (one < other ? -1 : 1))
      .map(([id, slot]) => ({ id, value: valueOf(slot) }));
  }
}
