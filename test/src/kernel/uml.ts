/**
 * A kernel of its own as a process: User-Mode Linux, with the host's files to read and an image as its disk.
 *
 * The rule: SIGKILL of its whole group is its power cut.
 */
import { spawn, type ChildProcess } from "node:child_process";
import type { LoopImage } from "./loop-image.ts";
import { registersEnv } from "./uml-registers.ts";

export class Uml {
  readonly #child: ChildProcess;
  readonly #gone: Promise<void>;
  #isGone = false;
  #said = "";

  /** `facts` are in the environment of `initPath`, which must be executable; its console goes to `take`. */
  constructor(
    image: LoopImage,
    initPath: string,
    facts: Readonly<Record<string, string | number>>,
    take: (text: string) => void,
  ) {
    const words = [
      "mem=512M",
      "rootfstype=hostfs",
      "rootflags=/",
      "ro",
      `init=${initPath}`,
      `ubd0=${image.imagePath}`,
      `tw_kind=${image.kind}`,
      `tw_node=${process.execPath}`,
      ...Object.entries(facts).map(([name, value]) => `${name}=${value}`),
      "con0=fd:0,fd:1",
      "con=null",
      "quiet",
    ];
    const { NODE_OPTIONS: _, ...env } = process.env;
    // A group of its own: the guest's processes are processes of the host.
    this.#child = spawn("linux.uml", words, {
      env: { ...env, TMPDIR: image.folder, ...registersEnv(image.folder) },
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding("utf8");
      stream?.on("data", (text: string) => (this.#said = `${this.#said}${text}`.slice(-4_000)));
    }
    this.#child.stdout?.on("data", take);
    this.#gone = new Promise((done) => {
      this.#child.once("exit", () => {
        this.#isGone = true;
        done();
      });
    });
  }

  /** What its console showed last. */
  get said(): string {
    return this.#said;
  }

  get isGone(): boolean {
    return this.#isGone;
  }

  /** The power fails. False if the guest's kernel had crashed by itself, which is a power cut as well. */
  async cut(): Promise<boolean> {
    if (this.#isGone) return false;
    if (this.#child.pid !== undefined) process.kill(-this.#child.pid, "SIGKILL");
    await this.#gone;
    return true;
  }
}
