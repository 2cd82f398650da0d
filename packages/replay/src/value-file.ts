/**
 * The values of a track: JSON texts, one behind the other, written once and read at any place.
 *
 *     append("{…}") ─> [ block of 256 KiB, its CRC-32 ] [ block ] …        read(startBytes, bytes) ─> block ─> text
 *
 * The rule: memory holds the blocks that were read last, `blocksMax` of them, never the file; a block whose checksum is
 * another than when it was written is never read from (DamagedTrack).
 */
import type { File } from "@taskwal/disk";
import { crc32 } from "@taskwal/format";

const blockBytes = 256 * 1024;
const blocksMax = 128;

/** What the cache holds is not what was written into it. Asked again, it is made again. */
export class DamagedTrack extends Error {
  constructor(what: string) {
    super(
      `${what} in the cache of tracks is not what was written there; it is made again when it is asked for again`,
    );
  }
}

export class ValueWriter {
  readonly #file: File;
  #block = Buffer.allocUnsafe(blockBytes);
  #filled = 0;
  #startBytes = 0;
  /** Blocks that are full and not yet written. */
  #waiting: { readonly at: number; readonly bytes: Buffer }[] = [];
  readonly #checksums: number[] = [];

  constructor(file: File) {
    this.#file = file;
  }

  /** Takes a text; returns how many bytes it is. It begins where the last one ended. */
  append(text: string): number {
    if (text.length * 3 <= blockBytes - this.#filled) {
      const written = this.#block.write(text, this.#filled);
      this.#filled += written;
      return written;
    }
    const bytes = Buffer.from(text);
    for (let from = 0; from < bytes.length;) {
      const taken = bytes.copy(this.#block, this.#filled, from);
      this.#filled += taken;
      from += taken;
      if (this.#filled === blockBytes) this.#turn();
    }
    return bytes.length;
  }

  /** Writes what is full; undefined if nothing is. */
  drain(): Promise<void> | undefined {
    return this.#waiting.length > 0 ? this.#write() : undefined;
  }

  /** Writes the rest, and cuts off what an earlier beginning left. Returns the checksum of each block. */
  async end(): Promise<readonly number[]> {
    if (this.#filled > 0) this.#turn();
    await this.drain();
    await this.#file.truncate(this.#startBytes);
    return this.#checksums;
  }

  #turn(): void {
    const bytes = this.#block.subarray(0, this.#filled);
    this.#waiting.push({ at: this.#startBytes, bytes });
    this.#checksums.push(crc32(bytes));
    this.#startBytes += this.#filled;
    this.#block = Buffer.allocUnsafe(blockBytes);
    this.#filled = 0;
  }

  async #write(): Promise<void> {
    for (const { at, bytes } of this.#waiting.splice(0)) await this.#file.write(bytes, at);
  }
}

export class ValueReader {
  readonly #file: File;
  readonly #checksums: readonly number[];
  /** The one that was read last is at the end. */
  readonly #blocks = new Map<number, Buffer>();

  constructor(file: File, checksums: readonly number[]) {
    this.#file = file;
    this.#checksums = checksums;
  }

  /** Throws DamagedTrack, and errors of the disk as they are. */
  async text(startBytes: number, bytes: number): Promise<string> {
    const first = Math.floor(startBytes / blockBytes);
    const from = startBytes - first * blockBytes;
    const block = this.#blocks.get(first) ?? (await this.#block(first));
    if (from + bytes <= block.length) return block.toString("utf8", from, from + bytes);
    const parts = [block.subarray(from)];
    let rest = bytes - (block.length - from);
    for (let next = first + 1; rest > 0; next++) {
      const part = (await this.#block(next)).subarray(0, rest);
      parts.push(part);
      rest -= part.length;
    }
    return Buffer.concat(parts).toString("utf8");
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  async #block(index: number): Promise<Buffer> {
    const known = this.#blocks.get(index);
    if (known) return known;
    const buffer = Buffer.allocUnsafe(blockBytes);
    const read = buffer.subarray(0, await this.#file.read(buffer, index * blockBytes));
    if (read.length === 0 || crc32(read) !== this.#checksums[index]) {
      throw new DamagedTrack(`block ${index}`);
    }
    this.#blocks.set(index, read);
    const [oldest] = this.#blocks.keys();
    if (oldest !== undefined && this.#blocks.size > blocksMax) this.#blocks.delete(oldest);
    return read;
  }
}

/** Whether a file holds exactly the blocks that were written. */
export const valuesAreWhole = async (
  file: File,
  checksums: readonly number[],
): Promise<boolean> => {
  const buffer = Buffer.allocUnsafe(blockBytes);
  for (const [index, checksum] of checksums.entries()) {
    const read = buffer.subarray(0, await file.read(buffer, index * blockBytes));
    if (read.length === 0 || crc32(read) !== checksum) return false;
  }
  return (await file.stat()).sizeBytes <= checksums.length * blockBytes;
};
