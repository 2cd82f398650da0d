/**
 * The values of a track: JSON texts, one behind the other, written once and read at any place.
 *
 *     append("{…}") ─> [ block of 64 KiB, its CRC-32 ] [ block ] …        read(startBytes, bytes) ─> block ─> text
 *
 * The rule: memory holds the blocks that were used last, `heldBytesMax` of them, never the file; a block whose checksum is
 * another than when it was written is never read from (DamagedTrack).
 */
import type { File } from "@taskwal/disk";
import { crc32 } from "@taskwal/format";

const blockBytes = 64 * 1024;

/** Blocks that are written at once. */
const writtenBytes = 16 * blockBytes;

/** What one question needs is mostly what the next one needs too: most logs of a million records fit. */
const heldBytesMax = 128 * 1024 * 1024;

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
  #buffer = Buffer.allocUnsafe(writtenBytes);
  #filled = 0;
  #startBytes = 0;
  /** Buffers that are full and not yet written. */
  #waiting: { readonly at: number; readonly bytes: Buffer }[] = [];
  readonly #checksums: number[] = [];

  constructor(file: File) {
    this.#file = file;
  }

  /** Takes a text; returns how many bytes it is. It begins where the last one ended. */
  append(text: string): number {
    if (text.length * 3 <= writtenBytes - this.#filled) {
      const written = this.#buffer.write(text, this.#filled);
      this.#filled += written;
      return written;
    }
    const bytes = Buffer.from(text);
    for (let from = 0; from < bytes.length;) {
      const taken = bytes.copy(this.#buffer, this.#filled, from);
      this.#filled += taken;
      from += taken;
      if (this.#filled === writtenBytes) this.#turn();
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
    const bytes = this.#buffer.subarray(0, this.#filled);
    this.#waiting.push({ at: this.#startBytes, bytes });
    for (let from = 0; from < bytes.length; from += blockBytes) {
      this.#checksums.push(crc32(bytes.subarray(from, from + blockBytes)));
    }
    this.#startBytes += this.#filled;
    this.#buffer = Buffer.allocUnsafe(writtenBytes);
    this.#filled = 0;
  }

  async #write(): Promise<void> {
    for (const { at, bytes } of this.#waiting.splice(0)) await this.#file.write(bytes, at);
  }
}

/** Where a text stands. */
export interface ValuePlace {
  readonly startBytes: number;
  readonly bytes: number;
}

export class ValueReader {
  readonly #file: File;
  readonly #checksums: readonly number[];
  /** The one that was used last is at the end. */
  readonly #blocks = new Map<number, Buffer>();
  #used = -1;

  constructor(file: File, checksums: readonly number[]) {
    this.#file = file;
    this.#checksums = checksums;
  }

  /** Whether no block is ever let go for another one. */
  get fitInMemory(): boolean {
    return this.#checksums.length * blockBytes <= heldBytesMax;
  }

  /** A text. Throws DamagedTrack, and errors of the disk as they are. */
  async text(place: ValuePlace): Promise<string> {
    const text = Buffer.allocUnsafe(place.bytes);
    await this.#copy(place, text, 0);
    return text.toString("utf8");
  }

  /** Several texts as the items of one array: parsed together they take two thirds of the time. Throws as `text` does. */
  async array(places: readonly ValuePlace[]): Promise<string> {
    const length = places.reduce((sum, { bytes }) => sum + bytes + 1, 1);
    const array = Buffer.alloc(length, ",");
    let at = 1;
    for (const place of places) {
      const reading = this.#copy(place, array, at);
      if (reading) await reading;
      at += place.bytes + 1;
    }
    array.write("[", 0);
    array.write("]", length - 1);
    return array.toString("utf8");
  }

  /** Copies a text to where it is wanted; what it returns, if anything, is waited for. */
  #copy(place: ValuePlace, target: Buffer, at: number): Promise<void> | undefined {
    const index = Math.floor(place.startBytes / blockBytes);
    const from = place.startBytes - index * blockBytes;
    const block = this.#held(index);
    if (!block || from + place.bytes > block.length) return this.#copyParts(place, target, at);
    block.copy(target, at, from, from + place.bytes);
    return undefined;
  }

  async #copyParts({ startBytes, bytes }: ValuePlace, target: Buffer, at: number): Promise<void> {
    for (let copied = 0; copied < bytes;) {
      const index = Math.floor((startBytes + copied) / blockBytes);
      const from = startBytes + copied - index * blockBytes;
      const block = await this.#block(index);
      copied += block.copy(target, at + copied, from, from + bytes - copied);
    }
  }

  /** Reads all of it, in order. Throws DamagedTrack if it is not exactly the blocks that were written. */
  async assertWhole(): Promise<void> {
    for (const index of this.#checksums.keys()) await this.#block(index);
    const { sizeBytes } = await this.#file.stat();
    if (sizeBytes > this.#checksums.length * blockBytes) throw new DamagedTrack("what follows");
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  #held(index: number): Buffer | undefined {
    const block = this.#blocks.get(index);
    if (!block || index === this.#used) return block;
    this.#used = index;
    this.#blocks.delete(index);
    this.#blocks.set(index, block);
    return block;
  }

  async #block(index: number): Promise<Buffer> {
    const held = this.#held(index);
    if (held) return held;
    const buffer = Buffer.allocUnsafe(blockBytes);
    const read = buffer.subarray(0, await this.#file.read(buffer, index * blockBytes));
    if (read.length === 0 || crc32(read) !== this.#checksums[index]) {
      throw new DamagedTrack(`block ${index}`);
    }
    const [oldest] = this.#blocks.keys();
    const isFull = (this.#blocks.size + 1) * blockBytes > heldBytesMax;
    if (oldest !== undefined && isFull) this.#blocks.delete(oldest);
    this.#blocks.set(index, read);
    this.#used = index;
    return read;
  }
}
