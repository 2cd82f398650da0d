/**
 * The one loop that reads lines: a segment as a stream of verified lines and bad stretches.
 *
 *     |header|record|record|#########|record|marker|seal|
 *                           bad: from the end of a line to the start of the next that verifies
 *
 * Resynchronises at each newline, and at `{"crc":"` inside a line (its newline was damaged); the
 * checksum decides. The rule: nothing is parsed before it verifies, a length is bounded before it is
 * trusted, memory is one chunk and the longest line. A read error is never the end of a file.
 */
import { errnoOf } from "@taskwal/errors";
import type { File } from "@taskwal/disk";
import {
  limits,
  lineOf,
  linePrefix,
  newline,
  verifyLine,
  verifyMarkedLine,
  type Line,
  type ToolMark,
} from "@taskwal/format";

export interface ScannedLine {
  readonly kind: "line";
  readonly line: Line;
  /** Where it begins in the file, and where it ends, its newline included. */
  readonly startBytes: number;
  readonly endBytes: number;
}

export interface BadStretch {
  readonly kind: "bad";
  readonly startBytes: number;
  readonly endBytes: number;
  readonly reason: string;
  /** Some of it could not be read at all. */
  readonly readError: boolean;
}

/** A line that verifies once what a tool added is left out; followed by the line itself. */
export interface MarkedLine {
  readonly kind: "mark";
  readonly mark: ToolMark;
  readonly startBytes: number;
}

export type Scanned = ScannedLine | BadStretch | MarkedLine;

export interface ScanOptions {
  readonly salt: number;
  readonly startBytes: number;
  readonly endBytes: number;
  /** What a failing read becomes: the disk's error, or a bad stretch. */
  readonly onReadError: "throw" | "damage";
}

const chunkBytes = 1024 * 1024;

/** Yields what it found, in the order of the file, some hundred lines at a time. */
export async function* scanSegment(file: File, options: ScanOptions): AsyncGenerator<Scanned[]> {
  let buffer = Buffer.allocUnsafe(Math.min(chunkBytes, Math.max(1, sizeOf(options))));
  let filled = 0;
  let base = options.startBytes;
  let skipping = false;
  while (base + filled < options.endBytes) {
    const room = Math.min(buffer.length - filled, options.endBytes - base - filled);
    const unreadable = await readInto(
      file,
      buffer.subarray(filled, filled + room),
      base + filled,
      options,
    );
    if (unreadable < 0) break;
    filled += unreadable;
    const last = base + filled >= options.endBytes;
    const cut = buffer.subarray(0, filled).lastIndexOf(newline) + 1;
    const end = last ? filled : cut;
    if (end > 0) {
      if (skipping) skipping = false;
      yield new ChunkScan(buffer, base, end, options.salt).run();
      buffer.copyWithin(0, end, filled);
      base += end;
      filled -= end;
    } else if (filled === buffer.length) {
      // A line longer than any record: give it up piece by piece, keeping memory bounded.
      if (filled > limits.recordBytesMax || skipping) {
        yield [bad(base, base + filled, "a line longer than any record", false)];
        base += filled;
        filled = 0;
        skipping = true;
      } else {
        buffer = Buffer.concat([buffer], buffer.length * 2);
      }
    }
  }
  // The file is shorter than its directory entry said: what was read so far is still looked at.
  if (filled > 0) yield new ChunkScan(buffer, base, filled, options.salt).run();
}

const sizeOf = ({ startBytes, endBytes }: ScanOptions): number => endBytes - startBytes;

const bad = (
  startBytes: number,
  endBytes: number,
  reason: string,
  readError: boolean,
): BadStretch => ({ kind: "bad", startBytes, endBytes, reason, readError });

/** Marks bytes that could not be read: no JSON text holds this byte, so no line with it verifies. */
const unreadableByte = 0x00;

/** Fills `target` and returns the count, or -1 at the end of the file. */
const readInto = async (
  file: File,
  target: Uint8Array,
  startBytes: number,
  { onReadError }: ScanOptions,
): Promise<number> => {
  try {
    const count = await file.read(target, startBytes);
    return count === 0 ? -1 : count;
  } catch (error) {
    if (onReadError === "throw" || errnoOf(error) !== "EIO") throw error;
    return readBlocks(file, target, startBytes);
  }
};

/** Block by block, so that one unreadable block costs only the lines in it. */
const readBlocks = async (file: File, target: Uint8Array, startBytes: number): Promise<number> => {
  let filled = 0;
  while (filled < target.length) {
    const step = limits.blockBytes - ((startBytes + filled) % limits.blockBytes);
    const block = target.subarray(filled, filled + step);
    try {
      const count = await file.read(block, startBytes + filled);
      if (count === 0) break;
      filled += count;
    } catch (error) {
      if (errnoOf(error) !== "EIO") throw error;
      block.fill(unreadableByte);
      filled += block.length;
    }
  }
  return filled === 0 ? -1 : filled;
};

