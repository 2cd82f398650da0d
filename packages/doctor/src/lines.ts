/**
 * The lines of a file, one after the other.
 *
 * The rule: a line over `lineBytesMax` is told by its length only; nothing else is ever held.
 */
import { isNulOnly } from "./nul-runs.ts";
import type { Chunk } from "./source.ts";

export interface Line {
  /** From 1. */
  readonly number: number;
  readonly startBytes: number;
  /** Without the newline. */
  readonly sizeBytes: number;
  /** Undefined for a line that is too long. */
  readonly bytes: Buffer | undefined;
  /** Every byte of it is NUL. */
  readonly isNul: boolean;
  /** A newline stands behind it. */
  readonly isEnded: boolean;
}

export const lineBytesMax = 32 * 1024 * 1024;

export async function* linesOf(chunks: AsyncIterable<Chunk>): AsyncGenerator<Line, void, void> {
  let number = 1;
  let startBytes = 0;
  let sizeBytes = 0;
  let isNul = true;
  let parts: Buffer[] = [];
  const take = (part: Buffer): void => {
    sizeBytes += part.length;
    isNul &&= isNulOnly(part);
    // A chunk's bytes are overwritten by the next one.
    if (sizeBytes <= lineBytesMax) parts.push(Buffer.from(part));
    else parts = [];
  };
  const line = (isEnded: boolean): Line => {
    const bytes = sizeBytes <= lineBytesMax ? Buffer.concat(parts) : undefined;
    return { number, startBytes, sizeBytes, bytes, isNul: isNul && sizeBytes > 0, isEnded };
  };
  for await (const { bytes } of chunks) {
    let from = 0;
    for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, from)) {
      take(bytes.subarray(from, end));
      yield line(true);
      from = end + 1;
      number += 1;
      startBytes += sizeBytes + 1;
      sizeBytes = 0;
      isNul = true;
      parts = [];
    }
    take(bytes.subarray(from));
  }
  if (sizeBytes > 0) yield line(false);
}
