/**
 * What was written to the active segment with no sync asked for, since the last one that succeeded.
 *
 * The rule: whoever syncs in place of another writes these again first. That other sync may have failed, and
 * the system tells it once.
 */
import type { File } from "@taskwal/disk";
import type { InFlight } from "./encode-batch.ts";

type Write = Pick<InFlight, "bytes" | "startBytes">;

export class UnsyncedWrites {
  #writes: Write[] = [];
  /** A write that flushSync did again may still reach the file, after that one's sync. */
  isOneLate = false;

  /** Keeps a copy: the writer uses its buffer again. */
  add({ bytes, startBytes }: Write): void {
    this.#writes.push({ bytes: Uint8Array.from(bytes), startBytes });
  }

  clear(): void {
    this.#writes = [];
  }

  writeAgain(file: Pick<File, "writeSync">): void {
    for (const { bytes, startBytes } of this.#writes) file.writeSync(bytes, startBytes);
  }
}
