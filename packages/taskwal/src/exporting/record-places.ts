/**
 * Where the records of a range stand: whose they are and when they were. Read once, before the entities are told one by one.
 *
 *     record ─┬─ whose  ─> which entities there are, in the order of their first record
 *             └─ when   ─> twelve bytes a record: for arrows from a cause, and for what lies between two records
 *
 * The rule: nothing of a record is kept but that.
 */
import type { EntityRef } from "@taskwal/replay";
import { wantedRecords, type ExportSource } from "./export-source.ts";

export interface Lane {
  readonly ref: EntityRef;
  /** From 1 on. */
  readonly number: number;
  /** The number of its kind, from 1 on. */
  readonly kind: number;
}

export interface RecordPlaces {
  readonly lanes: readonly Lane[];
  /** Of what kinds they are: the first is number 1. */
  readonly kinds: readonly string[];
  /** Milliseconds: of the first record that is told; 0 if there is none. */
  readonly startMs: number;
  /** Of the last one. */
  readonly endMs: number;
  /** Whose the record is; undefined for one of the engine's, or one that is not told. */
  readonly laneOf: (sequence: number) => Lane | undefined;
  /** Its time, or that of the last one before it that is told. */
  readonly timeOf: (sequence: number) => number;
}

export const readPlaces = async (source: ExportSource): Promise<RecordPlaces> => {
  const lanes = new Map<string, Lane>();
  const kinds: string[] = [];
  const length = Math.max(0, source.to - source.after) + 1;
  const owners = new Uint32Array(length);
  const times = new Float64Array(length).fill(Number.NaN);
  let startMs: number | undefined;
  let endMs = 0;
  for await (const step of wantedRecords(source)) {
    if (step.kind === "gap") continue;
    const { sequence, at, entity, id } = step;
    startMs ??= at;
    endMs = at;
    times[sequence - source.after] = at;
    if (entity === undefined || id === undefined) continue;
    const key = `${entity}\n${id}`;
    let lane = lanes.get(key);
    if (!lane) {
      if (!kinds.includes(entity)) kinds.push(entity);
      lane = { ref: { entity, id }, number: lanes.size + 1, kind: kinds.indexOf(entity) + 1 };
      lanes.set(key, lane);
    }
    owners[sequence - source.after] = lane.number;
  }
  const list = [...lanes.values()];
  return {
    lanes: list,
    kinds,
    startMs: startMs ?? 0,
    endMs,
    laneOf: (sequence) => list[(owners[sequence - source.after] ?? 0) - 1],
    timeOf: (sequence) => {
      for (let at = Math.min(length - 1, sequence - source.after); at >= 0; at -= 1) {
        const time = times[at];
        if (time !== undefined && !Number.isNaN(time)) return time;
      }
      return startMs ?? 0;
    },
  };
};
