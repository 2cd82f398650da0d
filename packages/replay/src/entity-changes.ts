/**
 * What each record did to an entity, from the rows of a track.
 *
 *     rows of it ─ from the oldest ─> row, before, after ─> field by field (field-changes.ts)
 *
 * The rule: memory is that of one entity.
 */
import type { Model, Slot } from "@taskwal/core";
import { entityRef, keptValue, slotAt, slotBehind } from "./entity-rows.ts";
import { fieldChanges, valueOf } from "./field-changes.ts";
import type { Change, EntityRef, Gap, Predicate } from "./offline.ts";
import type { Track } from "./track.ts";

interface Step {
  readonly row: number;
  readonly before: Slot | undefined;
  readonly after: Slot;
}

/** The rows of an entity above `after` and up to `to`, from the oldest on. */
export async function* entitySteps(
  track: Track,
  ordinal: number,
  after: number,
  to: number,
): AsyncGenerator<Step> {
  let before = await slotAt(track, ordinal, after);
  for (const row of track.rows.of(ordinal, after, to)) {
    const slot = slotBehind(track, row, before, await keptValue(track, row));
    yield { row, before, after: slot };
    before = slot;
  }
}

/** Every place above `after` and up to `to` at which the answer about an entity turned. */
export async function* flipsOf(
  track: Track,
  { ref, test }: Predicate,
  after: number,
  to: number,
): AsyncGenerator<{ readonly sequence: number; readonly value: boolean }> {
  const ordinal = track.entities.find(`${ref.entity}\n${ref.id}`);
  if (ordinal === undefined) return;
  let value: boolean | undefined;
  for await (const step of entitySteps(track, ordinal, after, to)) {
    value ??= test(valueOf(step.before));
    const now = test(valueOf(step.after));
    if (now !== value) yield { sequence: track.rows.value("sequence", step.row), value: now };
    value = now;
  }
}

/** All that touched the entities with that id, of whatever kind, and the gaps between. */
export async function* traceOf(
  track: Track,
  model: Model,
  id: string,
): AsyncGenerator<Change | Gap> {
  const ordinals = [...model.entities.values()].flatMap(
    ({ name }) => track.entities.find(`${name}\n${id}`) ?? [],
  );
  const gaps = [...track.log.gaps];
  for await (const change of merged(ordinals.map((ordinal) => changesOf(track, ordinal)))) {
    while (gaps[0] && gaps[0].from < change.sequence) yield* gaps.splice(0, 1);
    yield change;
  }
  yield* gaps;
}

async function* changesOf(track: Track, ordinal: number): AsyncGenerator<Change> {
  const ref = entityRef(track, ordinal);
  for await (const { row, before, after } of entitySteps(track, ordinal, -1, Infinity)) {
    yield { ...(await changeHead(track, ref, row)), changes: fieldChanges(before, after) };
  }
}

const changeHead = async (
  track: Track,
  ref: EntityRef,
  row: number,
): Promise<Omit<Change, "changes">> => {
  const { cause } = await keptValue(track, row);
  return { ...ref, ...setterOf(track, row), ...(cause !== undefined && { cause }) };
};

/** Who made the change of a row. */
export const setterOf = (
  { rows, types, actors }: Track,
  row: number,
): Pick<Change, "sequence" | "type" | "at" | "actor"> => {
  const at = rows.value("at", row);
  const actor = actors.list[rows.value("actor", row)] ?? "";
  return {
    sequence: rows.value("sequence", row),
    type: types.list[rows.value("type", row)] ?? "",
    at: Number.isNaN(at) ? undefined : at,
    ...(actor !== "" && { actor }),
  };
};

/** Several streams as one, in the order of their sequences. */
async function* merged(streams: readonly AsyncGenerator<Change>[]): AsyncGenerator<Change> {
  const heads = await Promise.all(
    streams.map(async (stream) => ({ stream, next: await stream.next() })),
  );
  for (;;) {
    let first: (typeof heads)[number] | undefined;
    for (const head of heads) {
      if (head.next.done) continue;
      if (!first || first.next.done || head.next.value.sequence < first.next.value.sequence)
        first = head;
    }
    if (!first || first.next.done) return;
    yield first.next.value;
    first.next = await first.stream.next();
  }
}
