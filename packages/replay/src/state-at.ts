/** The state behind a record. The rule: an entity is put together when it is asked for; of many only some are in memory. */
import type { Model } from "@taskwal/core";
import { entityRef, isThereAt, slotAt, slotsAt } from "./entity-rows.ts";
import { valueOf } from "./field-changes.ts";
import type { EntityRef, StateAt } from "./offline.ts";
import { provenanceOf } from "./provenance.ts";
import type { Track } from "./track.ts";

export const stateAt = (track: Track, model: Model, sequence: number): StateAt => {
  const idsOf = (entity: string): Map<string, number> => idsAt(track, entity, sequence);
  return {
    provenance: provenanceOf(track, sequence),
    entities: () => [...model.entities.values()].map(({ name }) => name),
    ids: (entity) => [...idsOf(entity).keys()],
    get: (ref) => entityAt(track, ref, sequence),
    list: async function* (entity) {
      for await (const [ordinal, slot] of slotsAt(track, [...idsOf(entity).values()], sequence))
        yield { id: entityRef(track, ordinal).id, value: valueOf(slot) };
    },
  };
};

/** The entity with its lists inline; undefined if it is not there. */
export const entityAt = async (
  track: Track,
  { entity, id }: EntityRef,
  sequence: number,
): Promise<unknown> => {
  const ordinal = track.entities.find(`${entity}\n${id}`);
  if (ordinal === undefined) return undefined;
  return valueOf(await slotAt(track, ordinal, sequence));
};

/** The ids that are there, in their order, with their ordinals. */
const idsAt = (track: Track, entity: string, sequence: number): Map<string, number> => {
  const found: (readonly [string, number])[] = [];
  for (const ordinal of track.entities.list.keys()) {
    const ref = entityRef(track, ordinal);
    if (ref.entity === entity && isThereAt(track, ordinal, sequence)) found.push([ref.id, ordinal]);
  }
  return new Map(found.toSorted(([one], [other]) => (one < other ? -1 : 1)));
};
