/**
 * What one change made of an entity, as it stands in the track: a line of JSON for each row.
 *
 *     base    {"value":…,"lists":{"logs":[…]},"damage":…}     whole  {"value":…,"damage":…}
 *     patch   {"set":{"status":"failed"},"unset":["result"]}    append {"list":"logs","index":3,"item":…}
 *     each    "cause": the sequence that its record names
 *
 * The rule: at most `patchesMax` patches stand between two values that are whole, so that a value is found in a bounded
 * number of reads; a list's items are kept once, whatever the length of the list.
 */
import {
  appendItem,
  itemAt,
  listItems,
  listOf,
  unknownItems,
  type Damage,
  type ListView,
  type Slot,
} from "@taskwal/core";
import { isSameJson, type JsonValue } from "@taskwal/format";
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
  /** How many items the list had before. */
  readonly index?: number;
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
  const names = Object.keys(patch.set);
  const fields = patch.unset ? [...names, ...patch.unset] : names;
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

/** The lists that are another than before. */
const listsOf = ({ lists: before = {} }: Slot, { lists: after = {} }: Slot): readonly string[] => {
  const names = Object.keys(after).filter((name) => !isSameList(before[name], after[name]));
  const gone = Object.keys(before).filter((name) => !Object.hasOwn(after, name));
  return gone.length > 0 ? [...names, ...gone] : names;
};

/** A view that grew shares its pieces with the older one; one of a snapshot shares nothing. */
const isSameList = (one: ListView | undefined, other: ListView | undefined): boolean => {
  if (one === other) return true;
  if (one?.length !== other?.length || !one || !other) return false;
  return one.pieces === other.pieces || isSameItems(one, other);
};

const isSameItems = (one: ListView, other: ListView): boolean =>
  isSameJson([...listItems(one)], [...listItems(other)]);

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
): { readonly list: string; readonly index: number; readonly item: JsonValue } | undefined => {
  if (before.value !== after.value || before.damage !== after.damage) return undefined;
  if (before.lists === after.lists) return undefined;
  const grown = listsOf(before, after);
  const [list] = grown;
  if (list === undefined || grown.length > 1) return undefined;
  const view = after.lists?.[list];
  const viewBefore = before.lists?.[list];
  const index = viewBefore?.length ?? 0;
  if (!view || view.length !== index + 1) return undefined;
  // A snapshot may know other items before the last one.
  if (index > 0 && view.pieces !== viewBefore?.pieces) return undefined;
  return { list, index, item: itemAt(view, index) };
};

const patchOf = (before: Fields, after: Fields): { set: Fields; unset?: readonly string[] } => {
  const set: Record<string, JsonValue> = {};
  let kept = 0;
  for (const name of Object.keys(after)) {
    const value = after[name] as JsonValue;
    const isThere = Object.hasOwn(before, name);
    if (isThere) kept += 1;
    if (!isThere || !isSameJson(before[name], value)) set[name] = value;
  }
  const names = Object.keys(before);
  if (names.length === kept) return { set };
  return { set, unset: names.filter((name) => !Object.hasOwn(after, name)) };
};

/** A slot that is being put together. */
export type SlotDraft = { -readonly [Name in keyof Slot]: Slot[Name] };

/** To go on from a slot, which stays what it is. */
export const draftOf = (slot: Slot | undefined): SlotDraft => {
  const { value, n = 0, lists, damage } = slot ?? {};
  return { value: value && { ...(value as Fields) }, n, lists: lists && { ...lists }, damage };
};

/**
 * Makes the entity what it is behind a row, from what it was before and what the row keeps. Of a list that was not put
 * together from its beginning on, only the items from there on are known.
 */
export const applyTo = (
  slot: SlotDraft,
  kind: Kind,
  n: number,
  { value, damage, lists, set, unset, list = "", index = 0, item = null }: KeptValue,
): void => {
  slot.n = n;
  switch (kind) {
    case kinds.removed:
    case kinds.base:
    case kinds.whole:
      slot.value = value;
      slot.damage = damage;
      if (kind !== kinds.whole) slot.lists = lists && views(lists);
      return;
    case kinds.append: {
      const grown = (slot.lists ??= {}) as Record<string, ListView>;
      grown[list] = appendItem(grown[list] ?? unknownItems(index), item);
      return;
    }
    case kinds.none:
    case kinds.patch: {
      const patched = (slot.value ??= {}) as Record<string, JsonValue>;
      Object.assign(patched, set);
      if (unset) for (const name of unset) delete patched[name];
    }
  }
};

const views = (lists: Readonly<Record<string, JsonValue[]>>): Slot["lists"] =>
  Object.fromEntries(Object.entries(lists).map(([name, items]) => [name, listOf(items)]));
