/**
 * Which record made a field what it is.
 *
 *     rows of an entity, the latest first      each with the set of names that it changed: known without its value
 *       @9 {status, updatedAt}   @7 {logs}   @4 {status}
 *
 * The rule: exact. Items of a list are found by counting back the appends; what lies below a field, by going through what
 * each row made of the entity.
 */
import { entityRef, rowsOf, slotAt } from "./entity-rows.ts";
import { entitySteps, setterOf } from "./entity-changes.ts";
import { fieldChanges, valueOf } from "./field-changes.ts";
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
  /** From the state behind `after` to that behind `to`. */
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
  const rows = [...rowsOf(track, ordinal, after, to)];
  const [latest = 0] = rows;
  const rowsWith = (name: string): number[] => rows.filter((row) => namesIn(track, row).has(name));
  let below: ReadonlyMap<string, number> | undefined;
  const rowOf = async ({ path }: FieldChange): Promise<number> => {
    const [name, index] = path;
    if (name === undefined) return latest;
    const setters = rowsWith(String(name));
    const length = lengths.get(String(name));
    if (length !== undefined && typeof index === "number")
      return itemSetter(track, setters, length - index) ?? latest;
    if (path.length === 1 || setters.length === 1) return setters[0] ?? latest;
    below ??= await settersBelow(track, ordinal, after, to);
    return latestAbove(below, path) ?? latest;
  };
  const told: Difference["entities"][number]["changes"][number][] = [];
  for (const change of changes) {
    const { sequence, type } = setterOf(track, await rowOf(change));
    told.push({ ...change, sequence, type });
  }
  return { ref: entityRef(track, ordinal), changes: told };
};

const noNames: ReadonlySet<string> = new Set();

const namesIn = ({ rows, fieldSets }: Track, row: number): ReadonlySet<string> =>
  fieldSets[rows.value("fields", row)] ?? noNames;

/** The row of the item that is the `fromEnd`-th from the end, 1 the last; what was not appended came with a whole list. */
const itemSetter = (
  { rows }: Track,
  setters: readonly number[],
  fromEnd: number,
): number | undefined => {
  let rest = fromEnd;
  for (const row of setters) {
    if (rows.kind(row) !== kinds.append) return row;
    rest -= 1;
    if (rest === 0) return row;
  }
  return undefined;
};

/** The last row that changed each path. */
const settersBelow = async (
  track: Track,
  ordinal: number,
  after: number,
  to: number,
): Promise<ReadonlyMap<string, number>> => {
  const setters = new Map<string, number>();
  for await (const { row, before, after: now } of entitySteps(track, ordinal, after, to)) {
    for (const { path } of fieldChanges(before, now)) setters.set(JSON.stringify(path), row);
  }
  return setters;
};

/** The latest row that changed the path, or something that it lies in. */
const latestAbove = (
  setters: ReadonlyMap<string, number>,
  path: FieldChange["path"],
): number | undefined => {
  const rows = path.map((_, index) => setters.get(JSON.stringify(path.slice(0, index + 1))) ?? -1);
  const row = Math.max(...rows);
  return row < 0 ? undefined : row;
};
