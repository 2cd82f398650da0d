/**
 * A child process, what it has told so far, and its end.
 *
 *     opening ─ call, call … ─ open ─ issue, issue, ack, snapshot, ack, snapshot done …  ✗ SIGKILL
 *
 * The rule: what had been told when the kill began counts as known; what the pipe still held after the
 * process was gone only tells what it was doing.
 */
import { spawn, type ChildProcess } from "node:child_process";
import type { Readable } from "node:stream";
import { resolve } from "node:path";
import type { ToldMutation } from "./told.ts";

export interface ToldLine {
  readonly phase?: "opening" | "open" | "snapshot" | "snapshot done" | "rotation" | "rotation done";
  /** A call of the disk while opening. */
  readonly call?: string;
  readonly issue?: number;
  readonly of?: readonly ToldMutation[];
  readonly ack?: number;
  readonly before?: string;
  readonly lost?: number;
  readonly damaged?: number;
  readonly digest?: string;
}

export interface VictimOptions {
  readonly dir: string;
  readonly firstIssue: number;
  readonly seed: number;
  readonly alive: readonly string[];
}

const worker = resolve("test/src/kill/worker.mjs");
const channel = 3;

export class Victim {
  /** All that was told, in order. */
  readonly told: ToldLine[] = [];
  readonly #child: ChildProcess;
  readonly #gone: Promise<NodeJS.Signals | number | null>;
  readonly #watchers = new Set<(line: ToldLine) => void>();
  #rest = "";
  #errors = "";
  #isGone = false;

  constructor({ dir, firstIssue, seed, alive }: VictimOptions) {
    const words = [worker, dir, String(firstIssue), String(seed), JSON.stringify(alive)];
    // Its own environment only: conditions of the test runner would make it run sources.
    const { NODE_OPTIONS: _, ...env } = process.env;
    this.#child = spawn(process.execPath, words, {
      env,
      stdio: ["ignore", "ignore", "pipe", "pipe"],
    });
    const pipe = this.#child.stdio[channel] as Readable;
    pipe.setEncoding("utf8");
    pipe.on("data", (text: string) => this.#take(text));
    this.#child.stderr?.setEncoding("utf8");
    this.#child.stderr?.on("data", (text: string) => (this.#errors += text));
    this.#gone = new Promise((resolve) => {
      // "close" comes after the pipes are empty.
      this.#child.once("close", (code, signal) => {
        this.#isGone = true;
        resolve(signal ?? code);
      });
    });
  }

  /** Resolves at the first line that `wanted` accepts; false if the process ends without one. */
  async until(wanted: (line: ToldLine) => boolean): Promise<boolean> {
    if (this.told.some(wanted)) return true;
    return this.next(wanted);
  }

  /** As `until`, of lines that are still to come. */
  async next(wanted: (line: ToldLine) => boolean): Promise<boolean> {
    if (this.#isGone) return false;
    let watch: ((line: ToldLine) => void) | undefined;
    const seen = new Promise<true>((resolve) => {
      watch = (line) => {
        if (wanted(line)) resolve(true);
      };
      this.#watchers.add(watch);
    });
    const first = await Promise.race([seen, this.#gone.then(() => false as const)]);
    if (watch) this.#watchers.delete(watch);
    return first;
  }

  /** Kills it and waits until it is gone. Returns how many lines had been told before. */
  async kill(): Promise<number> {
    const known = this.told.length;
    this.#child.kill("SIGKILL");
    const end = await this.#gone;
    if (end !== "SIGKILL")
      throw new Error(`the process had ended by itself: ${end}\n${this.#errors}`);
    return known;
  }

  /** Sends a signal that it may handle; returns how it ended, and how many lines had been told before. */
  async terminate(
    signal: NodeJS.Signals,
  ): Promise<{ readonly end: unknown; readonly known: number }> {
    const known = this.told.length;
    this.#child.kill(signal);
    return { end: await this.#gone, known };
  }

  get errors(): string {
    return this.#errors;
  }

  #take(text: string): void {
    const lines = `${this.#rest}${text}`.split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) {
      const value = JSON.parse(line) as ToldLine;
      this.told.push(value);
      for (const watch of this.#watchers) watch(value);
    }
  }
}

/** Of what a process told: whether a phase had begun and not ended. */
export const isInside = (told: readonly ToldLine[], phase: "snapshot" | "rotation"): boolean =>
  told.findLastIndex((line) => line.phase === phase) >
  told.findLastIndex((line) => line.phase === `${phase} done`);

export const hasOpened = (told: readonly ToldLine[]): boolean =>
  told.some(({ phase }) => phase === "open");
