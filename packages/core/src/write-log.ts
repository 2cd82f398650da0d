/**
 * Records of one log as the log of another directory.
 *
 *     records ─ entries ─ batches, never inside a transaction ─> LogWriter ─ sealed
 *
 * The rule: sequences stay what they are; everything is durable on return.
 */
import { CorruptError, invariant } from "@taskwal/errors";
import type { Clock, Directory } from "@taskwal/disk";
import { hex32, limits, walFolder, type LogRecord } from "@taskwal/format";
import { LogWriter, type Continuation, type LogEntry } from "@taskwal/log";

export interface NewLog {
  readonly directory: Directory;
  readonly clock: Clock;
  readonly store: string;
  /** Claimed. */
  readonly epoch: number;
  readonly continuation: Continuation;
  /** Why the directory is no longer ours, or undefined. */
  readonly fence: () => string | undefined;
  readonly onProgress?: ((sequence: number) => void) | undefined;
  /** Ends it between two batches: what it gives as its reason is thrown. */
  readonly signal?: AbortSignal | undefined;
}

/** Returns the last sequence and the checksum of its line. Throws DiskFailedError, what `entries` throws, and the signal's reason. */
export const writeLog = async (
  { onProgress, signal, continuation, ...options }: NewLog,
  entries: AsyncIterable<LogEntry>,
): Promise<{ readonly last: number; readonly lastCrc: string }> => {
  const log = await LogWriter.open({
    ...options,
    continuation,
    durable: continuation.first - 1,
    lastCrc: hex32(0),
    segmentBytesMax: limits.segmentBytesDefault,
    idleMs,
    onPoison: () => {},
  });
  try {
    for await (const batch of batchesOf(entries)) {
      signal?.throwIfAborted();
      const { last } = await log.append(batch, true);
      onProgress?.(last);
    }
    return { last: log.last, lastCrc: log.lastCrc };
  } finally {
    await log.close();
  }
};

/** The record without its place: the writer gives it the same sequence again. */
export const entryOf = (record: LogRecord): LogEntry => {
  const { seq: _, lag: __, data, ...draft } = record;
  return { draft, dataJson: JSON.stringify(data) };
};

/** Records in the order of their sequences as entries; each sequence between them is filled in. Throws CorruptError for too many. */
export async function* entriesOf(
  records: AsyncIterable<LogRecord>,
  { first, last }: { readonly first: number; readonly last: number },
  filled: (hole: readonly [first: number, last: number]) => LogEntry,
): AsyncGenerator<LogEntry, void, void> {
  let next = first;
  function* fill(end: number): Generator<LogEntry> {
    assertFillable(next, end);
    for (const hole = [next, end] as const; next <= end; next += 1) yield filled(hole);
  }
  for await (const record of records) {
    yield* fill(record.seq - 1);
    invariant(record.seq === next, "records are told in the order of their sequences");
    yield entryOf(record);
    next += 1;
  }
  yield* fill(last);
}

/** A few gigabytes of records that say so. What claims that more is missing was hardly written by a store. */
const filledMax = 2 ** 24;

const assertFillable = (first: number, last: number): void => {
  const count = last - first + 1;
  if (count <= filledMax) return;
  const reason = `${count} records in a row are missing, more than can be told one by one`;
  throw new CorruptError({ file: walFolder, reason, sequences: [[first, last]] });
};

const batchRecords = 1_000;
const batchChars = 4 * 1024 * 1024;
const idleMs = 1_000;

/** Never in the middle of a transaction: it must not span two segments. */
async function* batchesOf(entries: AsyncIterable<LogEntry>): AsyncGenerator<LogEntry[]> {
  let batch: LogEntry[] = [];
  let chars = 0;
  for await (const entry of entries) {
    batch.push(entry);
    chars += entry.dataJson.length;
    const [index, count] = entry.draft.tx ?? [1, 1];
    if ((batch.length < batchRecords && chars < batchChars) || index < count) continue;
    yield batch;
    batch = [];
    chars = 0;
  }
  if (batch.length > 0) yield batch;
}
