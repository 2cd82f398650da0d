/**
 * What tells two states apart, also of two directories: a copy and what it was made of, a fork and its parent.
 *
 *     a   6f 70 81            6f: field by field     70, 81: gone     90: new
 *     b   6f       90
 *
 * The rule: two entities are held at a time; fields are compared as between two points of one log (field-changes.ts).
 */
import type { EntityModel, Model } from "@taskwal/core";
import type { JsonValue } from "@taskwal/format";
import { valueChanges } from "./field-changes.ts";
import type { EntityRef, FieldChange, StateAt } from "./offline.ts";

export interface DifferingEntity {
  readonly ref: EntityRef;
  /** `old` is that of `a`. An entity that only `a` has is one change without a path. */
  readonly changes: readonly FieldChange[];
}

/** Both states were read with that model. */
export async function* differingEntities(
  model: Model,
  a: StateAt,
  b: StateAt,
): AsyncGenerator<DifferingEntity> {
  for (const definition of model.entities.values()) {
    const { name: entity } = definition;
    const gone = new Set(a.ids(entity));
    for await (const { id, value } of a.list(entity)) {
      const ref = { entity, id };
      const changes = changesBetween(definition, value, await b.get(ref));
      if (changes.length > 0) yield { ref, changes };
    }
    for (const id of b.ids(entity).filter((one) => !gone.has(one))) {
      const ref = { entity, id };
      yield { ref, changes: changesBetween(definition, undefined, await b.get(ref)) };
    }
  }
}

type Fields = Readonly<Record<string, JsonValue>>;

const changesBetween = ({ lists }: EntityModel, old: unknown, now: unknown): FieldChange[] => {
  if (now === undefined) return old === undefined ? [] : [{ path: [], old, new: undefined }];
  const [before, after] = [(old ?? {}) as Fields, now as Fields];
  const changes = valueChanges([], without(before, lists), without(after, lists));
  for (const name of lists.keys()) {
    const [one, other] = [itemsOf(before, name), itemsOf(after, name)];
    for (let index = 0; index < Math.max(one.length, other.length); index += 1)
      changes.push(...valueChanges([name, index], one[index], other[index]));
  }
  return changes;
};

const without = (fields: Fields, lists: EntityModel["lists"]): Fields =>
  Object.fromEntries(Object.entries(fields).filter(([name]) => !lists.has(name)));

const itemsOf = (fields: Fields, list: string): readonly JsonValue[] => {
  const items = Object.hasOwn(fields, list) ? fields[list] : undefined;
  return Array.isArray(items) ? items : [];
};
