/**
 * Which record made a field what it is.
 *
 *     rows of an entity, the latest first      each with the set of names that it changed: known without its value
 *       @9 {status, updatedAt}   @7 {logs}   @4 {status}
 *
 * The rule: exact. Items of a list are found by counting back the appends, where there was nothing else; what lies below a
 * field, by looking at what the rows that changed the field made of it.
 */
import type { Slot } from "@taskwal/core";
import { canonicalJson } from "@taskwal/format";
import { entitySteps, setterOf } from "./entity-changes.ts";
import { entityRef, keptValue, slotAt } from "./entity-rows.ts";
import { namesIn, rowsByName, type Span } from "./entity-span.ts";
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
  const byName = rowsByName(track, track.rows.of(ordinal, -1, sequence));
  return Object.entries(value ?? {}).flatMap(([name, field]) => {
    const setters = byName.get(name) ?? [];
    const row = setters.at(-1);
    if (row === undefined) return [];
    const setter = setterOf(track, row);
    return [{ path: [name], value: field as unknown, ...setter, changes: setters.length }];
  });
};

export interface ChangedEntity {
  /** Between the states behind both ends of a span, in either direction. */
  readonly changes: readonly FieldChange[];
  /** As they are behind the span; items are not needed. */
  readonly lists: Slot["lists"];
}

/** The changes of an entity, each with the record of the span that made it last. */
export const withSetters = async (
  track: Track,
  span: Span,
  { changes, lists }: ChangedEntity,
): Promise<Difference["entities"][number]> => {
  // A record that changed nothing, such as one of an entity that is gone, made nothing what it is.
  const latest = span.rows.findLast((row) => namesIn(track, row).size > 0) ?? 0;
  const appends = new Map<string, readonly number[]>();
  const rows: (number | undefined)[] = [];
  for (const { path, old, new: now } of changes) {
    const [name, ...below] = path;
    const [index] = below;
    const setters = span.byName.get(String(name)) ?? [];
    // What an item lacks was perhaps taken away with the item that stood there before.
    const isLacking = below.length > 1 && (old === undefined || now === undefined);
    if (typeof index === "number" && isLacking) rows.push(undefined);
    else if (typeof index === "number") {
      const list = String(name);
      // Once a list, not once an item.
      const appended = appends.get(list) ?? lastAppends(track, setters);
      appends.set(list, appended);
      const fromEnd = (lists?.[list]?.length ?? 0) - index;
      rows.push(fromEnd > 0 ? appended.at(-fromEnd) : undefined);
    } else if (below.length > 0 && setters.length > 1) {
      rows.push(await setterBelow(track, setters, path));
    } else rows.push(setters.at(-1) ?? latest);
  }
  const open = rows.includes(undefined)
    ? changes.flatMap(({ path }, index) => (rows[index] === undefined ? [path] : []))
    : [];
  const found = open.length > 0 ? await lookedUp(track, span, open) : undefined;
  return {
    ref: entityRef(track, span.ordinal),
    changes: changes.map(({ path, old, new: now }, index) => {
      const row = rows[index] ?? found?.get(path) ?? latest;
      const type = track.types.list[track.rows.value("type", row)] ?? "";
      return { path, old, new: now, sequence: track.rows.value("sequence", row), type };
    }),
  };
};

/** Those behind which there was nothing else: the n-th from the end made the item that is the n-th from the end. */
const lastAppends = ({ rows }: Track, setters: readonly number[]): readonly number[] =>
  setters.slice(setters.findLastIndex((row) => rows.kind(row) !== kinds.append) + 1);

/** Of each path, the last row behind which something else stands there than before: what each row made of the entity is looked at. */
const lookedUp = async (
  track: Track,
  { ordinal, after, to }: Span,
  paths: readonly FieldChange["path"][],
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
  path: FieldChange["path"],
): Promise<number> => {
  let setter = setters.at(-1) ?? 0;
  let text: string | undefined;
  for (const row of setters.toReversed()) {
    const { value, set = value } = await keptValue(track, row);
    const before = textAt(set, path);
    if (row !== setter && before !== text) return setter;
    [setter, text] = [row, before];
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
