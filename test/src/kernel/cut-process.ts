/**
 * The worker as a process that lives on one directory after the other, and what it has told so far.
 *
 * The rule: what is known is what had been received; what comes later is only for telling what happened.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { resolve } from "node:path";
import type { Readable } from "node:stream";
import { Told } from "./told.ts";

export const workerPath = resolve("test/src/kernel/worker.mjs");
const channel = 3;
const closeMsMax = 20_000;

export class CutProcess {
  /** Of the life that it is in. */
  told = new Told();
  readonly #child: ChildProcess;
  readonly #gone: Promise<string>;
  #errors = "";
  #isGone = false;

  constructor() {
    const words = [workerPath, String(channel)];
    // Its own environment only: conditions of a test runner would make it run sources.
    const { NODE_OPTIONS: _, ...env } = process.env;
    this.#child = spawn(process.execPath, words, {
      env,
      stdio: ["pipe", "ignore", "pipe", "pipe"],
    });
    const pipe = this.#child.stdio[channel] as Readable;
    pipe.setEncoding("utf8");
    pipe.on("data", (text: string) => this.told.take(text));
    this.#child.stderr?.setEncoding("utf8");
    this.#child.stderr?.on("data", (text: string) => (this.#errors += text));
    this.#gone = new Promise((done) => {
      // "close" comes after the pipes are empty.
      this.#child.once("close", (code, signal) => {
        this.#isGone = true;
        done(String(signal ?? code));
      });
    });
  }

  /** Opens the directory, and issues calls from that number on. */
  live(dir: string, firstNumber: number, life: number): void {
    this.told = new Told();
    this.#child.stdin?.write(`${firstNumber} ${life} ${dir}\n`);
  }

  /** Waits until it has met the cut and closed its store; false if it does not come to that. */
  async hasClosed(): Promise<boolean> {
    for (let waitedMs = 0; !this.told.isClosed; waitedMs += 2) {
      if (this.#isGone || waitedMs > closeMsMax) return false;
      await new Promise((done) => setTimeout(done, 2));
    }
    return true;
  }

  /** Waits for the first acknowledgement. */
  async firstAcknowledgement(): Promise<void> {
    while (this.told.acknowledged.length === 0) {
      if (this.#isGone || this.told.defects.length > 0)
        throw new Error(`no call was acknowledged: ${this.told.defects.join()} ${this.#errors}`);
      await new Promise((done) => setTimeout(done, 2));
    }
  }

  /** Kills it; resolves once it is gone and all that it told has been read. */
  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    const end = await this.#gone;
    if (end !== "SIGKILL") throw new Error(`it had ended by itself: ${end} ${this.#errors}`);
  }
}
