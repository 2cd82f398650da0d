/**
 * Writes to one open file by its descriptor, past the file handle.
 *
 *     write ──> the system has it ──> told          a handle's own write is three promises more on the way
 *     close ──> waits until it has none, takes no more
 *
 * The rule: no descriptor is closed under a write: it may be another file's by the time of the write.
 */
import * as fs from "node:fs";
import type { FileHandle } from "node:fs/promises";

const closed = (): Error =>
  Object.assign(new Error("EBADF: the file is closed, write"), { code: "EBADF", syscall: "write" });

export class DescriptorWrites {
  readonly #handle: FileHandle;
  #underWay = 0;
  #ended: (() => void) | undefined;
  #closing: Promise<void> | undefined;

  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  /** Returns how many bytes were written, which may be less than `length`. */
  write(bytes: Uint8Array, from: number, length: number, startBytes: number): Promise<number> {
    return new Promise((resolve, reject) => {
      if (this.#closing) throw closed();
      fs.write(this.#handle.fd, bytes, from, length, startBytes, (error, bytesWritten) => {
        this.#underWay -= 1;
        if (this.#underWay === 0) this.#ended?.();
        if (error) reject(error);
        else resolve(bytesWritten);
      });
      this.#underWay += 1;
    });
  }

  /** Closes the handle once no write is under way. */
  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    if (this.#underWay > 0) await new Promise<void>((ended) => (this.#ended = ended));
    await this.#handle.close();
  }
}
