/**
 * The bytes of a simulated file: growable, and cheap to clone.
 *
 *     clone ─> both share one buffer ─> the first that writes copies it
 *
 * The rule: what lies beyond the size reads as NUL, also after shrinking and growing again.
 */

export class SimBytes {
  #buffer = new Uint8Array(0);
  #sizeBytes = 0;
  #isShared = false;

  static of(bytes: Uint8Array): SimBytes {
    const result = new SimBytes();
    result.write(bytes, 0);
    return result;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** A view of the range, cut at the end of the file. Valid until the next change. */
  view(startBytes = 0, endBytes = this.#sizeBytes): Uint8Array {
    return this.#buffer.subarray(
      startBytes,
      Math.max(startBytes, Math.min(endBytes, this.#sizeBytes)),
    );
  }

  copy(): Uint8Array {
    return this.view().slice();
  }

  write(bytes: Uint8Array, startBytes: number): void {
    if (bytes.length === 0) return;
    const endBytes = startBytes + bytes.length;
    this.#own(endBytes);
    this.#buffer.set(bytes, startBytes);
    this.#sizeBytes = Math.max(this.#sizeBytes, endBytes);
  }

  resize(sizeBytes: number): void {
    const before = this.#sizeBytes;
    if (sizeBytes === before) return;
    this.#sizeBytes = Math.min(before, sizeBytes);
    this.#own(sizeBytes);
    if (sizeBytes < before) this.#buffer.fill(0, sizeBytes, Math.min(before, this.#buffer.length));
    this.#sizeBytes = sizeBytes;
  }

  clone(): SimBytes {
    const result = new SimBytes();
    result.#buffer = this.#buffer;
    result.#sizeBytes = this.#sizeBytes;
    result.#isShared = true;
    this.#isShared = true;
    return result;
  }

  /** Makes the buffer ours alone, with room for `capacityBytes`. */
  #own(capacityBytes: number): void {
    if (!this.#isShared && capacityBytes <= this.#buffer.length) return;
    const roomBytes =
      capacityBytes <= this.#buffer.length
        ? this.#buffer.length
        : Math.max(capacityBytes, this.#buffer.length * 2, 64);
    const buffer = new Uint8Array(roomBytes);
    buffer.set(this.#buffer.subarray(0, this.#sizeBytes));
    this.#buffer = buffer;
    this.#isShared = false;
  }
}
