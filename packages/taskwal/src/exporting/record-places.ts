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
  /** Milliseconds since the epoch: of the first record that is told; 0 if there is none. All times count from there. */
  readonly startMs: number;
  /** Of the last one, in microseconds. */
  readonly endUs: number;
  /** Whose the record is; undefined for one of the engine's, or one that is not told. */
  readonly laneOf: (sequence: number) => Lane | undefined;
  /**
   * Its time, or that of the last one before it that is told, in microseconds. From one record of an entity to the next
   * it steps on by one at least, whatever the clock did: else what is between them would overlap or have no length.
   */
  readonly usOf: (sequence: number) => number;
}

export const readPlaces = async (source: ExportSource): Promise<RecordPlaces> => {
  const lanes = new Map<string, Lane>();
  const kinds: string[] = [];
  const length = Math.max(0, source.to - source.after) + 1;
  const owners = new Uint32Array(length);
  const times = new Float64Array(length).fill(Number.NaN);
  /** By the number of a lane. */
  const latest: number[] = [];
  let startMs: number | undefined;
  let endUs = 0;
  for await (const step of wantedRecords(source)) {
    if (step.kind === "gap") continue;
    const { sequence, at, entity, id } = step;
    startMs ??= at;
    const us = microseconds(at, startMs);
    endUs = us;
    times[sequence - source.after] = us;
    if (entity === undefined || id === undefined) continue;
    const key = `${entity}\n${id}`;
    let lane = lanes.get(key);
    if (!lane) {
      if (!kinds.includes(entity)) kinds.push(entity);
      lane = { ref: { entity, id }, number: lanes.size + 1, kind: kinds.indexOf(entity) + 1 };
      lanes.set(key, lane);
    }
    owners[sequence - source.after] = lane.number;
    const next = Math.max(us, (latest[lane.number] ?? -1) + 1);
    latest[lane.number] = next;
    times[sequence - source.after] = next;
  }
  const list = [...lanes.values()];
  return {
    lanes: list,
    kinds,
    startMs: startMs ?? 0,
    endUs,
    laneOf: (sequence) => list[(owners[sequence - source.after] ?? 0) - 1],
    usOf: (sequence) => {
      for (let at = Math.min(length - 1, sequence - source.after); at >= 0; at -= 1) {
        const time = times[at];
        if (time !== undefined && !Number.isNaN(time)) return time;
      }
      return 0;
    },
  };
};

/** Whole microseconds from `startMs` on; 0 for what is before it. */
export const microseconds = (atMs: number, startMs: number): number =>
  Math.max(0, Math.round((atMs - startMs) * 1_000));
