/**
 * That an input costs what its size is worth: no hang, no buffer as large as a number in it says.
 *
 *     over(input)     seconds for what takes microseconds, three times ─> a Finding
 *     Buffer.alloc…   asked for more than an input can need            ─> a Finding
 *
 * The rule: time is asked again before it counts, since the machine may have been busy with others.
 */
import { Finding } from "./line-trial.ts";

const inputMsMax = 2_000;
const tries = 3;
/** Readers take a chunk of a mebibyte, and twice that for a longer line. */
const bufferBytesMax = 4 * 1024 * 1024;

const makers = ["alloc", "allocUnsafe", "allocUnsafeSlow"] as const;

export class Watch {
  #largestBytes = 0;
  #restore: (() => void)[] = [];

  /** From now on sizes of buffers are noted. Call `end`. */
  begin(): void {
    for (const maker of makers) {
      const original = Buffer[maker].bind(Buffer) as (size: number, ...rest: unknown[]) => Buffer;
      const own = Object.getOwnPropertyDescriptor(Buffer, maker);
      const watched = (size: number, ...rest: unknown[]): Buffer => {
        if (size > this.#largestBytes) this.#largestBytes = size;
        return original(size, ...rest);
      };
      Object.defineProperty(Buffer, maker, { value: watched, configurable: true, writable: true });
      this.#restore.push(() => {
        if (own) Object.defineProperty(Buffer, maker, own);
      });
    }
  }

  end(): void {
    for (const restore of this.#restore.splice(0)) restore();
  }

  async over<T>(work: () => T | Promise<T>): Promise<T> {
    for (let time = 1; ; time += 1) {
      const startMs = performance.now();
      const result = await work();
      const tookMs = performance.now() - startMs;
      if (this.#largestBytes > bufferBytesMax)
        throw new Finding(`a buffer of ${this.#largestBytes} bytes was asked for`);
      if (tookMs < inputMsMax) return result;
      if (time === tries) throw new Finding(`an input takes ${Math.round(tookMs)} ms, each time`);
    }
  }
}
