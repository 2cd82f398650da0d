/**
 * The one loop that reads lines: a segment as a stream of verified lines and bad stretches.
 *
 *     |header|record|record|#########|record|marker|seal|
 *                           bad: from the end of a line to the start of the next that verifies
 *
 * Resynchronises at each newline, and at `{"crc":"` inside a line (its newline was damaged); the
 * checksum decides. The rule: a length is bounded before it is trusted, memory is one chunk and the
 * longest line. A read error is never the end of a file.
 */
import { errnoOf } from "@taskwal/errors";
import type { File } from "@taskwal/disk";
import { limits, newline } from "@taskwal/format";
import { badStretch, scanChunk, type ByteRange, type Scanned } from "./scan-chunk.ts";

export type { BadStretch, Scanned, ScannedLine } from "./scan-chunk.ts";

export interface ScanOptions {
  readonly salt: number;
  readonly startBytes: number;
  readonly endBytes: number;
  /** What a failing read becomes: the disk's error, or a bad stretch. */
  readonly onReadError: "throw" | "damage";
  /** How much is read at a time. Default 256 KiB: more is not faster, holds the event loop longer and costs memory. */
  readonly chunkBytes?: number;
}

const chunkBytesDefault = 256 * 1024;

/** Yields what it found, in the order of the file, some hundred lines at a time. */
export const scanSegment = (file: File, options: ScanOptions): AsyncGenerator<Scanned[]> =>
  new SegmentScan(file, options).chunks();

class SegmentScan {
  readonly #file: File;
  readonly #options: ScanOptions;
  #buffer: Buffer;
  /** Bytes of the buffer that are in use, and where they begin in the file. */
  #filled = 0;
  #base: number;
  #unreadable: ByteRange[] = [];

  constructor(file: File, options: ScanOptions) {
    const { startBytes, endBytes, chunkBytes = chunkBytesDefault } = options;
    this.#file = file;
    this.#options = options;
    this.#base = startBytes;
    this.#buffer = Buffer.allocUnsafe(Math.min(chunkBytes, Math.max(1, endBytes - startBytes)));
  }

  async *chunks(): AsyncGenerator<Scanned[]> {
    while (await this.#fill()) {
      const last = this.#base + this.#filled >= this.#options.endBytes;
      const end = last ? this.#filled : this.#wholeLines();
      if (end > 0) yield this.#take(end);
      else if (this.#filled < this.#buffer.length) continue;
      // Longer than any line can be: it is given up piece by piece, keeping memory bounded.
      else if (this.#filled >= limits.recordBytesMax) yield this.#giveUp();
      else this.#buffer = Buffer.concat([this.#buffer], this.#buffer.length * 2);
    }
    // The file is shorter than its directory entry said: what was read so far is still looked at.
    if (this.#filled > 0) yield this.#take(this.#filled);
  }

  #wholeLines(): number {
    return this.#buffer.subarray(0, this.#filled).lastIndexOf(newline) + 1;
  }

  /** Scans the first `count` bytes and moves the rest to the front. */
  #take(count: number): Scanned[] {
    const found = scanChunk({
      bytes: this.#buffer.subarray(0, count),
      baseBytes: this.#base,
      salt: this.#options.salt,
      unreadable: this.#unreadable,
    });
    this.#buffer.copyWithin(0, count, this.#filled);
    this.#advance(count);
    return found;
  }

  #giveUp(): Scanned[] {
    const range = [this.#base, this.#base + this.#filled] as const;
    const given = badStretch(range, "a line longer than any record", this.#unreadable);
    this.#advance(this.#filled);
    return [given];
  }

  #advance(count: number): void {
    this.#base += count;
    this.#filled -= count;
    this.#unreadable = this.#unreadable.filter(([, end]) => end > this.#base);
  }

  /** Reads on behind what is there; false at the end. */
  async #fill(): Promise<boolean> {
    const from = this.#base + this.#filled;
    const room = Math.min(this.#buffer.length - this.#filled, this.#options.endBytes - from);
    if (room <= 0) return false;
    const target = this.#buffer.subarray(this.#filled, this.#filled + room);
    const count = await this.#read(target, from);
    this.#filled += count;
    return count > 0;
  }

  async #read(target: Uint8Array, startBytes: number): Promise<number> {
    try {
      return await this.#file.read(target, startBytes);
    } catch (error) {
      if (this.#options.onReadError === "throw" || errnoOf(error) !== "EIO") throw error;
      return this.#readBlocks(target, startBytes);
    }
  }

  /** Block by block, so that one unreadable block costs only the lines in it. */
  async #readBlocks(target: Uint8Array, startBytes: number): Promise<number> {
    let filled = 0;
    while (filled < target.length) {
      const at = startBytes + filled;
      const block = target.subarray(filled, filled + limits.blockBytes - (at % limits.blockBytes));
      try {
        const count = await this.#file.read(block, at);
        if (count === 0) break;
        filled += count;
      } catch (error) {
        if (errnoOf(error) !== "EIO") throw error;
        // Where a newline stood nobody knows: zeros join the lines around, and neither verifies.
        block.fill(0);
        this.#unreadable.push([at, at + block.length]);
        filled += block.length;
      }
    }
    return filled;
  }
}
