/**
 * A kernel of its own as a process: User-Mode Linux with an image as its disk. SIGKILL is its power cut.
 *
 *     host   image file ─── ubd0 ─┐      its page cache and its file system's memory go with it;
 *     guest  ext4 ─ worker ─ console ──> told      what it had flushed is in the image
 *
 * The rule: what counts as known is what the host had received before the kill.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { resolve } from "node:path";
import { workerPath } from "./cut-process.ts";
import type { LoopImage } from "./loop-image.ts";
import { Told } from "./told.ts";

export const guestInitPath = resolve("test/src/kernel/uml-init.sh");
const bootMsMax = 120_000;

export class Guest {
  readonly told = new Told();
  readonly #child: ChildProcess;
  readonly #gone: Promise<void>;
  #isGone = false;
  #said = "";

  constructor(image: LoopImage, firstNumber: number, life: number) {
    const facts = {
      ubd0: image.imagePath,
      tw_kind: image.kind,
      tw_node: process.execPath,
      tw_worker: workerPath,
      tw_first: firstNumber,
      tw_life: life,
    };
    const words = [
      "mem=512M",
      "rootfstype=hostfs",
      "rootflags=/",
      "ro",
      `init=${guestInitPath}`,
      ...Object.entries(facts).map(([name, value]) => `${name}=${value}`),
      "con0=fd:0,fd:1",
      "con=null",
      "quiet",
    ];
    const { NODE_OPTIONS: _, ...env } = process.env;
    // A group of its own: the guest's processes are processes of the host.
    this.#child = spawn("linux.uml", words, {
      env: { ...env, TMPDIR: image.folder },
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding("utf8");
      stream?.on("data", (text: string) => (this.#said = `${this.#said}${text}`.slice(-4_000)));
    }
    this.#child.stdout?.on("data", (text: string) => this.told.take(text));
    this.#gone = new Promise((done) => {
      this.#child.once("exit", () => {
        this.#isGone = true;
        done();
      });
    });
  }

  /** Waits until it has booted and the first call is durable. */
  async firstAcknowledgement(): Promise<void> {
    for (let waitedMs = 0; this.told.acknowledged.length === 0; waitedMs += 10) {
      if (this.#isGone || this.told.defects.length > 0 || waitedMs > bootMsMax)
        throw new Error(`no call was acknowledged in the guest:\n${this.#said}`);
      await new Promise((done) => setTimeout(done, 10));
    }
  }

  /** The power fails. */
  async cut(): Promise<void> {
    if (this.#isGone) throw new Error(`the guest had ended by itself:\n${this.#said}`);
    if (this.#child.pid !== undefined) process.kill(-this.#child.pid, "SIGKILL");
    await this.#gone;
  }
}
