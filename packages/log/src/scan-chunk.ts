/**
 * One chunk of a segment, whole lines: verifies line by line, parses what verified in joined stretches
 * (twice as fast as single lines).
 *
 *     line \n line \n ####### \n line X line \n         X: a damaged newline
 *     accept   accept  reject     accept accept
 *
 * The rule: the checksum decides; nothing is parsed before it verifies.
 */
import {
  claimedCrc,
  limits,
  lineOf,
  linePrefix,
  newline,
  verifiedCrc,
  verifyMarkedLine,
  type Line,
  type ToolMark,
} from "@taskwal/format";
import { parseLines } from "./parse-lines.ts";

export interface ScannedLine {
  readonly kind: "line";
  readonly line: Line;
  /** Its checksum. */
  readonly crc: number;
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

/** Half-open range of bytes of the file. */
export type ByteRange = readonly [startBytes: number, endBytes: number];

export interface Chunk {
  readonly bytes: Buffer;
  /** Where it begins in the file. */
  readonly baseBytes: number;
  readonly salt: number;
  /** Ranges of the file that could not be read. */
  readonly unreadable: readonly ByteRange[];
}

const startsInsideMax = 8;

/** So much is parsed together. V8 puts texts from 128 KiB on where making and collecting them takes longer. */
const joinedBytesMin = 64 * 1024;

export const scanChunk = (chunk: Chunk): Scanned[] => new ChunkScan(chunk).run();

export const badStretch = (
  [startBytes, endBytes]: ByteRange,
  reason: string,
  unreadable: readonly ByteRange[],
): BadStretch => {
  const readError = unreadable.some(([start, end]) => start < endBytes && startBytes < end);
  return { kind: "bad", startBytes, endBytes, reason, readError };
};

class ChunkScan {
  readonly #chunk: Chunk;
  readonly #bytes: Buffer;
  readonly #base: number;
  readonly #salt: number;
  readonly #found: Scanned[] = [];
  /** Verified lines not yet parsed: they stand one behind the other. */
  #starts: number[] = [];
  /** Where their newlines are. */
  #ends: number[] = [];
  #crcs: number[] = [];

  constructor(chunk: Chunk) {
    this.#chunk = chunk;
    this.#bytes = chunk.bytes;
    this.#base = chunk.baseBytes;
    this.#salt = chunk.salt;
  }

  run(): Scanned[] {
    const bytes = this.#bytes;
    let start = 0;
    while (start < bytes.length) {
      const found = bytes.indexOf(newline, start);
      const whole = found >= 0;
      const end = whole ? found : bytes.length;
      const crc = whole ? verifiedCrc(bytes, start, end, this.#salt) : -1;
      if (crc >= 0) this.#accept(start, end, crc);
      else this.#resync(start, end, whole);
      start = end + 1;
    }
    this.#parse();
    return this.#found;
  }

  #verifies(start: number, end: number): boolean {
    return verifiedCrc(this.#bytes, start, end, this.#salt) >= 0;
  }

  /** Right behind the line before it: whatever else stands between two was rejected, which parses. */
  #accept(start: number, end: number, crc: number): void {
    this.#starts.push(start);
    this.#ends.push(end);
    this.#crcs.push(crc);
    if (end - (this.#starts[0] ?? end) >= joinedBytesMin) this.#parse();
  }

  #parse(): void {
    const [starts, ends, crcs] = [this.#starts, this.#ends, this.#crcs];
    if (starts.length === 0) return;
    [this.#starts, this.#ends, this.#crcs] = [[], [], []];
    const values = parseLines(this.#bytes, { starts, ends, crcs });
    for (let index = 0; index < starts.length; index += 1) {
      const value = values[index];
      const startBytes = this.#base + (starts[index] ?? 0);
      const endBytes = this.#base + (ends[index] ?? 0) + 1;
      this.#found.push(
        value === undefined
          ? badStretch([startBytes, endBytes], "a line that is not JSON", this.#chunk.unreadable)
          : { kind: "line", line: lineOf(value), crc: crcs[index] ?? 0, startBytes, endBytes },
      );
    }
  }

  #reject(start: number, end: number, reason: string): void {
    if (end <= start) return;
    this.#parse();
    const last = this.#found.at(-1);
    const joins = last?.kind === "bad" && last.endBytes === this.#base + start ? last : undefined;
    if (joins) this.#found.pop();
    const range = [joins?.startBytes ?? this.#base + start, this.#base + end] as const;
    this.#found.push(badStretch(range, joins?.reason ?? reason, this.#chunk.unreadable));
  }

  /** A stretch between newlines that is no line: looks for what a tool added, then for lines inside. */
  #resync(start: number, end: number, whole: boolean): void {
    const marked = whole ? verifyMarkedLine(this.#bytes, start, end, this.#salt) : undefined;
    if (marked) {
      this.#parse();
      this.#found.push({ kind: "mark", mark: marked.mark, startBytes: this.#base + start });
      // Up to its newline: a carriage return is white space to JSON, and belongs to the line.
      this.#accept(marked.start, end, claimedCrc(this.#bytes, marked.start, end));
      this.#parse();
      return;
    }
    const reason = whole ? "no line verifies here" : "a line without its end";
    let from = start;
    for (const [lineStart, lineEnd] of this.#linesInside(start, end, whole)) {
      this.#reject(from, lineStart, reason);
      this.#accept(lineStart, lineEnd, claimedCrc(this.#bytes, lineStart, lineEnd));
      from = lineEnd;
      if (lineEnd === end) continue;
      this.#reject(lineEnd, lineEnd + 1, "a damaged newline");
      from = lineEnd + 1;
    }
    if (from < end || (from === start && whole)) this.#reject(from, whole ? end + 1 : end, reason);
  }

  /** Lines that verify inside a stretch: their newlines were damaged, or what stands before them was. */
  *#linesInside(start: number, end: number, whole: boolean): Generator<[number, number]> {
    const starts = this.#candidates(start, end);
    for (let index = 0; index < starts.length; index++) {
      const at = starts[index] ?? end;
      // A payload may hold what looks like a start: a line may end before any of the next few.
      const nexts = starts.slice(index + 1, index + 1 + startsInsideMax);
      const before = nexts.find((next) => this.#verifies(at, next - 1));
      if (before !== undefined) {
        yield [at, before - 1];
        index = starts.indexOf(before) - 1;
        continue;
      }
      // At the end of a file a byte may stand where the newline was.
      const lineEnd = whole ? end : end - 1;
      if (!this.#verifies(at, lineEnd)) continue;
      yield [at, lineEnd];
      return;
    }
  }

  /** Where lines may begin, the start of the stretch included. */
  #candidates(start: number, end: number): number[] {
    const found = [start];
    let at = this.#bytes.indexOf(linePrefix, start + 1, "latin1");
    while (at >= 0 && at < end && found.length < limits.resyncCandidatesMax) {
      found.push(at);
      at = this.#bytes.indexOf(linePrefix, at + 1, "latin1");
    }
    return found;
  }
}
