/**
 * What lies between two points of a log.
 *
 *     a ──── rows ────> b      the entities of these rows ─> what they were at a, what at b ─> field by field, with setters
 *
 * The rule: only entities that a record between the points touched are looked at.
 */
import { slotsAt } from "./entity-rows.ts";
import { fieldChanges } from "./field-changes.ts";
import { withSetters, type ChangedEntity } from "./field-setters.ts";
import type { Difference } from "./offline.ts";
import { provenanceOf } from "./provenance.ts";
import type { Track } from "./track.ts";

/** From the state behind `a` to that behind `b`, also where b is the earlier one. */
export const diffPoints = async (track: Track, a: number, b: number): Promise<Difference> => {
  const [low, high] = a <= b ? [a, b] : [b, a];
  const entities: Difference["entities"][number][] = [];
  for (const changed of await changedEntities(track, low, high, a > b)) {
    entities.push(await withSetters(track, changed, low, high));
  }
  const name = ({ ref }: Difference["entities"][number]): string => `${ref.entity}\n${ref.id}`;
  return {
    a: provenanceOf(track, a),
    b: provenanceOf(track, b),
    entities: entities.toSorted((one, other) => (name(one) < name(other) ? -1 : 1)),
  };
};

const changedEntities = async (
  track: Track,
  low: number,
  high: number,
  isBackwards: boolean,
): Promise<ChangedEntity[]> => {
  const { rows } = track;
  const touched = new Set<number>();
  for (let row = rows.countTo(low); row < rows.countTo(high); row++) {
    const entity = rows.value("entity", row);
    if (entity > 0) touched.add(entity - 1);
  }
  const before = await slotsAt(track, touched, low);
  const after = await slotsAt(track, touched, high, { sequence: low, slots: before });
  const changed: ChangedEntity[] = [];
  for (const [ordinal, slot] of after) {
    const [from, to] = isBackwards ? [slot, before.get(ordinal)] : [before.get(ordinal), slot];
    const changes = fieldChanges(from, to);
    const lengths = new Map(
      Object.entries(slot.lists ?? {}).map(([name, { length }]) => [name, length]),
    );
    if (changes.length > 0) changed.push({ ordinal, changes, lengths });
  }
  return changed;
};
