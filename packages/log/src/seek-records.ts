/**
 * The records of a range, from where they stand: for a reader that knows already which records there are.
 *
 *     segment  |1 …………… ▲ ………… 900|        halved by the sequence of the first line behind a byte, then read on
 *                      412
 *
 * The rule: every line verifies, nothing is judged. What a loss or a transaction that was cut makes of a record, a replay
 * (replay-log.ts) has told before; what does not stand in order may be left out.
 */
import type { Directory, File } from "@taskwal/disk";
import type { LogRecord } from "@taskwal/format";
import type { Range } from "./judge.ts";
import { diskFailed } from "./read-segment.ts";
import { scanSegment } from "./scan-segment.ts";
import type { LogListing, SegmentFile } from "./segment-list.ts";

/** An interval so short is read instead of halved. */
const readOnBytes = 128 * 1024;
/** Enough for some lines behind the middle. */
const probeBytes = 8 * 1024;

/** From `first` to `last`, both included. Bytes that cannot be read are passed over; throws DiskFailedError where a file is gone. */
export async function* seekRecords(
  directory: Directory,
  { segments }: LogListing,
  [first, last]: Range,
): AsyncGenerator<LogRecord> {
  for (const segment of segments) {
    if (segment.lastMax < first || segment.id.first > last) continue;
    yield* within(directory, segment, [first, Math.min(last, segment.lastMax)]);
  }
}

async function* within(
  directory: Directory,
  segment: SegmentFile,
  [first, last]: Range,
): AsyncGenerator<LogRecord> {
  let file: File | undefined;
  try {
    file = await directory.open(segment.name, "read");
    const startBytes = await placeBefore(file, segment, first);
    for await (const record of recordsFrom(file, segment, startBytes, segment.sizeBytes)) {
      if (record.seq > last) return;
      if (record.seq >= first) yield record;
    }
  } catch (cause) {
    throw diskFailed(segment.name, cause);
  } finally {
    await file?.close();
  }
}

/** Where a line begins behind which the record stands, if the segment has it, and not far. */
const placeBefore = async (file: File, segment: SegmentFile, sequence: number): Promise<number> => {
  let [low, high] = [0, segment.sizeBytes];
  while (high - low > readOnBytes) {
    const middle = low + Math.floor((high - low) / 2);
    const found = await firstRecord(file, segment, middle, high);
    if (found !== undefined && found < sequence) low = middle;
    else high = middle;
  }
  return low;
};

const firstRecord = async (
  file: File,
  segment: SegmentFile,
  startBytes: number,
  endBytes: number,
): Promise<number | undefined> => {
  for await (const { seq } of recordsFrom(file, segment, startBytes, endBytes, probeBytes))
    return seq;
  return undefined;
};

/** The records of all lines that verify; the first line may be the end of one. */
async function* recordsFrom(
  file: File,
  { salt }: SegmentFile,
  startBytes: number,
  endBytes: number,
  chunkBytes?: number,
): AsyncGenerator<LogRecord> {
  const range = { salt, startBytes, endBytes, onReadError: "damage" } as const;
  const chunks = scanSegment(file, { ...range, ...(chunkBytes !== undefined && { chunkBytes }) });
  for await (const items of chunks) {
    for (const item of items) {
      if (item.kind === "line" && item.line.kind === "record") yield item.line.record;
    }
  }
}
