/**
 * Counts from the files themselves what of the acknowledged log lines is there.
 *
 *     jq -r '.tasks[]|select(.id|startswith("demo-"))|"\(.id) \(.logs|length)"' state.json
 *
 * The rule: the very command that is shown is run; where jq is missing, a reader of our own counts the
 * same, and that is said.
 */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Acknowledged } from "./demo-kills.ts";

export const jqFilter = '.tasks[]|select(.id|startswith("demo-"))|"\\(.id) \\(.logs|length)"';

export interface Counted {
  /** Log lines that were acknowledged. */
  readonly acknowledged: number;
  /** Of those, lines that are not in the files. */
  readonly missing: number;
  /** Files that do not parse. */
  readonly unreadable: number;
  readonly by: "jq" | "our own reader";
}

const compare = (
  acknowledged: Acknowledged,
  present: ReadonlyMap<string, number>,
): Pick<Counted, "acknowledged" | "missing"> => {
  let total = 0;
  let missing = 0;
  for (const [id, last] of acknowledged) {
    total += last + 1;
    missing += Math.max(0, last + 1 - (present.get(id) ?? 0));
  }
  return { acknowledged: total, missing };
};

/** Of a store that was closed: its state.json holds every task with its log. */
export const countStore = (dir: string, acknowledged: Acknowledged): Counted => {
  const file = join(dir, "state.json");
  const jq = spawnSync("jq", ["-r", jqFilter, file], { encoding: "utf8", maxBuffer: 1 << 28 });
  const lines = jq.status === 0 ? jq.stdout.trim().split("\n") : readStore(file);
  const present = new Map(
    lines.map((line) => [line.split(" ")[0] ?? "", Number(line.split(" ")[1])]),
  );
  const by = jq.status === 0 ? "jq" : "our own reader";
  return { ...compare(acknowledged, present), unreadable: 0, by };
};

interface StoredTask {
  readonly id: string;
  readonly logs?: readonly unknown[];
}

const readStore = (file: string): string[] => {
  const { tasks } = JSON.parse(readFileSync(file, "utf8")) as { tasks: readonly StoredTask[] };
  return tasks
    .filter(({ id }) => id.startsWith("demo-"))
    .map(({ id, logs = [] }) => `${id} ${logs.length}`);
};

/** Of the whole-file way: the task files are what its program reads back. */
export const countWholeFiles = (dir: string, acknowledged: Acknowledged): Counted => {
  const present = new Map<string, number>();
  let unreadable = parses(join(dir, "state.json")) ? 0 : 1;
  for (const name of readdirSync(join(dir, "tasks"))) {
    const task = parses(join(dir, "tasks", name));
    if (task) present.set(task.id, task.logs?.length ?? 0);
    else unreadable += 1;
  }
  return { ...compare(acknowledged, present), unreadable, by: "our own reader" };
};

const parses = (file: string): StoredTask | undefined => {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as StoredTask;
  } catch {
    return undefined;
  }
};
