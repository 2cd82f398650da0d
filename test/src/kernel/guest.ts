/**
 * A kernel of its own in which the worker lives on an image.
 *
 *     host   image file ─── ubd0 ─┐      its page cache and its file system's memory go with it;
 *     guest  ext4 ─ worker ─ console ──> told      what it had flushed is in the image
 *
 * The rule: what counts as known is what the host had received before the power cut.
 */
import { resolve } from "node:path";
import { workerPath } from "./cut-process.ts";
import type { LoopImage } from "./loop-image.ts";
import { Told } from "./told.ts";
import { Uml } from "./uml.ts";

export const guestInitPath = resolve("test/src/kernel/uml-init.sh");
const bootMsMax = 120_000;

export class Guest {
  readonly told = new Told();
  readonly #uml: Uml;

  constructor(image: LoopImage, firstNumber: number, life: number) {
    const facts = { tw_worker: workerPath, tw_first: firstNumber, tw_life: life };
    this.#uml = new Uml(image, guestInitPath, facts, (text) => this.told.take(text));
  }

  /** Waits until it has booted and the first call is durable. */
  async firstAcknowledgement(): Promise<void> {
    for (let waitedMs = 0; this.told.acknowledged.length === 0; waitedMs += 10) {
      if (this.#uml.isGone || this.told.defects.length > 0 || waitedMs > bootMsMax)
        throw new Error(`no call was acknowledged in the guest:\n${this.#uml.said}`);
      await new Promise((done) => setTimeout(done, 10));
    }
  }

  cut(): Promise<boolean> {
    return this.#uml.cut();
  }
}
