/**
 * Entries become lines: here a record gets its sequence and its watermark.
 *
 * The rule: a line longer than a reader believes is never written.
 */
import { invariant } from "@taskwal/errors";
import { hex32, LineBuffer, limits, markerBody, recordBody } from "@taskwal/format";
import type { LogEntry } from "./writer-options.ts";

/** Lines that were encoded for the place behind the active segment's last. */
export interface Encoded {
  readonly bytes: Uint8Array;
  readonly count: number;
  /** Sequence and checksum of the last record once they are written. */
  readonly last: number;
  readonly crc: string;
}

/** What is being written and synced; `applied` once the write is done. */
export interface InFlight extends Encoded {
  readonly startBytes: number;
  applied: boolean;
}

/** What they follow. */
export interface EncodeFacts {
  readonly last: number;
  readonly lastCrc: string;
  readonly durable: number;
  readonly salt: number;
}

/** The bytes are a view of `lines`: valid until it is used again. */
export const encodeBatch = (
  entries: readonly LogEntry[],
  { last, lastCrc, durable, salt }: EncodeFacts,
  lines: LineBuffer,
): Encoded => {
  lines.clear();
  let seq = last;
  let crc: number | undefined;
  for (const { draft, dataJson } of entries) {
    seq += 1;
    const startBytes = lines.length;
    crc = lines.push(recordBody(draft, dataJson, seq, seq - durable), salt);
    invariant(lines.length - startBytes <= limits.recordBytesMax, "a line is no longer than read");
  }
  return {
    bytes: lines.view(),
    count: entries.length,
    last: seq,
    crc: crc === undefined ? lastCrc : hex32(crc),
  };
};

/** The idle marker: it has no sequence, and changes nothing about what follows. */
export const encodeMarker = ({ last, lastCrc, durable, salt }: EncodeFacts): Encoded => {
  const lines = new LineBuffer(128);
  lines.push(markerBody(durable), salt);
  return { bytes: lines.view(), count: 0, last, crc: lastCrc };
};
