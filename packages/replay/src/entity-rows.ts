/**
 * Entities as they were, put together from the rows of a track.
 *
 *     base ─ patch ─ patch ─ append ─ whole ─ patch ─ append        rows of one entity
 *       └ lists from here on      ^      └ value from here on ^
 *                                 └────────── items ──────────┘     what the entity is behind the last one
 *
 * The rule: rows are read in the order in which they lie, whatever number of entities is asked for.
 */
import type { Slot } from "@taskwal/core";
import { namesIn } from "./entity-span.ts";
import type { EntityRef } from "./offline.ts";
import { kinds, type Kind, type Rows } from "./rows.ts";
import type { Track } from "./track.ts";
import { applyTo, draftOf, type KeptValue, type SlotDraft } from "./track-value.ts";
import type { ValuePlace } from "./value-file.ts";

/** The entities of these ordinals behind `sequence`, in their order: those that were there by then, also if they are gone again. */
export async function* slotsAt(
  track: Track,
  ordinals: readonly number[],
  sequence: number,
): AsyncGenerator<readonly [ordinal: number, slot: Slot]> {
  for (const batch of batchesOf(track, ordinals)) {
    const needed: number[] = [];
    for (const ordinal of batch) addNeeded(track, track.rows.of(ordinal, -1, sequence), needed);
    const slots = await assembled(track, needed);
    for (const ordinal of batch) {
      const slot = slots.get(ordinal);
      if (slot) yield [ordinal, slot];
    }
  }
}

/** Few are let go while they are young still, which the garbage collector likes; fewer yet are no faster. */
const batchEntities = 128;

/** Values that memory does not hold are read again for each batch. */
const batchesMax = 16;

/** Ordinals of entities, as many at a time as are put together at a time. */
export function* batchesOf(
  { values }: Track,
  ordinals: readonly number[],
): Generator<readonly number[]> {
  const most = values.fitInMemory ? Infinity : batchesMax;
  const size = Math.max(batchEntities, Math.ceil(ordinals.length / most));
  for (let from = 0; from < ordinals.length; from += size) yield ordinals.slice(from, from + size);
}

/** What entities are behind these rows of theirs, and behind what they were `before`. */
export const assembled = async (
  track: Track,
  needed: readonly number[],
  before: ReadonlyMap<number, Slot> = new Map(),
): Promise<Map<number, Slot>> => {
  const [entities, kind, n] = [
    track.rows.column("entity"),
    track.rows.column("kind"),
    track.rows.column("n"),
  ];
  const slots = new Map<number, SlotDraft>();
  const ordered = Float64Array.from(needed).sort();
  for (let from = 0; from < ordered.length;) {
    for (const kept of await keptValues(track, ordered, from)) {
      const row = ordered[from++] ?? 0;
      const ordinal = (entities[row] ?? 0) - 1;
      let slot = slots.get(ordinal);
      if (!slot) slots.set(ordinal, (slot = draftOf(before.get(ordinal))));
      applyTo(slot, kind[row] as Kind, n[row] ?? 0, kept);
    }
  }
  return slots;
};

/** One of them; undefined if it was not there yet. */
export const slotAt = async (
  track: Track,
  ordinal: number,
  sequence: number,
): Promise<Slot | undefined> => {
  const needed: number[] = [];
  addNeeded(track, track.rows.of(ordinal, -1, sequence), needed);
  return (await assembled(track, needed)).get(ordinal);
};

/** Of the rows of an entity, from its first on or from some later one, those that what it is behind the last of them is made of. */
export const addNeeded = ({ rows }: Track, all: Uint32Array, needed: number[]): void => {
  let isSettled = false;
  for (let at = all.length - 1; at >= 0; at--) {
    const row = all[at] ?? 0;
    const kind = rows.kind(row);
    if (!isSettled || kind === kinds.append || kind === kinds.base) needed.push(row);
    if (kind === kinds.base || kind === kinds.removed) return;
    isSettled ||= kind === kinds.whole;
  }
};

/** Of the rows of an entity those that hold what the fields of these names are behind the last of them, and maybe others. */
export const addNamed = (
  track: Track,
  all: Uint32Array,
  names: Iterable<string>,
  needed: number[],
): void => {
  const missing = new Set(names);
  for (let at = all.length - 1; at >= 0 && missing.size > 0; at--) {
    const row = all[at] ?? 0;
    const kind = track.rows.kind(row);
    if (kind === kinds.append) continue;
    const known = missing.size;
    for (const name of namesIn(track, row)) missing.delete(name);
    const isWhole = kind === kinds.whole || kind === kinds.base;
    if (isWhole || missing.size < known) needed.push(row);
    if (isWhole) return;
  }
};

/** What the entity of a row is behind it. */
export const slotBehind = (
  { rows }: Track,
  row: number,
  before: Slot | undefined,
  kept: KeptValue,
): Slot => {
  const slot = draftOf(before);
  applyTo(slot, rows.kind(row), rows.value("n", row), kept);
  return slot;
};

export const keptValue = async ({ rows, values }: Track, row: number): Promise<KeptValue> =>
  JSON.parse(await values.text(placeOf(rows, row))) as KeptValue;

/** So many bytes are parsed at once, or one text that is longer. */
const joinedBytesMax = 64 * 1024;

/** What the rows from the `from`-th of them on keep: of as many as are read together. */
const keptValues = async (
  { rows, values }: Track,
  needed: ArrayLike<number>,
  from: number,
): Promise<readonly KeptValue[]> => {
  const places: ValuePlace[] = [];
  for (let at = from, bytes = 0; at < needed.length && bytes < joinedBytesMax; at++) {
    const place = placeOf(rows, needed[at] ?? 0);
    places.push(place);
    bytes += place.bytes;
  }
  return JSON.parse(await values.array(places)) as KeptValue[];
};

const placeOf = (rows: Rows, row: number): ValuePlace => {
  return { startBytes: rows.value("startBytes", row), bytes: rows.value("bytes", row) };
};

export const entityRef = ({ entities }: Track, ordinal: number): EntityRef =>
  entityRefOf(entities.list[ordinal] ?? "");

/** From its name in the track. That of its kind has no line end; an id may. */
export const entityRefOf = (name: string): EntityRef => {
  const lineEnd = name.indexOf("\n");
  return { entity: name.slice(0, lineEnd), id: name.slice(lineEnd + 1) };
};

/** Whether it is there behind `sequence`. */
export const isThereAt = ({ rows }: Track, ordinal: number, sequence: number): boolean => {
  const row = rows.of(ordinal, -1, sequence).at(-1);
  return row !== undefined && rows.kind(row) !== kinds.removed;
};
