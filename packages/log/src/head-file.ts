/**
 * Keeps `wal/HEAD` behind the log: written after each sync, synced itself only when told.
 *
 * The rule: at most one write is under way; what comes meanwhile replaces what waits. A failed write
 * costs detection, never data, so it stops HEAD and nothing else; a failed sync is the writer's to judge.
 */
import { errnoOf } from "@taskwal/errors";
import { readWhole, type Directory, type File } from "@taskwal/disk";
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

/** A hint that does not read, or is too large to be ours, is written over. */
const newestSlot = async (directory: Directory): Promise<0 | 1 | undefined> => {
  try {
    return decodeHead(await readWhole(directory, headName, limits.smallFileBytesMax))?.slot;
  } catch (error) {
    if (errnoOf(error) !== "EIO" && !(error instanceof RangeError)) throw error;
    return undefined;
  }
};
