/**
 * Keeps `wal/HEAD` behind the log: written after each sync, synced itself only when told.
 *
 * The rule: at most one write is under way; what comes meanwhile replaces what waits. A failed write
 * costs detection, never data, so it stops HEAD and nothing else; a failed sync is the writer's to judge.
 */
import { errnoOf } from "@taskwal/errors";
import type { Directory, File } from "@taskwal/disk";
import { decodeHead, encodeHeadSlot, headName, limits, type Head } from "@taskwal/format";

export class HeadFile {
  readonly #file: File;
  #slot: 0 | 1;
  #waiting: Head | undefined;
  #writing: Promise<void> | undefined;
  #broken = false;

  private constructor(file: File, slot: 0 | 1) {
    this.#file = file;
    this.#slot = slot;
  }

  /** Opens HEAD for writing, creating it if it is missing. The newest slot is left for last. */
  static async open(directory: Directory): Promise<HeadFile> {
    if (await directory.stat(headName)) {
      const slot = await newestSlot(directory);
      return new HeadFile(await directory.open(headName, "write"), slot === 0 ? 1 : 0);
    }
    // No sync of the folder: the one of the segment that HEAD first speaks of covers this name.
    return new HeadFile(await directory.create(headName), 0);
  }

  /** Notes that `head.durable` is durable. Call it only after the sync that makes it so. */
  update(head: Head): void {
    if (this.#broken) return;
    this.#waiting = head;
    this.#writing ??= this.#drain();
  }

  async #drain(): Promise<void> {
    try {
      while (this.#waiting) {
        const head = this.#waiting;
        this.#waiting = undefined;
        await this.#file.write(encodeHeadSlot(head), this.#slot * limits.headSlotBytes);
        this.#slot = this.#slot === 0 ? 1 : 0;
      }
    } catch {
      this.#broken = true;
    } finally {
      this.#writing = undefined;
    }
  }

  /** Makes the last update durable. Throws what the sync throws. */
  async sync(): Promise<void> {
    await this.#writing;
    if (!this.#broken) await this.#file.sync();
  }

  async close(): Promise<void> {
    await this.#writing;
    await this.#file.close();
  }
}

/** The bytes in which HEAD's slots stand, whatever else is in the file; undefined if there is no HEAD. */
export const readHeads = async (directory: Directory): Promise<Uint8Array | undefined> => {
  if (!(await directory.stat(headName))) return undefined;
  const file = await directory.open(headName, "read");
  try {
    const bytes = new Uint8Array(2 * limits.headSlotBytes);
    return bytes.subarray(0, await file.read(bytes, 0));
  } finally {
    await file.close();
  }
};

/** A hint that does not read is written over. */
const newestSlot = async (directory: Directory): Promise<0 | 1 | undefined> => {
  try {
    const bytes = await readHeads(directory);
    return bytes && decodeHead(bytes)?.slot;
  } catch (error) {
    if (errnoOf(error) !== "EIO") throw error;
    return undefined;
  }
};
