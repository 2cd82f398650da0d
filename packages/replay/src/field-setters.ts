/**
 * Which record made a field what it is.
 *
 *     rows of an entity, the latest first      each with the set of names that it changed: known without its value
 *       @9 {status, updatedAt}   @7 {logs}   @4 {status}
 *
 * The rule: exact. Items of a list are found by counting back the appends, where there was nothing else; what lies below a
 * field, by looking at what the rows that changed the field made of it.
 */
import { canonicalJson } from "@taskwal/format";
import { entitySteps, setterOf } from "./entity-changes.ts";
import { entityRef, keptValue, rowsOf, slotAt } from "./entity-rows.ts";
import { valueOf } from "./field-changes.ts";
import type { Blame, Difference, FieldChange } from "./offline.ts";
import { kinds } from "./rows.ts";
import type { Track } from "./track.ts";

/** Of each field of the entity behind `sequence`: who set it last, and how often it was changed. */
export const blamedFields = async (
  track: Track,
  ordinal: number,
  sequence: number,
): Promise<Blame["fields"]> => {
  const value = valueOf(await slotAt(track, ordinal, sequence));
  const setters = new Map<string, { readonly row: number; changes: number }>();
  for (const row of rowsOf(track, ordinal, -1, sequence)) {
    for (const name of namesIn(track, row)) {
      const setter = setters.get(name);
      if (setter) setter.changes += 1;
      else setters.set(name, { row, changes: 1 });
    }
  }
  return Object.entries(value ?? {}).flatMap(([name, field]) => {
    const setter = setters.get(name);
    if (!setter) return [];
    const { row, changes } = setter;
    return [{ path: [name], value: field as unknown, ...setterOf(track, row), changes }];
  });
};

export interface ChangedEntity {
  readonly ordinal: number;
  /** Between the states behind `after` and behind `to`, in either direction. */
  readonly changes: readonly FieldChange[];
  /** How many items each list has behind `to`. */
  readonly lengths: ReadonlyMap<string, number>;
}

/** The changes of an entity, each with the record above `after` and up to `to` that made it last. */
export const withSetters = async (
  track: Track,
  { ordinal, changes, lengths }: ChangedEntity,
  after: number,
  to: number,
): Promise<Difference["entities"][number]> => {
  // A record that changed nothing, such as one of an entity that is gone, made nothing what it is.
  const all = [...rowsOf(track, ordinal, after, to)];
  const latest = all.find((row) => namesIn(track, row).size > 0) ?? 0;
  const byName = settersByName(track, all);
  /** Undefined for an item of a list that was not just appended to. */
  const rowOf = async (path: FieldChange["path"]): Promise<number | undefined> => {
    const [name, ...below] = path;
    const [index] = below;
    const rows = byName.get(String(name)) ?? [];
    if (typeof index === "number")
      return appendOf(track, rows, (lengths.get(String(name)) ?? 0) - index);
    const [only = latest] = rows;
    if (below.length === 0 || rows.length < 2) return only;
    return setterBelow(track, rows, String(name), below);
  };
  const rows = new Map<FieldChange["path"], number>();
  for (const { path } of changes) {
    const row = await rowOf(path);
    if (row !== undefined) rows.set(path, row);
  }
  const rest = changes.map(({ path }) => path).filter((path) => !rows.has(path));
  if (rest.length > 0) {
    for (const [path, row] of await lookedUp(track, ordinal, rest, [after, to]))
      rows.set(path, row);
  }
  return {
    ref: entityRef(track, ordinal),
    changes: changes.map((change) => {
      const { sequence, type } = setterOf(track, rows.get(change.path) ?? latest);
      return { ...change, sequence, type };
    }),
  };
};

/** By field, the rows that changed it, the latest first. */
const settersByName = (
  track: Track,
  rows: readonly number[],
): ReadonlyMap<string, readonly number[]> => {
  const setters = new Map<string, number[]>();
  for (const row of rows) {
    for (const name of namesIn(track, row)) {
      const known = setters.get(name);
      if (known) known.push(row);
      else setters.set(name, [row]);
    }
  }
  return setters;
};

const noNames: ReadonlySet<string> = new Set();

const namesIn = ({ rows, fieldSets }: Track, row: number): ReadonlySet<string> =>
  fieldSets[rows.value("fields", row)] ?? noNames;

/** The row of the item that is the `fromEnd`-th from the end, 1 the last; undefined if it is not known to be an append. */
const appendOf = (
  { rows }: Track,
  setters: readonly number[],
  fromEnd: number,
): number | undefined => {
  const whole = setters.findIndex((row) => rows.kind(row) !== kinds.append);
  return fromEnd > 0 && (whole < 0 || fromEnd <= whole) ? setters[fromEnd - 1] : undefined;
};

/** Of each path, the last row behind which something else stands there than before: what each row made of the entity is looked at. */
const lookedUp = async (
  track: Track,
  ordinal: number,
  paths: readonly FieldChange["path"][],
  [after, to]: readonly [number, number],
): Promise<ReadonlyMap<FieldChange["path"], number>> => {
  const setters = new Map<FieldChange["path"], number>();
  const start = valueOf(await slotAt(track, ordinal, after));
  const texts = new Map(paths.map((path) => [path, textAt(start, path)]));
  for await (const { row, after: slot } of entitySteps(track, ordinal, after, to)) {
    const value = valueOf(slot);
    for (const [path, before] of texts) {
      const text = textAt(value, path);
      if (text === before) continue;
      texts.set(path, text);
      setters.set(path, row);
    }
  }
  return setters;
};

/** The latest of the rows that changed a field behind which what lies below it is another than behind the one before. */
const setterBelow = async (
  track: Track,
  setters: readonly number[],
  name: string,
  path: FieldChange["path"],
): Promise<number> => {
  let [setter = 0] = setters;
  let value: string | undefined;
  for (const row of setters) {
    const { value: whole, set = whole } = await keptValue(track, row);
    const text = textAt(set, [name, ...path]);
    if (row !== setter && text !== value) return setter;
    [setter, value] = [row, text];
  }
  return setter;
};

/** What stands at a path, as text; undefined if nothing does. */
const textAt = (value: unknown, path: FieldChange["path"]): string | undefined => {
  let at = value;
  for (const name of path) {
    if (typeof at !== "object" || at === null || !Object.hasOwn(at, name)) return undefined;
    at = (at as Record<string, unknown>)[name];
  }
  return canonicalJson(at);
};
