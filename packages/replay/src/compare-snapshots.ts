/**
 * Whether the log comes to what its snapshots hold.
 *
 *     @0 ──── @40 backup ──── @80 state.json ── @81      the newest agrees: done; else the older ones, to tell from where on
 *
 * The rule: what is compared is what the track answers with, so that a fault of its own would show as well.
 */
import {
  historySnapshots,
  listItems,
  type History,
  type ListView,
  type ReadHistoryOptions,
  type Slot,
} from "@taskwal/core";
import { isSameJson, type JsonValue } from "@taskwal/format";
import { entityRefOf, slotsAt } from "./entity-rows.ts";
import type { EntityRef } from "./offline.ts";
import type { ComparedSnapshot, Track } from "./track.ts";

/** Those that are not above the log, nor what it begins with. Throws what `historySnapshots` throws. */
export const comparedSnapshots = async (
  from: Pick<ReadHistoryOptions, "dir" | "model" | "disk">,
  history: History,
  track: Track,
): Promise<readonly ComparedSnapshot[]> => {
  const compared: ComparedSnapshot[] = [];
  for await (const { name, sequence, slots } of historySnapshots(from, history)) {
    if (sequence > history.last || sequence <= (history.base?.sequence ?? 0)) continue;
    const held = new Map<string, Slot>();
    for (const { entity, id, after } of slots) held.set(`${entity.name}\n${id}`, after);
    const differing = await differingEntities(track, sequence, held);
    compared.unshift({ name, sequence, differing: differing.length, first: differing[0] });
    if (differing.length === 0) break;
  }
  return compared;
};

/** By their names in a track. */
const differingEntities = async (
  track: Track,
  sequence: number,
  held: ReadonlyMap<string, Slot>,
): Promise<EntityRef[]> => {
  const { list } = track.entities;
  /** What the snapshot has, until the log has told the same. */
  const open = new Set([...held.keys()].filter((name) => held.get(name)?.value !== undefined));
  const unknown: string[] = [];
  for await (const [ordinal, slot] of slotsAt(track, [...list.keys()], sequence)) {
    const name = list[ordinal] ?? "";
    const known = open.has(name) ? held.get(name) : undefined;
    if (known && isSameSlot(slot, known)) open.delete(name);
    else if (!known && slot.value !== undefined) unknown.push(name);
  }
  return [...open, ...unknown].map(entityRefOf);
};

const isSameSlot = (one: Slot, other: Slot): boolean =>
  isSameJson(one.value, other.value) &&
  Object.keys({ ...one.lists, ...other.lists }).every((name) =>
    isSameJson(itemsOf(one.lists?.[name]), itemsOf(other.lists?.[name])),
  );

const itemsOf = (view: ListView | undefined): readonly JsonValue[] =>
  view ? [...listItems(view)] : [];
