/**
 * The checksum of one record as an epoch wrote it: what a state that claims to end there must agree with.
 *
 *     epoch 2   |48 49 50|51 xxxx        51 was carried over, with another checksum; the line that epoch 2 wrote
 *     epoch 3            |51 52 …        still tells
 *
 * The rule: a line counts also where a later epoch overrides it, since a state may have been folded from it. Its
 * bytes are searched for, from the end on, and only what they lead to is parsed: a state may end anywhere in a large
 * segment, and most end near its end.
 */
import type { File } from "@taskwal/disk";
import { errnoOf } from "@taskwal/errors";
import { coveredStart, hex32 } from "@taskwal/format";
import { diskFailed, readSegment, type SegmentReading } from "./read-segment.ts";
import type { LogListing } from "./segment-list.ts";

export interface RecordPlace {
  readonly epoch: number;
  readonly sequence: number;
}

const chunkBytes = 256 * 1024;

/**
 * Hex; undefined if that epoch's segment is not there or no line in it verifies as the record. Throws DiskFailedError
 * where a read fails and `onReadError` is "throw".
 */
export const recordCrc = async (
  { segments, overridden }: LogListing,
  { epoch, sequence }: RecordPlace,
  how: Omit<SegmentReading, "segment">,
): Promise<string | undefined> => {
  const [segment] = [...segments, ...overridden]
    .filter(({ id }) => id.epoch === epoch && id.first <= sequence)
    .toSorted((a, b) => b.id.first - a.id.first);
  if (!segment) return undefined;
  const reading = { ...how, segment };
  let file: File | undefined;
  try {
    file = await how.directory.open(segment.name, "read");
    for await (const at of placesOf(file, Buffer.from(`,"seq":${sequence},"lag":`), reading)) {
      const crc = await crcAt(reading, at - coveredStart - 1);
      if (crc !== undefined) return crc;
    }
    return undefined;
  } catch (cause) {
    if (errnoOf(cause) === "EIO" && how.onReadError === "damage") return undefined;
    throw diskFailed(segment.name, cause);
  } finally {
    await file?.close();
  }
};

/** Where these bytes begin, the last part of the segment first; a payload may hold them as well. */
async function* placesOf(
  file: File,
  bytes: Buffer,
  { segment, onReadError }: SegmentReading,
): AsyncGenerator<number> {
  const buffer = Buffer.allocUnsafe(chunkBytes);
  for (let start = segment.sizeBytes - chunkBytes; ; start -= chunkBytes - bytes.length + 1) {
    const from = Math.max(0, start);
    const count = await file.read(buffer, from).catch((error: unknown) => {
      if (errnoOf(error) !== "EIO" || onReadError === "throw") throw error;
      return 0;
    });
    const chunk = buffer.subarray(0, count);
    for (let at = chunk.indexOf(bytes); at >= 0; at = chunk.indexOf(bytes, at + 1)) {
      yield from + at;
    }
    if (from === 0) return;
  }
}

/** The checksum of the line that begins there, if it verifies. */
const crcAt = async (reading: SegmentReading, startBytes: number): Promise<string | undefined> => {
  const items = readSegment(reading, [startBytes, reading.segment.sizeBytes]);
  for await (const [item] of items) {
    if (item?.kind !== "line" || item.line.kind !== "record") return undefined;
    return hex32(item.crc);
  }
  return undefined;
};
