/**
 * What a record changed, field by field: two slots of one entity compared.
 *
 *     {status: "pending"} ─> {status: "failed", error: "…"}     status pending → failed     error absent → "…"
 *     list of 3 ─> list of 4                                    logs[3] absent → the entry
 *
 * The rule: an object is gone into where both sides have one; anything else is one value. No change is told twice.
 */
import { listItems, type ListView, type Slot } from "@taskwal/core";
import { isSameJson, type JsonValue } from "@taskwal/format";
import type { FieldChange } from "./offline.ts";

type Path = readonly (string | number)[];

export const fieldChanges = (before: Slot | undefined, after: Slot | undefined): FieldChange[] => {
  if (before?.value === undefined && after?.value === undefined) return [];
  if (after?.value === undefined) return [{ path: [], old: valueOf(before), new: undefined }];
  return [
    ...valueChanges([], before?.value, after.value, before?.value === undefined),
    ...Object.entries({ ...before?.lists, ...after.lists }).flatMap(([name]) =>
      listChanges(name, before?.lists?.[name], after.lists?.[name]),
    ),
  ];
};

/** The entity as a snapshot has it, lists inline; undefined if it is not there. */
export const valueOf = (slot: Slot | undefined): unknown => {
  if (slot?.value === undefined) return undefined;
  if (!slot.lists) return slot.value;
  const lists = Object.entries(slot.lists).map(([name, list]) => [name, [...listItems(list)]]);
  return { ...(slot.value as object), ...(Object.fromEntries(lists) as object) };
};

export const valueChanges = (
  path: Path,
  old: JsonValue | undefined,
  now: JsonValue | undefined,
  isNew = false,
): FieldChange[] => {
  if (old === now) return [];
  const [one, other] = [isNew ? {} : old, now];
  if (!isPlainObject(one) || !isPlainObject(other))
    return isSameJson(old, now) ? [] : [{ path, old, new: now }];
  return Object.keys({ ...one, ...other }).flatMap((name) =>
    valueChanges([...path, name], field(one, name), field(other, name)),
  );
};

const field = (of: Readonly<Record<string, JsonValue>>, name: string): JsonValue | undefined =>
  Object.hasOwn(of, name) ? of[name] : undefined;

const isPlainObject = (
  value: JsonValue | undefined,
): value is Readonly<Record<string, JsonValue>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** What both share is not looked at: of two views of the same pieces the longer has the items of the other. */
const listChanges = (
  name: string,
  before: ListView | undefined,
  after: ListView | undefined,
): FieldChange[] => {
  const isShared = before !== undefined && after?.pieces === before.pieces;
  const from = isShared ? Math.min(before.length, after.length) : 0;
  const old = before ? [...listItems(before, from)] : [];
  const now = after ? [...listItems(after, from)] : [];
  const changes: FieldChange[] = [];
  for (let index = 0; index < Math.max(old.length, now.length); index += 1) {
    changes.push(...valueChanges([name, from + index], old[index], now[index]));
  }
  return changes;
};
