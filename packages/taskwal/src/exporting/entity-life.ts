/**
 * What became of one entity in a range, as stays in a status.
 *
 *     enter pending ─ change ─ leave │ enter in_progress ─ change ─ change ─ leave │ …
 *
 * The rule: one stay at a time, and its times never step back, whatever the clock did; what a stay crossed is told
 * where it ends. An entity without a field `status` has one stay, "present".
 */
import type { Change, Gap } from "@taskwal/replay";
import { hidden } from "../reading/change-lines.ts";
import { plainJson } from "../reading/plain-text.ts";
import type { Redaction } from "../reading/redaction.ts";
import type { ExportSource } from "./export-source.ts";
import type { Lane, RecordPlaces } from "./record-places.ts";

export interface Enter {
  readonly kind: "enter";
  readonly status: string;
  readonly atUs: number;
  /** The record that began it; of one that lasts from before the range on, the point where the range begins. */
  readonly sequence: number;
}

export interface Leave {
  readonly kind: "leave";
  readonly atUs: number;
  /** The record that ended it; undefined: it lasts beyond the range. */
  readonly sequence: number | undefined;
  /** Records that are missing from within it. */
  readonly gaps: readonly Gap[];
}

export type LifeStep =
  | Enter
  | Leave
  /** Within a stay: the one that it began, or for the last one of an entity that goes, the one that it ended. */
  | { readonly kind: "change"; readonly change: Change; readonly atUs: number };

export async function* lifeOf(
  { offline, after, to, redaction }: ExportSource,
  { ref }: Lane,
  { endUs, usOf }: RecordPlaces,
): AsyncGenerator<LifeStep> {
  let status: string | undefined;
  let isIn = false;
  let atUs = 0;
  let gaps: Gap[] = [];
  for await (const step of offline.trace(ref.id)) {
    if (!("changes" in step)) {
      if (isIn && step.from <= to) gaps.push(step);
      continue;
    }
    const { sequence } = step;
    if (sequence > to) break;
    if (step.entity !== ref.entity) continue;
    const next = statusBehind(step, status, redaction);
    if (sequence > after) {
      if (!isIn && status !== undefined) yield { kind: "enter", status, atUs, sequence: after };
      atUs = Math.max(atUs, usOf(sequence));
      const changes = step.changes.map((each) => hidden(step, each, redaction));
      const change = { kind: "change", change: { ...step, changes }, atUs } as const;
      if (next === undefined && status !== undefined) yield change;
      if (next !== status) {
        if (status !== undefined) yield { kind: "leave", atUs, sequence, gaps };
        gaps = [];
        if (next !== undefined) yield { kind: "enter", status: next, atUs, sequence };
      }
      if (next !== undefined) yield change;
      isIn = next !== undefined;
    }
    status = next;
  }
  if (isIn) yield { kind: "leave", atUs: Math.max(atUs, endUs), sequence: undefined, gaps };
}

/** Undefined while the entity is not there. */
const statusBehind = (
  { entity, changes }: Change,
  before: string | undefined,
  redaction: Redaction,
): string | undefined => {
  if (changes.length === 0) return before;
  if (changes.some(({ path, new: now }) => path.length === 0 && now === undefined))
    return undefined;
  const changed = changes.find(({ path }) => path.length === 1 && path[0] === "status");
  if (!changed) return before ?? "present";
  const shown = redaction.value(entity, ["status"], changed.new) ?? "present";
  return typeof shown === "string" ? shown : plainJson(shown);
};
