/**
 * Reads a segment by its name: the whole of it, or again a part that was surveyed.
 *
 * The rule: an error of the disk becomes a DiskFailedError that names the segment; files are closed.
 */
import type { Directory, File } from "@taskwal/disk";
import { DiskFailedError, errnoOf } from "@taskwal/errors";
import type { LogRecord } from "@taskwal/format";
import type { ByteRange, Scanned } from "./scan-chunk.ts";
import { scanSegment } from "./scan-segment.ts";
import type { SegmentFile } from "./segment-list.ts";
import type { Run } from "./survey.ts";

export interface SegmentReading {
  readonly directory: Directory;
  readonly segment: SegmentFile;
  readonly onReadError: "throw" | "damage";
}

/** An error of the disk, named; any other, and one that is named already, as it is. */
export const diskFailed = (name: string, cause: unknown): unknown =>
  errnoOf(cause) === undefined || cause instanceof DiskFailedError
    ? cause
    : new DiskFailedError({ operation: "read", path: name, outcome: "not-written", cause });

export async function* readSegment(
  { directory, segment, onReadError }: SegmentReading,
  [startBytes, endBytes]: ByteRange,
): AsyncGenerator<Scanned[]> {
  const { name, salt } = segment;
  let file: File | undefined;
  try {
    file = await directory.open(name, "read");
    yield* scanSegment(file, { salt, startBytes, endBytes, onReadError });
  } catch (cause) {
    throw diskFailed(name, cause);
  } finally {
    await file?.close();
  }
}

export interface ReadRecord {
  readonly record: LogRecord;
  readonly crc: number;
  readonly startBytes: number;
}

/** The records of a run, as they were surveyed. */
export async function* readRun(reading: SegmentReading, run: Run): AsyncGenerator<ReadRecord> {
  let expected = run.from;
  for await (const items of readSegment(reading, [run.startBytes, run.endBytes])) {
    for (const item of items) {
      if (item.kind !== "line" || item.line.kind !== "record") continue;
      const { record } = item.line;
      if (record.seq !== expected) continue;
      expected += 1;
      yield { record, crc: item.crc, startBytes: item.startBytes };
    }
  }
}
