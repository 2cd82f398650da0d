/**
 * The bytes of one file, read in pieces, only as far as the file reached when it was opened.
 *
 *     lstat ─ a file? ─ open ─ the same file still? ─ chunk, chunk, … ─ did it change meanwhile?
 *
 * The rule: a link is never followed, also not one that is put there between two looks.
 */
import type { Directory, File, FileStat } from "@taskwal/disk";

export interface Chunk {
  /** Valid until the next chunk is asked for. */
  readonly bytes: Buffer;
  readonly startBytes: number;
}

export class Source {
  /** Relative to the directory that is diagnosed. */
  readonly path: string;
  readonly sizeBytes: number;
  private readonly file: File;
  private readonly opened: FileStat;
  private readonly onBytes: (count: number) => void;

  private constructor(path: string, file: File, opened: FileStat, onBytes: (n: number) => void) {
    this.path = path;
    this.sizeBytes = opened.sizeBytes;
    this.file = file;
    this.opened = opened;
    this.onBytes = onBytes;
  }

  /** `onBytes` is told how many bytes every reading brought. Errors of the disk pass through. */
  static async open(
    directory: Directory,
    name: string,
    path: string,
    onBytes: (count: number) => void,
  ): Promise<Source> {
    const seen = await directory.stat(name);
    if (seen?.kind !== "file") throw new Error("it is no file any more");
    const file = await directory.open(name, "read");
    try {
      const opened = await file.stat();
      if (opened.inode !== seen.inode) throw new Error("it was replaced while it was opened");
      return new Source(path, file, opened, onBytes);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  async *chunks(): AsyncGenerator<Chunk, void, void> {
    const buffer = Buffer.alloc(Math.min(chunkBytes, this.sizeBytes));
    let startBytes = 0;
    while (startBytes < this.sizeBytes) {
      const room = buffer.subarray(0, Math.min(buffer.length, this.sizeBytes - startBytes));
      const count = await this.file.read(room, startBytes);
      if (count === 0) return;
      this.onBytes(count);
      yield { bytes: room.subarray(0, count), startBytes };
      startBytes += count;
    }
  }

  async hasChanged(): Promise<boolean> {
    const now = await this.file.stat();
    return now.sizeBytes !== this.opened.sizeBytes || now.modified !== this.opened.modified;
  }

  close(): Promise<void> {
    return this.file.close();
  }
}

const chunkBytes = 256 * 1024;
