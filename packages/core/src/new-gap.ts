/**
 * What a store has lost and no `$gap` record of it tells yet: what the next opening would write down.
 *
 *     holes that no snapshot makes up for ─┐
 *     entities that lost versions ─────────┴─ without what is told already ─> $gap
 */
import type { Model } from "./define-model.ts";
import type { HistoryState } from "./history.ts";
import { subtract } from "./recover.ts";
import { damagedEntities, viewState, type DamagedEntity } from "./snapshot-view.ts";
import type { GapData, LostVersions, Span } from "./system-record.ts";

export const newGap = (
  model: Model,
  { history, state, keys }: HistoryState,
): Pick<GapData, "lost" | "entities" | "unattributed"> => {
  const { gaps } = history.facts;
  const open = history.holes.filter(({ healedAt }) => healedAt === undefined);
  const lost = subtract(
    open.map(({ first, last }): Span => [first, last]),
    gaps.flatMap((gap) => gap.lost),
  );
  const entities = newLosses(damagedEntities(viewState(model, state, keys)), gaps);
  const attributed = count(entities.map(({ versions }) => versions));
  return { lost, entities, unattributed: Math.max(0, count(lost) - attributed) };
};

const count = (spans: readonly Span[]): number =>
  spans.reduce((sum, [first, last]) => sum + last - first + 1, 0);

const newLosses = (
  damaged: readonly DamagedEntity[],
  gaps: readonly GapData[],
): readonly LostVersions[] => {
  const keyOf = ({ entity, id, versions }: LostVersions): string =>
    JSON.stringify([entity, id, versions]);
  const told = new Set(gaps.flatMap(({ entities }) => entities.map(keyOf)));
  return damaged
    .flatMap(({ entity, id, lost }) => lost.map((versions) => ({ entity, id, versions })))
    .filter((one) => !told.has(keyOf(one)));
};
