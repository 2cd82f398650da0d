/**
 * A host of the drop-in, ended at any moment, again and again on one directory, and what the next life loads.
 *
 *     life 1 ✗ look ─ life 2 ✗ look ─ …       every so many lives a fresh directory
 *
 * The rule: all twenty tasks are there, each at least as its last acknowledged save left it, and whole: its log without a
 * hole, as long as the save that it belongs to says.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Readable } from "node:stream";
import { StatePersistence } from "@taskwal/adapters/state-persistence";

export type End = "SIGKILL" | "SIGTERM" | "SIGTERM, and the host exits at once";

const taskCount = 20;
const livesPerDirectory = 10;
/** After so long at most, in milliseconds, once all tasks are there. */
const lifeMsMax = 250;
const worker = resolve("test/src/drop-in/host.mjs");

interface Life {
  /** The last count of each task whose save was acknowledged before the end began. */
  readonly acknowledged: ReadonlyMap<string, number>;
  /** How many were acknowledged in all. */
  readonly saves: number;
  readonly end: NodeJS.Signals | number | null;
}

export interface EndsOptions {
  readonly seed: number;
  readonly ends: readonly End[];
  readonly progress?: (lives: number) => void;
}

export interface EndCounts {
  readonly lives: number;
  /** Saves that were acknowledged before an end. */
  readonly saves: number;
}

/** Throws what an end cost, with the life and the seed. */
export const runEnds = async ({ seed, ends, progress }: EndsOptions): Promise<EndCounts> => {
  let saves = 0;
  let dir = "";
  const fresh = (): void => {
    if (dir !== "") rmSync(dir, { recursive: true, force: true });
    dir = mkdtempSync(join(tmpdir(), "taskwal-drop-in-"));
  };
  try {
    const known = new Map<string, number>();
    for (const [number, end] of ends.entries()) {
      if (number % livesPerDirectory === 0) {
        fresh();
        known.clear();
      }
      const life = await live(dir, seed * 1_000 + number, end);
      for (const [id, count] of life.acknowledged) known.set(id, count);
      saves += life.saves;
      const problem = wrongEnd(end, life) ?? (await look(dir, known));
      if (problem !== undefined) {
        throw new Error(`life ${number} (${end}) of seed ${seed}: ${problem}`);
      }
      progress?.(number + 1);
    }
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
  return { lives: ends.length, saves };
};

const wrongEnd = (wanted: End, { end }: Life): string | undefined => {
  const due = wanted === "SIGTERM, and the host exits at once" ? 0 : wanted;
  return end === due ? undefined : `the process ended by ${end}`;
};

/** What is wrong with what is loaded, or undefined. Its counts become known. */
const look = async (dir: string, known: Map<string, number>): Promise<string | undefined> => {
  const persistence = new StatePersistence({ basePath: dir });
  const tasks = await persistence.loadTasks();
  await persistence.shutdown();
  if (tasks.length !== taskCount) return `${tasks.length} of ${taskCount} tasks are back`;
  for (const { id, logs, ...task } of tasks) {
    const count = Number(task["count"]);
    if (count < (known.get(id) ?? 1)) return `${id} is at ${count}, acknowledged ${known.get(id)}`;
    known.set(id, count);
    const numbers = logs.map(({ metadata }) => Number(metadata?.["number"]));
    const first = numbers[0] ?? 0;
    if (numbers.length < 40 || numbers.some((number, at) => number !== first + at)) {
      return `the log of ${id} is ${numbers.join(" ")}`;
    }
  }
  return undefined;
};

const live = async (dir: string, seed: number, end: End): Promise<Life> => {
  const { NODE_OPTIONS: _, ...env } = process.env;
  const manner = end === "SIGTERM, and the host exits at once" ? "exits" : "alone";
  const child = spawn(process.execPath, [worker, dir, String(seed), manner], {
    env,
    stdio: ["ignore", "ignore", "pipe", "pipe"],
  });
  const acknowledged = new Map<string, number>();
  let saves = 0;
  let errors = "";
  let isEnding = false;
  let opened = (): void => {};
  const open = new Promise<void>((resolve) => (opened = resolve));
  let rest = "";
  const pipe = child.stdio[3] as Readable;
  pipe.setEncoding("utf8").on("data", (text: string) => {
    const lines = `${rest}${text}`.split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const told = JSON.parse(line) as { open?: true; saved?: string; count?: number };
      if (told.open) opened();
      // Overlapping saves of one task resolve in their order.
      if (told.saved === undefined || isEnding) continue;
      saves += 1;
      acknowledged.set(told.saved, told.count ?? 0);
    }
  });
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (errors += text));
  const gone = new Promise<NodeJS.Signals | number | null>((resolve) => {
    child.once("close", (code, signal) => resolve(signal ?? code));
  });
  const early = gone.then((how) => {
    if (!isEnding) throw new Error(`the host ended by itself (${how}): ${errors}`);
  });
  await Promise.race([open, early]);
  // Drawn from the seed, so that a run can be had again as far as a machine allows.
  await new Promise((resolve) => setTimeout(resolve, (seed * 7_919) % lifeMsMax));
  isEnding = true;
  child.kill(end === "SIGKILL" ? "SIGKILL" : "SIGTERM");
  const how = await gone;
  if (errors !== "") throw new Error(`the host wrote: ${errors}`);
  return { acknowledged, saves, end: how };
};
