/**
 * What lies between two points of a log.
 *
 *     a ──── rows ────> b      the entities of these rows ─> what they were at a, what at b ─> field by field, with setters
 *
 * The rule: only entities that a record between the points touched are looked at; and of one that was there all the while
 * only the fields that these records changed, and how long its lists were.
 */
import { unknownItems, type ListView, type Slot } from "@taskwal/core";
import type { JsonValue } from "@taskwal/format";
import { addNamed, addNeeded, assembled, batchesOf } from "./entity-rows.ts";
import { spanOf, type Span } from "./entity-span.ts";
import { fieldChanges } from "./field-changes.ts";
import { withSetters } from "./field-setters.ts";
import type { Difference } from "./offline.ts";
import { provenanceOf } from "./provenance.ts";
import type { Track } from "./track.ts";

/** From the state behind `a` to that behind `b`, also where b is the earlier one. */
export const diffPoints = async (track: Track, a: number, b: number): Promise<Difference> => {
  const [low, high] = a <= b ? [a, b] : [b, a];
  const entities: Difference["entities"][number][] = [];
  for (const batch of batchesOf(track, touchedBetween(track, low, high))) {
    const spans = batch.map((ordinal) => spanOf(track, ordinal, low, high));
    const [before, after] = await ends(track, spans);
    for (const span of spans) {
      const [one, other] = slotsOf(span, before.get(span.ordinal), after.get(span.ordinal));
      const changes = a > b ? fieldChanges(other, one) : fieldChanges(one, other);
      if (changes.length > 0)
        entities.push(await withSetters(track, span, { changes, lists: other?.lists }));
    }
  }
  return { a: provenanceOf(track, a), b: provenanceOf(track, b), entities };
};

/** The ordinals of the entities that have rows between, by their names. */
const touchedBetween = ({ rows, entities }: Track, low: number, high: number): number[] => {
  const touched = new Set(rows.column("entity").subarray(rows.countTo(low), rows.countTo(high)));
  touched.delete(0);
  const name = (ordinal: number): string => entities.list[ordinal] ?? "";
  return [...touched]
    .map((entity) => entity - 1)
    .toSorted((one, other) => (name(one) < name(other) ? -1 : 1));
};

type Slots = ReadonlyMap<number, Slot>;

/** What is needed of each entity at both points. */
const ends = async (track: Track, spans: readonly Span[]): Promise<readonly [Slots, Slots]> => {
  const needed: { readonly before: number[]; readonly after: number[] } = { before: [], after: [] };
  for (const { ordinal, after, rows, byName, isSteady, fields, lists } of spans) {
    const earlier = track.rows.of(ordinal, -1, after);
    if (!isSteady) {
      addNeeded(track, earlier, needed.before);
      addNeeded(track, rows, needed.after);
      continue;
    }
    addNamed(track, earlier, fields, needed.before);
    addNamed(track, rows, fields, needed.after);
    // Not push(...rows): the appends of a long list do not fit on the stack.
    for (const list of lists) for (const row of byName.get(list) ?? []) needed.after.push(row);
  }
  const before = await assembled(track, needed.before);
  const turned = spans.filter(({ isSteady }) => !isSteady);
  const floor = turned.flatMap(({ ordinal }) => {
    const slot = before.get(ordinal);
    return slot ? [[ordinal, slot] as const] : [];
  });
  return [before, await assembled(track, needed.after, new Map(floor))];
};

/** Of a steady entity only what the rows between name; a list was the one that it is behind them, shorter by what they appended. */
const slotsOf = (
  { byName, isSteady, fields, lists }: Span,
  before: Slot | undefined,
  after: Slot | undefined,
): readonly [Slot | undefined, Slot | undefined] => {
  if (!isSteady || !after) return [before, after];
  const shorter = lists.map((name): [string, ListView] => {
    const { pieces, length } = after.lists?.[name] ?? unknownItems(0);
    return [name, { pieces, length: length - (byName.get(name)?.length ?? 0) }];
  });
  return [
    { ...after, value: picked(before?.value, fields), lists: Object.fromEntries(shorter) },
    { ...after, value: picked(after.value, fields) },
  ];
};

/** An object with those of the fields that are there. */
const picked = (value: JsonValue | undefined, names: readonly string[]): JsonValue => {
  const of = (value ?? {}) as Readonly<Record<string, JsonValue>>;
  const there: Record<string, JsonValue> = {};
  for (const name of names) {
    const field = Object.hasOwn(of, name) ? of[name] : undefined;
    if (field !== undefined) there[name] = field;
  }
  return there;
};
