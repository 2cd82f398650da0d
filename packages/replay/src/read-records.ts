/**
 * The records of a log as they were written, with the gaps between them.
 *
 *     forward   one replay, step by step            reverse   the same, a segment at a time, from the last one on
 *
 * The rule: no reducer runs. A replay begins where a segment does, so that no transaction is cut; a segment that a writer
 * removed meanwhile is a reason to list them anew, not to fail.
 */
import { errnoOf } from "@taskwal/errors";
import { openForReading, type Model } from "@taskwal/core";
import { openNodeDisk, type Directory } from "@taskwal/disk";
import { isSystemType, type LogRecord } from "@taskwal/format";
import { listLog, replayLog } from "@taskwal/log";
import type { Gap, OfflineRecord } from "./offline.ts";
import type { Track } from "./track.ts";

/** Sequences above `after` and up to `to`. */
interface Range {
  readonly after: number;
  readonly to: number;
}

export type RecordsRange = Partial<Range> & { readonly reverse?: boolean };

type Step = OfflineRecord | Gap;

export async function* recordsOf(
  dir: string,
  model: Model,
  track: Track,
  { after = 0, to = Infinity, reverse = false }: RecordsRange = {},
): AsyncGenerator<Step> {
  const { last, base } = track.log;
  const range = { after: Math.max(after, base?.sequence ?? 0), to: Math.min(to, last) };
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
    while (gaps[0] && gaps[0].from < record.seq) yield* gaps.splice(0, 1);
    yield offlineRecord(record, model, track);
  }
  yield* gaps;
}

/** A gap that reaches over several segments is told once, where it ends. */
async function* backward(reading: Reading, { after, to }: Range): AsyncGenerator<Step> {
  const firsts = reading.track.log.segments
    .filter(({ first, overridden }) => !overridden && first - 1 > after && first <= to)
    .map(({ first }) => first - 1);
  let end = to;
  for (const start of [after, ...new Set(firsts)].toReversed()) {
    const steps: Step[] = [];
    for await (const step of forward(reading, { after: start, to: end })) {
      if (step.kind === "record" || step.to <= end || end === to) steps.push(step);
    }
    yield* steps.toReversed();
    end = start;
  }
}

/** Records that are gone from the files are told as gaps, by the track. */
async function* logRecords(reading: Reading, { after, to }: Range): AsyncGenerator<LogRecord> {
  let taken = after;
  for (;;) {
    try {
      for await (const record of replayed(reading, { after: taken, to })) {
        yield record;
        taken = record.seq;
      }
      return;
    } catch (error) {
      if (errnoOf(error) !== "ENOENT") throw error;
    }
  }
}

async function* replayed(
  { directory, track }: Reading,
  { after, to }: Range,
): AsyncGenerator<LogRecord> {
  if (after >= to) return;
  const listing = await listLog(directory, undefined, { onReadError: "damage" });
  const start = listing.segments.findLast(({ id }) => id.first <= after + 1)?.id.first ?? 1;
  const base = Math.max(start - 1, track.log.base?.sequence ?? 0);
  const options = { base, promised: track.log.last, onReadError: "damage", until: to } as const;
  for await (const step of replayLog(directory, listing, options)) {
    if (step.kind === "lost") continue;
    for (const record of step.records) {
      if (record.seq > to) return;
      if (record.seq > after) yield record;
    }
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
