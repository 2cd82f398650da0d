/**
 * What one change made of an entity, as it stands in the track: a line of JSON for each row.
 *
 *     base    {"value":…,"lists":{"logs":[…]},"damage":…}     whole  {"value":…,"damage":…}
 *     patch   {"set":{"status":"failed"},"unset":["result"]}    append {"list":"logs","item":…}
 *     each    "cause": the sequence that its record names
 *
 * The rule: at most `patchesMax` patches stand between two values that are whole, so that a value is found in a bounded
 * number of reads; a list's items are kept once, whatever the length of the list.
 */
import {
  appendItem,
  listItems,
  listOf,
  type Damage,
  type ListView,
  type Slot,
} from "@taskwal/core";
import { canonicalJson, type JsonValue } from "@taskwal/format";
import { kinds, type Kind } from "./rows.ts";

/** More make the values of a log smaller, and a state dearer to put together. */
const patchesMax = 15;

type Fields = Readonly<Record<string, JsonValue>>;

export interface KeptValue {
  readonly value?: JsonValue;
  readonly damage?: Damage;
  readonly lists?: Readonly<Record<string, JsonValue[]>>;
  readonly set?: Fields;
  readonly unset?: readonly string[];
  readonly list?: string;
  readonly item?: JsonValue;
  readonly cause?: number;
}

export interface KeptChange {
  readonly kind: Kind;
  readonly value: KeptValue;
  /** The names of the fields and lists that are another than before; of all that are there, if the entity is new or gone. */
  readonly fields: readonly string[];
}

/** How a change is kept. `patches` counts those since the last whole value of the entity. */
export const keptChange = (before: Slot | undefined, after: Slot, patches: number): KeptChange => {
  const { value, damage } = after;
  if (value === undefined) {
    return { kind: kinds.removed, value: damageOf(damage), fields: namesOf(before) };
  }
  if (before?.value === undefined) {
    return { kind: kinds.base, value: baseOf(after), fields: namesOf(after) };
  }
  const appended = appendedItem(before, after);
  if (appended) return { kind: kinds.append, value: appended, fields: [appended.list] };
  const patch = patchOf(before.value as Fields, value as Fields);
  const fields = [...Object.keys(patch.set), ...(patch.unset ?? [])];
  if (before.lists !== after.lists) {
    return {
      kind: kinds.base,
      value: baseOf(after),
      fields: [...fields, ...listsOf(before, after)],
    };
  }
  if (patches >= patchesMax || before.damage !== damage) {
    return { kind: kinds.whole, value: { value, ...damageOf(damage) }, fields };
  }
  return { kind: kinds.patch, value: patch, fields };
};

/** How many patches stand since the last whole value, behind a change of this kind. */
export const patchesAfter = (kind: Kind, patches: number): number => {
  if (kind === kinds.patch) return patches + 1;
  return kind === kinds.append ? patches : 0;
};

const damageOf = (damage: Damage | undefined): Pick<KeptValue, "damage"> =>
  damage ? { damage } : {};

const namesOf = (slot: Slot | undefined): readonly string[] => [
  ...Object.keys(slot?.value ?? {}),
  ...Object.keys(slot?.lists ?? {}),
];

const listsOf = (before: Slot, after: Slot): readonly string[] =>
  Object.keys({ ...before.lists, ...after.lists }).filter(
    (name) => !isSameList(before.lists?.[name], after.lists?.[name]),
  );

/** A view that grew shares its pieces with the older one; one of a snapshot shares nothing. */
const isSameList = (one: ListView | undefined, other: ListView | undefined): boolean => {
  if (one === other) return true;
  if (one?.length !== other?.length || !one || !other) return false;
  return one.pieces === other.pieces || canonicalJson(one.pieces) === canonicalJson(other.pieces);
};

const baseOf = ({ value = null, damage, lists }: Slot): KeptValue => {
  const listed = Object.entries(lists ?? {}).map(([name, list]) => [name, [...listItems(list)]]);
  return {
    value,
    ...damageOf(damage),
    ...(listed.length > 0 ? { lists: Object.fromEntries(listed) } : {}),
  };
};

/** The one item that was appended, if that is all that happened. */
const appendedItem = (
  before: Slot,
  after: Slot,
): { readonly list: string; readonly item: JsonValue } | undefined => {
  if (before.value !== after.value || before.damage !== after.damage) return undefined;
  if (before.lists === after.lists) return undefined;
  const grown = listsOf(before, after);
  const [list] = grown;
  if (list === undefined || grown.length > 1) return undefined;
  const view = after.lists?.[list];
  const viewBefore = before.lists?.[list];
  const lengthBefore = viewBefore?.length ?? 0;
  if (!view || view.length !== lengthBefore + 1) return undefined;
  // A snapshot may know other items before the last one.
  if (lengthBefore > 0 && view.pieces !== viewBefore?.pieces) return undefined;
  const [item = null] = listItems(view, lengthBefore);
  return { list, item };
};

const patchOf = (before: Fields, after: Fields): { set: Fields; unset?: readonly string[] } => {
  const set: Record<string, JsonValue> = {};
  for (const name of Object.keys(after)) {
    const value = after[name] as JsonValue;
    if (!isSame(before[name], value)) set[name] = value;
  }
  const unset = Object.keys(before).filter((name) => !Object.hasOwn(after, name));
  return unset.length > 0 ? { set, unset } : { set };
};

const isSame = (one: JsonValue | undefined, other: JsonValue): boolean =>
  one === other ||
  (typeof one === "object" &&
    typeof other === "object" &&
    one !== null &&
    other !== null &&
    canonicalJson(one) === canonicalJson(other));

/** The entity behind a row, from what it was before and what the row keeps. */
export const appliedSlot = (
  before: Slot | undefined,
  kind: Kind,
  n: number,
  { value, damage, lists, set = {}, unset = [], list = "", item = null }: KeptValue,
): Slot => {
  switch (kind) {
    case kinds.removed:
      return { value: undefined, n, lists: undefined, damage };
    case kinds.base:
      return { value, n, damage, lists: lists && views(lists) };
    case kinds.whole:
      return { value, n, damage, lists: before?.lists };
    case kinds.append: {
      const grown = { ...before?.lists, [list]: appendItem(before?.lists?.[list], item) };
      return { value: before?.value, n, damage: before?.damage, lists: grown };
    }
    case kinds.none:
    case kinds.patch: {
      const patched: Record<string, JsonValue> = { ...(before?.value as Fields), ...set };
      for (const name of unset) delete patched[name];
      return { value: patched, n, damage: before?.damage, lists: before?.lists };
    }
  }
};

const views = (lists: Readonly<Record<string, JsonValue[]>>): Slot["lists"] =>
  Object.fromEntries(Object.entries(lists).map(([name, items]) => [name, listOf(items)]));
