/**
 * What one change made of an entity, as it stands in the track: a line of JSON for each row.
 *
 *     base    {"value":…,"lists":{"logs":[…]},"damage":…}     whole  {"value":…,"damage":…}
 *     patch   {"set":{"status":"failed"},"unset":["result"]}    append {"list":"logs","item":…}
 *
 * The rule: at most `patchesMax` patches stand between two values that are whole, so that a value is found in a bounded
 * number of reads; a list's items are kept once, whatever the length of the list.
 */
import type { Damage, Slot, SlotChange } from "@taskwal/core";
import { listItems, type ListView } from "@taskwal/core";
import type { JsonValue } from "@taskwal/format";
import { kinds, type Kind } from "./rows.ts";

export const patchesMax = 63;

export type Fields = Readonly<Record<string, JsonValue>>;

export interface BaseValue {
  readonly value: JsonValue;
  readonly damage?: Damage;
  readonly lists?: Readonly<Record<string, readonly JsonValue[]>>;
}

export interface PatchValue {
  readonly set: Fields;
  readonly unset?: readonly string[];
}

export interface AppendValue {
  readonly list: string;
  readonly item: JsonValue;
}

/** How a change is kept. `patches` counts those since the last whole value of the entity. */
export const changeValue = (
  { before, after }: Pick<SlotChange, "before" | "after">,
  patches: number,
): { readonly kind: Kind; readonly value: object } => {
  const { value, damage } = after;
  const told = damage ? { damage } : {};
  if (value === undefined) return { kind: kinds.removed, value: told };
  if (before?.value === undefined) return { kind: kinds.base, value: baseOf(after) };
  const appended = appendedItem(before, after);
  if (appended) return { kind: kinds.append, value: appended };
  if (before.lists !== after.lists) return { kind: kinds.base, value: baseOf(after) };
  if (patches >= patchesMax || before.damage !== damage) {
    return { kind: kinds.whole, value: { value, ...told } };
  }
  return { kind: kinds.patch, value: patchOf(before.value as Fields, value as Fields) };
};

const baseOf = ({ value = null, damage, lists }: Slot): BaseValue => {
  const listed = Object.entries(lists ?? {}).map(([name, list]) => [name, [...listItems(list)]]);
  return {
    value,
    ...(damage ? { damage } : {}),
    ...(listed.length > 0 ? { lists: Object.fromEntries(listed) } : {}),
  };
};

/** The one item that was appended, if that is all that happened. */
const appendedItem = (before: Slot, after: Slot): AppendValue | undefined => {
  if (before.value !== after.value || before.damage !== after.damage) return undefined;
  const grown = Object.entries(after.lists ?? {}).filter(
    ([name, list]) => list !== before.lists?.[name],
  );
  const [only] = grown;
  if (!only || grown.length > 1) return undefined;
  const [list, view] = only;
  const { length } = view satisfies ListView;
  if (length !== (before.lists?.[list]?.length ?? 0) + 1) return undefined;
  const [item = null] = listItems(view, length - 1);
  return { list, item };
};

const patchOf = (before: Fields, after: Fields): PatchValue => {
  const set: Record<string, JsonValue> = {};
  for (const [name, value] of Object.entries(after)) if (before[name] !== value) set[name] = value;
  const unset = Object.keys(before).filter((name) => !Object.hasOwn(after, name));
  return unset.length > 0 ? { set, unset } : { set };
};

export const applyPatch = (before: Fields, { set, unset = [] }: PatchValue): Fields => {
  const after = { ...before, ...set };
  for (const name of unset) delete after[name];
  return after;
};
