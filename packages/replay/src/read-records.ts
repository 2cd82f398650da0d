/**
 * The records of a log as they were written, with the gaps between them.
 *
 *     the track   which records there are, and where sequences are gone        the files   what a record holds
 *
 * The rule: no reducer runs, and nothing is judged twice. What is not found where it should stand is looked for by a replay;
 * a segment that a writer removed meanwhile is a reason to list them anew, not to fail.
 */
import { errnoOf } from "@taskwal/errors";
import { openForReading, type Model } from "@taskwal/core";
import { openNodeDisk, type Directory } from "@taskwal/disk";
import { isSystemType, type LogRecord } from "@taskwal/format";
import { listLog, replayLog, seekRecords } from "@taskwal/log";
import { endOfLog } from "./log-report.ts";
import type { Gap, OfflineRecord } from "./offline.ts";
import type { Track } from "./track.ts";

/** Sequences above `after` and up to `to`. */
interface Range {
  readonly after: number;
  readonly to: number;
}

export type RecordsRange = Partial<Range> & { readonly reverse?: boolean };

type Step = OfflineRecord | Gap;

/** So many sequences are held at once where they are told from the last on. */
const stretchLength = 1_024;

export async function* recordsOf(
  dir: string,
  model: Model,
  track: Track,
  { after = 0, to = Infinity, reverse = false }: RecordsRange = {},
): AsyncGenerator<Step> {
  const { base } = track.log;
  const range = {
    after: Math.max(after, base?.sequence ?? 0),
    to: Math.min(to, endOfLog(track.log)),
  };
  const directory = await openForReading({ disk: openNodeDisk(), dir });
  try {
    const reading = { directory, model, track };
    if (reverse) yield* backward(reading, range);
    else yield* forward(reading, range);
  } finally {
    await directory.close();
  }
}

interface Reading {
  readonly directory: Directory;
  readonly model: Model;
  readonly track: Track;
}

async function* forward(reading: Reading, { after, to }: Range): AsyncGenerator<Step> {
  const { model, track } = reading;
  const gaps = track.log.gaps.filter((gap) => gap.to > after && gap.from <= to);
  for await (const record of logRecords(reading, { after, to })) {
    const sequence = "seq" in record ? record.seq : record.from;
    while (gaps[0] && gaps[0].from < sequence) yield* gaps.splice(0, 1);
    yield "seq" in record ? offlineRecord(record, model, track) : record;
  }
  yield* gaps;
}

/** A gap that reaches over several stretches is told once, where it ends. */
async function* backward(reading: Reading, { after, to }: Range): AsyncGenerator<Step> {
  for (let end = to; end > after; end -= stretchLength) {
    const steps: Step[] = [];
    for await (const step of forward(reading, {
      after: Math.max(after, end - stretchLength),
      to: end,
    })) {
      if (step.kind === "record" || step.to <= end || end === to) steps.push(step);
    }
    yield* steps.toReversed();
  }
}

/** Every record of the range that the track has, with what the files say of it; a gap where they no longer say it. */
async function* logRecords(
  reading: Reading,
  { after, to }: Range,
): AsyncGenerator<LogRecord | Gap> {
  let taken = after;
  for (const find of [soughtRecords, soughtRecords, replayedRecords]) {
    const expected = sequencesOf(reading.track, { after: taken, to });
    let next = expected.next();
    if (next.done) return;
    try {
      for await (const record of find(reading, { after: taken, to })) {
        if (next.done || record.seq < next.value) continue;
        if (record.seq > next.value && find !== replayedRecords) break;
        if (record.seq > next.value) yield goneMeanwhile(next.value, record.seq - 1);
        while (!next.done && next.value <= record.seq) next = expected.next();
        taken = record.seq;
        yield record;
        if (next.done) return;
      }
    } catch (error) {
      if (errnoOf(error) !== "ENOENT") throw error;
    }
  }
  yield goneMeanwhile(taken + 1, to);
}

const goneMeanwhile = (from: number, to: number): Gap => ({
  kind: "gap",
  from,
  to,
  reason: "it was there when the log was opened, and is no more",
});

/** Of all records, in their order. */
function* sequencesOf({ rows }: Track, { after, to }: Range): Generator<number, undefined> {
  const end = rows.countTo(to);
  let last = after;
  for (let row = rows.countTo(after); row < end; row += 1) {
    const sequence = rows.value("sequence", row);
    if (sequence === last || Number.isNaN(rows.value("at", row))) continue;
    last = sequence;
    yield sequence;
  }
  return undefined;
}

async function* soughtRecords(
  { directory, track }: Reading,
  { after, to }: Range,
): AsyncGenerator<LogRecord> {
  const listing = await listLog(directory, track.log.store, { onReadError: "damage" });
  yield* seekRecords(directory, listing, [after + 1, to]);
}

/** From the start of a segment on, so that no transaction is cut. */
async function* replayedRecords(
  { directory, track }: Reading,
  { after, to }: Range,
): AsyncGenerator<LogRecord> {
  const listing = await listLog(directory, track.log.store, { onReadError: "damage" });
  const start = listing.segments.findLast(({ id }) => id.first <= after + 1)?.id.first ?? 1;
  const base = Math.max(start - 1, track.log.base?.sequence ?? 0);
  const options = { base, promised: track.log.last, onReadError: "damage", until: to } as const;
  for await (const step of replayLog(directory, listing, options)) {
    if (step.kind !== "lost") yield* step.records.filter(({ seq }) => seq > after && seq <= to);
  }
}

const offlineRecord = (record: LogRecord, model: Model, { log, boots }: Track): OfflineRecord => {
  const { seq, at, type, v = 1, id, n, tx, actor, cause, key, trace, data } = record;
  const entity = model.mutations.get(type)?.entity.name ?? type.split(".")[0];
  return {
    kind: "record",
    sequence: seq,
    at,
    type,
    version: v,
    entity: isSystemType(type) ? undefined : entity,
    id,
    n,
    ...(tx && { tx }),
    ...(actor !== undefined && { actor }),
    ...(cause !== undefined && { cause }),
    ...(key !== undefined && { key }),
    ...(trace !== undefined && { trace }),
    data,
    file: log.segments.findLast(({ first, overridden }) => !overridden && first <= seq)?.name ?? "",
    boot: boots.findLast(({ first }) => first <= seq)?.boot ?? 0,
  };
};
