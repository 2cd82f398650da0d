/**
 * Text to a file, without holding the event loop.
 *
 *     fragments ─ gathered to 64 KiB ─ encoded, hashed, written ─ …   a turn for others every sliceMs
 *
 * The rule: between two turns there is at most one fragment more than sliceMs of work.
 */
import type { Clock, File } from "@taskwal/disk";
import { sha256, type Hash } from "@taskwal/format";

const sliceChars = 64 * 1024;

export interface SliceOptions {
  readonly clock: Clock;
  /** How long the event loop may be held at a time, in milliseconds. */
  readonly sliceMs: number;
}

export interface WrittenText {
  readonly sizeBytes: number;
  /** Of everything but what `end` gave, hex. */
  readonly sha256: string;
}

/** Writes `fragments`, then what `end` makes of their checksum, from byte 0 on. Not synced. */
export const writeSliced = async (
  file: File,
  fragments: Iterable<string>,
  end: (sha256Hex: string) => string,
  options: SliceOptions,
): Promise<WrittenText> => {
  const writer = new SlicedWriter(file, options);
  let text = "";
  for (const fragment of fragments) {
    text += fragment;
    if (text.length >= sliceChars) {
      await writer.write(text);
      text = "";
    }
    if (writer.isLong) await writer.pause();
  }
  if (text !== "") await writer.write(text);
  return writer.finish(end);
};

class SlicedWriter {
  readonly #file: File;
  readonly #clock: Clock;
  readonly #sliceMs: number;
  readonly #hash: Hash = sha256();
  #sizeBytes = 0;
  #sinceMs: number;

  constructor(file: File, { clock, sliceMs }: SliceOptions) {
    this.#file = file;
    this.#clock = clock;
    this.#sliceMs = sliceMs;
    this.#sinceMs = clock.monotonicMs();
  }

  async write(text: string): Promise<void> {
    const bytes = Buffer.from(text, "utf8");
    this.#hash.update(bytes);
    await this.#file.write(bytes, this.#sizeBytes);
    this.#sizeBytes += bytes.length;
  }

  /** Whether others have waited for longer than sliceMs. */
  get isLong(): boolean {
    return this.#clock.monotonicMs() - this.#sinceMs > this.#sliceMs;
  }

  async pause(): Promise<void> {
    await this.#clock.yield();
    this.#sinceMs = this.#clock.monotonicMs();
  }

  async finish(end: (sha256Hex: string) => string): Promise<WrittenText> {
    const hex = this.#hash.digest("hex");
    const bytes = Buffer.from(end(hex), "utf8");
    await this.#file.write(bytes, this.#sizeBytes);
    return { sizeBytes: this.#sizeBytes + bytes.length, sha256: hex };
  }
}
