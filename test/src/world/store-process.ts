/**
 * A process of its own that runs functions with the built packages: what a second program would do.
 *
 *     const owner = await startProcess();
 *     await owner.run(async ({ openTaskStore, kept }, dir) => { kept.store = await openTaskStore({ dir }); }, dir);
 *     await owner.end("SIGKILL");
 *
 * The rule: the functions travel as source text; they see their two arguments and nothing else.
 */
import { spawn, type ChildProcess } from "node:child_process";
import type * as fs from "node:fs";
import { fileURLToPath } from "node:url";
import type { StatePersistence } from "@taskwal/adapters/state-persistence";
import type { openNodeDisk } from "@taskwal/disk";
import type * as Taskwal from "taskwal";
import { onTestFinished } from "vitest";

type Door = typeof Taskwal;

/** What a function finds in the process: the package, and a place to keep things between calls. */
export type World = Door & {
  readonly StatePersistence: typeof StatePersistence;
  readonly openNodeDisk: typeof openNodeDisk;
  readonly fs: typeof fs;
  readonly load: (url: string) => Promise<unknown>;
  // oxlint-disable-next-line typescript/no-explicit-any -- what a test keeps there, it knows
  readonly kept: Record<string, any>;
};

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface StoreProcess {
  readonly pid: number;
  /** All that was written there so far. */
  readonly stdout: string;
  readonly stderr: string;
  /** Resolves with what the function returns; rejects with a plain copy of what it threw, `facts` and all. */
  run<Value, Argument>(
    work: (world: World, argument: Argument) => Value | Promise<Value>,
    argument: Argument,
  ): Promise<Value>;
  signal(name: NodeJS.Signals): void;
  /** Sends the signal, if any, and resolves when the process is gone. */
  end(name?: NodeJS.Signals): Promise<Ended>;
}

export interface ProcessOptions {
  /** What it runs under: `["prlimit", "--fsize=65536"]`. */
  readonly under?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

const childPath = fileURLToPath(new URL("store-process-child.mjs", import.meta.url));

/** Starts one; it is killed at the end of the test. */
export const startProcess = async ({
  under = [],
  env = {},
}: ProcessOptions = {}): Promise<StoreProcess> => {
  const command = [...under, process.execPath, childPath];
  const child = spawn(command[0] ?? process.execPath, command.slice(1), {
    stdio: ["ignore", "pipe", "pipe", "ipc"],
    env: { ...process.env, NODE_OPTIONS: "", ...env },
  });
  const running = new RunningProcess(child);
  onTestFinished(() => void child.kill("SIGKILL"));
  await running.started;
  return running;
};

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

interface Message {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: { readonly message: string };
}

class RunningProcess implements StoreProcess {
  readonly started: Promise<void>;
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, Waiting>();
  readonly #ended: Promise<Ended>;
  #count = 0;
  stdout = "";
  stderr = "";

  constructor(child: ChildProcess) {
    this.#child = child;
    child.stdout?.on("data", (chunk) => (this.stdout += String(chunk)));
    child.stderr?.on("data", (chunk) => (this.stderr += String(chunk)));
    child.on("message", (message: Message) => this.#settle(message));
    this.started = new Promise((resolve, reject) =>
      this.#waiting.set(0, { resolve: () => resolve(), reject }),
    );
    this.#ended = new Promise((resolve) => {
      child.once("error", (error) => this.#rejectAll(error));
      child.once("close", (code, signal) => {
        this.#rejectAll(new Error(`the process ended (${code ?? signal}): ${this.stderr}`));
        resolve({ code, signal });
      });
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  run<Value, Argument>(
    work: (world: World, argument: Argument) => Value | Promise<Value>,
    argument: Argument,
  ): Promise<Value> {
    this.#count += 1;
    const id = this.#count;
    return new Promise<Value>((resolve, reject) => {
      this.#waiting.set(id, { resolve: (value) => resolve(value as Value), reject });
      this.#child.send({ id, source: String(work), argument });
    });
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  end(name?: NodeJS.Signals): Promise<Ended> {
    if (name) this.signal(name);
    return this.#ended;
  }

  #settle({ id, value, error }: Message): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error) waiting?.reject(Object.assign(new Error(error.message), error));
    else waiting?.resolve(value);
  }

  #rejectAll(error: Error): void {
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}
