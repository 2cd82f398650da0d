/**
 * What an export is made of: the records and gaps of a range, and what may be told of them.
 *
 *     offline ─> records above `after` up to `to` ─ of these entities ─ counted ─> a format ─> pieces of text
 *
 * The rule: a format yields pieces and holds no more than one entity, so no file is ever in memory; a filter hides
 * records, never gaps; what is redacted is redacted in every format.
 */
import type { EntityRef, Gap, Info, Offline, OfflineRecord, Provenance } from "@taskwal/replay";
import { lostWithin } from "../reading/log.ts";
import type { Redaction } from "../reading/redaction.ts";

export interface ExportSource {
  readonly offline: Offline;
  readonly info: Pick<Info, "store" | "boots" | "marks">;
  /** Records above it, and up to `to`. */
  readonly after: number;
  readonly to: number;
  /** Of the state behind `to`. */
  readonly provenance: Provenance;
  readonly redaction: Redaction;
  /** Whether an entity was asked for. */
  readonly isWanted: (ref: EntityRef) => boolean;
  /** Whether all of them were. */
  readonly isWhole: boolean;
  /** What was told so far: of every reading of `records` once more. */
  readonly told: { records: number; lost: number };
}

export type ExportFormat = (source: ExportSource) => AsyncIterable<string>;

/** In the order of their sequences; the engine's own records only where all entities were asked for. */
export async function* wantedRecords(source: ExportSource): AsyncGenerator<OfflineRecord | Gap> {
  const { offline, after, to, told } = source;
  for await (const step of offline.records({ after, to })) {
    if (step.kind === "gap") told.lost += lostWithin(step, after, to);
    else if (isWantedRecord(step, source)) told.records += 1;
    else continue;
    yield step;
  }
}

const isWantedRecord = (
  { entity, id }: OfflineRecord,
  { isWhole, isWanted }: ExportSource,
): boolean => isWhole || (entity !== undefined && id !== undefined && isWanted({ entity, id }));

/** What a file says of itself, in the words of its format. */
export const headOf = ({ info, after, to, provenance, redaction }: ExportSource) => ({
  store: info.store,
  after,
  to,
  trust: provenance.trust,
  gaps: gapsOf(provenance, after).length,
  redacted: redaction.paths,
});

/** Those of the range. */
export const gapsOf = ({ gaps }: Pick<Provenance, "gaps">, after: number): readonly Gap[] =>
  gaps.filter(({ to }) => to > after);
