/**
 * The pending slots of one kind of entity: set by each mutation, taken out again once it is shown.
 *
 *     set a ─ set b ─ remove a ─ remove b      the ids stay, without a slot, until there are many
 *
 * The rule: nothing is deleted from the table. Where V8 makes a table of other size, the old one points to the new one
 * and keeps what it held; with entries that come and go that happens all the time, and the young garbage of every
 * mutation was promoted through such a trail of old tables: scavenges of 9 ms instead of 2.
 */
import type { Slot } from "./state.ts";

/** Ids without a pending slot that are kept. */
const idsMax = 1_000;

export class PendingSlots {
  #slots = new Map<string, Slot | undefined>();
  #count = 0;

  get(id: string): Slot | undefined {
    return this.#slots.get(id);
  }

  set(id: string, slot: Slot): void {
    if (this.#slots.get(id) === undefined) this.#count += 1;
    this.#slots.set(id, slot);
  }

  remove(id: string): void {
    if (this.#slots.get(id) === undefined) return;
    this.#slots.set(id, undefined);
    this.#count -= 1;
    if (this.#count === 0 && this.#slots.size > idsMax) this.#slots = new Map();
  }
}
