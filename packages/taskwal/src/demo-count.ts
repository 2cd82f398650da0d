/**
 * Counts from the files themselves which of the acknowledged log lines are there.
 *
 *     state.json ─ jq ─> "demo-2-1 17"  one line for each log line that is there   ⊇ acknowledged?
 *
 * The rule: the very command that is shown is run; where jq is missing, a reader of our own reads the
 * same, and that is said. Lines are told apart by their number, so that one more never hides one less.
 */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Acknowledged } from "./demo-kills.ts";

/** Its two lines are shown as they are: a task's id and the number in its message, "demo 17 xxx". */
export const jqFilter = [
  '.tasks[] | select(.id | startswith("demo-")) | .id as $id',
  '| .logs[] | "\\($id) \\(.message | split(" ")[1])"',
] as const;

export interface Counted {
  /** Log lines that were acknowledged. */
  readonly acknowledged: number;
  /** Log lines of the same tasks that are in the files, acknowledged or not. */
  readonly recovered: number;
  /** Acknowledged lines that are not in the files. */
  readonly missing: number;
  /** Files that do not parse. */
  readonly unreadable: number;
  readonly by: "jq" | "our own reader";
}

interface StoredTask {
  readonly id: string;
  readonly logs?: readonly { readonly message?: string }[];
}

const compare = (
  acknowledged: Acknowledged,
  lines: readonly string[],
): Pick<Counted, "acknowledged" | "recovered" | "missing"> => {
  const present = new Set(lines);
  let total = 0;
  let missing = 0;
  for (const [id, last] of acknowledged) {
    total += last + 1;
    for (let number = 0; number <= last; number++) {
      if (!present.has(`${id} ${number}`)) missing += 1;
    }
  }
  return { acknowledged: total, recovered: present.size, missing };
};

/** Of a store that was closed: its state.json holds every task with its log. */
export const countStore = (dir: string, acknowledged: Acknowledged): Counted => {
  const file = join(dir, "state.json");
  const words = ["-r", jqFilter.join(" "), file];
  const jq = spawnSync("jq", words, { encoding: "utf8", maxBuffer: 1 << 28 });
  const byJq = jq.status === 0;
  const lines = byJq ? jq.stdout.trim().split("\n") : linesOf(tasksOf(file));
  const mirrors = readdirSync(join(dir, "tasks")).map((name) => join(dir, "tasks", name));
  const unreadable = [file, ...mirrors].filter((each) => parsed(each) === undefined).length;
  return { ...compare(acknowledged, lines), unreadable, by: byJq ? "jq" : "our own reader" };
};

const tasksOf = (file: string): readonly StoredTask[] =>
  (JSON.parse(readFileSync(file, "utf8")) as { tasks: readonly StoredTask[] }).tasks;

const linesOf = (tasks: readonly StoredTask[]): string[] =>
  tasks
    .filter(({ id }) => id.startsWith("demo-"))
    .flatMap(({ id, logs = [] }) =>
      logs.map(({ message = "" }) => `${id} ${message.split(" ")[1] ?? ""}`),
    );

/** Of the whole-file way: the task files are what its program reads back. */
export const countWholeFiles = (dir: string, acknowledged: Acknowledged): Counted => {
  const read = wholeFilesOf(dir);
  const tasks = read.filter((task) => task !== undefined);
  const isState = parsed(join(dir, "state.json")) !== undefined;
  const unreadable = read.length - tasks.length + (isState ? 0 : 1);
  return { ...compare(acknowledged, linesOf(tasks)), unreadable, by: "our own reader" };
};

/** How many tasks the whole-file way loads from a directory. */
export const loadedByWholeFiles = (dir: string): number =>
  wholeFilesOf(dir).filter((task) => task !== undefined).length;

const wholeFilesOf = (dir: string): (StoredTask | undefined)[] =>
  readdirSync(join(dir, "tasks")).map(
    (name) => parsed(join(dir, "tasks", name)) as StoredTask | undefined,
  );

/** Undefined if it does not parse, or holds no object. */
const parsed = (file: string): object | undefined => {
  try {
    const value: unknown = JSON.parse(readFileSync(file, "utf8"));
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
};