/** One chunk: verifies line by line, parses what verified in joined stretches (twice as fast). */
class ChunkScan {
  readonly #bytes: Buffer;
  readonly #base: number;
  readonly #end: number;
  readonly #salt: number;
  readonly #found: Scanned[] = [];
  /** Verified lines not yet parsed: they stand one behind the other. */
  readonly #starts: number[] = [];
  #joinedEnd = 0;

  constructor(bytes: Buffer, base: number, end: number, salt: number) {
    this.#bytes = bytes;
    this.#base = base;
    this.#end = end;
    this.#salt = salt;
  }

  run(): Scanned[] {
    const bytes = this.#bytes;
    let start = 0;
    while (start < this.#end) {
      let end = bytes.indexOf(newline, start);
      if (end < 0 || end >= this.#end) end = this.#end;
      const whole = end < this.#end;
      if (whole && verifyLine(bytes, start, end, this.#salt)) this.#accept(start, end);
      else this.#resync(start, end, whole);
      start = end + 1;
    }
    this.#parse();
    return this.#found;
  }

  #accept(start: number, end: number): void {
    if (this.#starts.length > 0 && this.#joinedEnd !== start - 1) this.#parse();
    this.#starts.push(start);
    this.#joinedEnd = end;
  }

  #parse(): void {
    const starts = this.#starts;
    if (starts.length === 0) return;
    const bytes = this.#bytes;
    // Newlines between the lines become the commas of an array.
    for (let index = 1; index < starts.length; index++) bytes[(starts[index] ?? 0) - 1] = 0x2c;
    const text = bytes.toString("utf8", starts[0], this.#joinedEnd);
    const values = JSON.parse(`[${text}]`) as unknown[];
    for (let index = 0; index < starts.length; index++) {
      const next = starts[index + 1] ?? this.#joinedEnd + 1;
      this.#found.push({
        kind: "line",
        line: lineOf(values[index]),
        startBytes: this.#base + (starts[index] ?? 0),
        endBytes: this.#base + next,
      });
    }
    starts.length = 0;
  }

  #reject(start: number, end: number, reason: string): void {
    if (end <= start) return;
    this.#parse();
    const unreadable = this.#bytes.subarray(start, end).includes(unreadableByte);
    const last = this.#found.at(-1);
    const startBytes = this.#base + start;
    if (last?.kind === "bad" && last.endBytes === startBytes) {
      this.#found.pop();
      const merged = bad(
        last.startBytes,
        this.#base + end,
        last.reason,
        last.readError || unreadable,
      );
      this.#found.push(merged);
    } else {
      this.#found.push(bad(startBytes, this.#base + end, reason, unreadable));
    }
  }

  /** A stretch between newlines that is no line: looks for what a tool added, then for lines inside. */
  #resync(start: number, end: number, whole: boolean): void {
    const bytes = this.#bytes;
    const after = whole ? end + 1 : end;
    if (whole) {
      const marked = verifyMarkedLine(bytes, start, end, this.#salt);
      if (marked) {
        this.#parse();
        this.#found.push({ kind: "mark", mark: marked.mark, startBytes: this.#base + start });
        this.#accept(marked.start, marked.end);
        this.#parse();
        return;
      }
    }
    let from = start;
    const candidates = this.#candidates(start, end);
    for (const candidate of candidates) {
      // Two lines whose newline was damaged into another byte.
      if (!verifyLine(bytes, from, candidate - 1, this.#salt)) continue;
      this.#accept(from, candidate - 1);
      this.#reject(candidate - 1, candidate, "a damaged newline");
      from = candidate;
    }
    const line = whole
      ? [from, ...candidates].find((at) => at >= from && verifyLine(bytes, at, end, this.#salt))
      : undefined;
    if (line === undefined) {
      this.#reject(from, after, whole ? "no line verifies here" : "a line without its end");
      return;
    }
    this.#reject(from, line, "no line verifies here");
    this.#accept(line, end);
  }

  #candidates(start: number, end: number): number[] {
    const found: number[] = [];
    let at = this.#bytes.indexOf(linePrefix, start + 1, "latin1");
    while (at >= 0 && at < end && found.length < limits.resyncCandidatesMax) {
      found.push(at);
      at = this.#bytes.indexOf(linePrefix, at + 1, "latin1");
    }
    return found;
  }
}
