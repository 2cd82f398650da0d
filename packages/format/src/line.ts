/**
 * A line: the unit of checksum of every file under `wal/`.
 *
 *     {"crc":"9ae0daaf","seq":4711,…}\n
 *     ^       ^       ^              ^
 *     0       8       16             newline, compared exactly
 *             |------>|  CRC-32 of bytes 16 to the newline (without it), seeded with the salt
 *
 * The salt is the CRC of "<store>/<first>/<epoch>", so a line copied from another store, segment or
 * epoch never validates. Set in stone. The rule: bad bytes are a value (`false`), never an exception,
 * and nothing is parsed before it verifies.
 */
import { crc32, writeHex32 } from "./checksum.ts";
import type { SegmentId } from "./file-name.ts";

export const linePrefix = '{"crc":"';
const prefixBytes = Buffer.from(linePrefix, "latin1");
const crcStart = prefixBytes.length;
/** Where the bytes begin that the checksum covers. */
export const coveredStart = crcStart + 8;
export const newline = 0x0a;
/** How a line begins until its checksum is known. */
const lineStart = `${linePrefix}00000000",`;

/** The checksum state in which the lines of a segment begin. */
export const segmentSalt = (store: string, { first, epoch }: SegmentId): number =>
  crc32(Buffer.from(`${store}/${first}/${epoch}`, "utf8"));

/** The same for the slots of HEAD. */
export const headSalt = (store: string): number => crc32(Buffer.from(`${store}/HEAD`, "utf8"));

/**
 * A buffer that grows by whole lines. `body` is the text of a line's object after its crc, without
 * the opening comma: `"seq":1,…}`.
 */
export class LineBuffer {
  #bytes: Buffer;
  #length = 0;

  constructor(capacityBytes = 64 * 1024) {
    this.#bytes = Buffer.allocUnsafe(capacityBytes);
  }

  get length(): number {
    return this.#length;
  }

  /** Appends one line and returns its checksum. */
  push(body: string, salt: number): number {
    // A UTF-16 code unit takes at most three bytes of UTF-8.
    this.#reserve(coveredStart + 3 + body.length * 3);
    const start = this.#length;
    const bytes = this.#bytes;
    const end = start + bytes.write(lineStart + body, start);
    const crc = crc32(bytes.subarray(start + coveredStart, end), salt);
    writeHex32(bytes, start + crcStart, crc);
    bytes[end] = newline;
    this.#length = end + 1;
    return crc;
  }

  /** Forgets what was pushed; the memory is used again. */
  clear(): void {
    this.#length = 0;
  }

  /** What was pushed so far, without a copy: valid until the next push or clear. */
  view(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#length + more));
    this.#bytes.copy(grown, 0, 0, this.#length);
    this.#bytes = grown;
  }
}

const hexValue = (byte: number): number => {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  return byte >= 0x61 && byte <= 0x66 ? byte - 0x57 : -1;
};

/** The checksum that a line claims, or -1 if its first bytes are not exactly those of a line. */
export const claimedCrc = (bytes: Uint8Array, start: number, end: number): number => {
  if (end - start <= coveredStart + 1) return -1;
  for (let index = 0; index < crcStart; index++) {
    if (bytes[start + index] !== prefixBytes[index]) return -1;
  }
  let crc = 0;
  for (let index = crcStart; index < coveredStart; index++) {
    const digit = hexValue(bytes[start + index] ?? 0);
    if (digit < 0) return -1;
    crc = crc * 16 + digit;
  }
  return crc;
};

/** The checksum of bytes `start` to `end` (the newline, exclusive), or -1 if they are no whole line under `salt`. */
export const verifiedCrc = (
  bytes: Uint8Array,
  start: number,
  end: number,
  salt: number,
): number => {
  const claimed = claimedCrc(bytes, start, end);
  if (claimed < 0) return -1;
  const from = start + coveredStart;
  // Not `subarray`: a Buffer makes another Buffer of it, and that takes as long as the checksum.
  const covered = new Uint8Array(bytes.buffer, bytes.byteOffset + from, end - from);
  return crc32(covered, salt) === claimed ? claimed : -1;
};

/** Whether they are a whole line. */
export const verifyLine = (bytes: Uint8Array, start: number, end: number, salt: number): boolean =>
  verifiedCrc(bytes, start, end, salt) >= 0;

/** What a tool did to a line that verifies without it: "crlf" at its end, "bom" at its beginning. */
export type ToolMark = "crlf" | "bom";

/** Whether the line verifies once what a tool added is left out, and what that is. */
export const verifyMarkedLine = (
  bytes: Uint8Array,
  start: number,
  end: number,
  salt: number,
): { readonly mark: ToolMark; readonly start: number; readonly end: number } | undefined => {
  const bom = bytes[start] === 0xef && bytes[start + 1] === 0xbb && bytes[start + 2] === 0xbf;
  const from = bom ? start + 3 : start;
  const to = bytes[end - 1] === 0x0d ? end - 1 : end;
  if (from === start && to === end) return undefined;
  return verifyLine(bytes, from, to, salt)
    ? { mark: bom ? "bom" : "crlf", start: from, end: to }
    : undefined;
};
