/**
 * What lies in a state directory: one line for each kind of thing, counted and measured.
 *
 * The rule: what is shown was found there; what is not there has no line.
 */
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";

/** In the order of a reader's interest. */
const places: readonly (readonly [name: string, what: string])[] = [
  ["wal/", "the log: the truth"],
  ["state.json", "the newest snapshot"],
  ["state.backup.*.json", "snapshots before it"],
  ["tasks/", "one file a task, for you"],
  ["legacy/", "originals of the import"],
  ["recovery/", "what openings found"],
  ["quarantine/", "bytes that were set aside"],
  ["LOCK", "who owns the directory"],
];

export const lookAt = (dir: string): string[] =>
  places.flatMap(([name, what]) => {
    const files = filesOf(dir, name);
    if (files.length === 0) return [];
    const bytes = files.reduce((sum, file) => sum + statSync(file).size, 0);
    const count = files.length === 1 ? "1 file " : `${files.length} files`;
    return [`${name.padEnd(20)}${count.padStart(9)}${kilobytes(bytes).padStart(10)}  ${what}`];
  });

const filesOf = (dir: string, name: string): string[] => {
  if (name.endsWith("/")) {
    const folder = join(dir, name);
    if (!statSync(folder, { throwIfNoEntry: false })) return [];
    return readdirSync(folder).map((each) => join(folder, each));
  }
  const [start = "", end = ""] = name.split("*");
  const isMeant = name.includes("*")
    ? (each: string): boolean => each.startsWith(start) && each.endsWith(end)
    : (each: string): boolean => each === name;
  return readdirSync(dir)
    .filter(isMeant)
    .map((each) => join(dir, each));
};

const kilobytes = (bytes: number): string => `${(bytes / 1_000).toFixed(1)} kB`;
