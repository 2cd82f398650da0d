/** A change as it is kept, and put back: the same entity, whatever came before it. */
import { appendItem, listOf, type Slot } from "@taskwal/core";
import type { JsonValue } from "@taskwal/format";
import { expect, it } from "vitest";
import { valueOf } from "./field-changes.ts";
import { kinds } from "./rows.ts";
import { applyTo, draftOf, keptChange, patchesAfter, type KeptValue } from "./track-value.ts";

const seed = Number(process.env["TASKWAL_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
let random = seed;
const below = (limit: number): number => {
  random = (Math.imul(random, 1_103_515_245) + 12_345) >>> 0;
  return Math.floor((random / 2 ** 32) * limit);
};

const values: readonly JsonValue[] = [1, "1", null, [], [1], {}, { a: 1 }, { a: { b: 1 } }];
const names = ["x", "y", "z"];

const randomFields = (): Record<string, JsonValue> =>
  Object.fromEntries(
    names.filter(() => below(2) === 0).map((name) => [name, values[below(values.length)] ?? 1]),
  );

/** Another slot of the same entity: gone, changed, grown, put right by a snapshot, or as it was. */
const next = (before: Slot | undefined, n: number): Slot => {
  const value = before?.value;
  const choice = below(30);
  if (value === undefined || choice === 0) {
    const isGone = below(3) === 0;
    return { value: isGone ? undefined : randomFields(), n, lists: undefined, damage: undefined };
  }
  const { lists, damage } = before ?? {};
  if (choice === 1)
    return { value, n, lists: { ...lists, l: listOf([below(9), below(9)]) }, damage };
  if (choice < 4)
    return { value, n, lists: { ...lists, l: appendItem(lists?.["l"], below(9)) }, damage };
  return { value: randomFields(), n, lists, damage };
};

it(`a slot is what it was when it is put together again from what is kept (seed ${seed})`, () => {
  let [slot, told]: (Slot | undefined)[] = [undefined, undefined];
  let patches = 0;
  const met = new Set<number>();
  for (let n = 1; n < 3_000; n += 1) {
    const after = next(slot, n);
    const { kind, value, fields } = keptChange(slot, after, patches);
    patches = patchesAfter(kind, patches);
    met.add(kind);
    const draft = draftOf(told);
    applyTo(draft, kind, n, JSON.parse(JSON.stringify(value)) as KeptValue);
    told = draft;
    expect(valueOf(told)).toEqual(valueOf(after));
    expect(told.n).toBe(n);
    const [one, other] = [valueOf(slot) ?? {}, valueOf(after) ?? {}] as Record<string, unknown>[];
    const changed = Object.keys({ ...one, ...other }).filter(
      (name) => JSON.stringify(one?.[name]) !== JSON.stringify(other?.[name]),
    );
    expect(fields.toSorted()).toEqual(changed.toSorted());
    slot = after;
  }
  const { none: _, ...possible } = kinds;
  expect(met).toEqual(new Set(Object.values(possible)));
});
