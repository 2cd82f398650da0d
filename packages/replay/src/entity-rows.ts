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
import type { EntityRef } from "./offline.ts";
import { kinds } from "./rows.ts";
import type { Track } from "./track.ts";
import { appliedSlot, type KeptValue } from "./track-value.ts";

/** What an entity was at a sequence below which nothing needs to be read. */
export interface Floor {
  readonly sequence: number;
  readonly slots: ReadonlyMap<number, Slot>;
}

const noFloor: Floor = { sequence: -1, slots: new Map() };

/** The entities of these ordinals behind `sequence`: those that were there by then, also if they are gone again. */
export const slotsAt = async (
  track: Track,
  ordinals: Iterable<number>,
  sequence: number,
  floor = noFloor,
): Promise<Map<number, Slot>> => {
  const needed: number[] = [];
  for (const ordinal of ordinals)
    for (const row of rowsBehind(track, ordinal, sequence, floor)) needed.push(row);
  const slots = new Map(floor.slots);
  for (const row of Float64Array.from(needed).sort()) {
    const ordinal = track.rows.value("entity", row) - 1;
    const kept = heldValue(track, row) ?? (await keptValue(track, row));
    slots.set(ordinal, slotBehind(track, row, slots.get(ordinal), kept));
  }
  return slots;
};

/** One of them; undefined if it was not there yet. */
export const slotAt = async (
  track: Track,
  ordinal: number,
  sequence: number,
): Promise<Slot | undefined> => (await slotsAt(track, [ordinal], sequence)).get(ordinal);

/** The rows that what an entity is behind `sequence` is made of, the latest first. */
function* rowsBehind(
  { rows }: Track,
  ordinal: number,
  sequence: number,
  floor: Floor,
): Generator<number> {
  let isSettled = false;
  let row = rows.lastAt(ordinal, sequence);
  while (row !== undefined && rows.value("sequence", row) > floor.sequence) {
    const kind = rows.kind(row);
    if (!isSettled || kind === kinds.append || kind === kinds.base) yield row;
    if (kind === kinds.base || kind === kinds.removed) return;
    isSettled ||= kind === kinds.whole;
    row = rows.before(row);
  }
}

/** What the entity of a row is behind it. */
export const slotBehind = (
  { rows }: Track,
  row: number,
  before: Slot | undefined,
  kept: KeptValue,
): Slot => appliedSlot(before, rows.kind(row), rows.value("n", row), kept);

/** Of a row, if it is in memory: a million of them are not waited for one by one. */
const heldValue = ({ rows, values }: Track, row: number): KeptValue | undefined => {
  const text = values.held(rows.value("startBytes", row), rows.value("bytes", row));
  return text === undefined ? undefined : (JSON.parse(text) as KeptValue);
};

export const keptValue = async (track: Track, row: number): Promise<KeptValue> => {
  const held = heldValue(track, row);
  if (held) return held;
  const { rows, values } = track;
  const text = await values.text(rows.value("startBytes", row), rows.value("bytes", row));
  return JSON.parse(text) as KeptValue;
};

/** The rows of an entity at sequences above `after` and up to `to`, the latest first. */
export function* rowsOf(
  { rows }: Track,
  ordinal: number,
  after: number,
  to: number,
): Generator<number> {
  let row = rows.lastAt(ordinal, to);
  while (row !== undefined && rows.value("sequence", row) > after) {
    yield row;
    row = rows.before(row);
  }
}

/** An entity's name has no line end; an id may. */
export const entityRef = ({ entities }: Track, ordinal: number): EntityRef => {
  const key = entities.list[ordinal] ?? "";
  const lineEnd = key.indexOf("\n");
  return { entity: key.slice(0, lineEnd), id: key.slice(lineEnd + 1) };
};

/** Whether it is there behind `sequence`. */
export const isThereAt = ({ rows }: Track, ordinal: number, sequence: number): boolean => {
  const row = rows.lastAt(ordinal, sequence);
  return row !== undefined && rows.kind(row) !== kinds.removed;
};
