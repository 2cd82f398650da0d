/**
 * One file of a legacy directory: the copies of tasks in it, and what is wrong with it.
 *
 *     name ─ stat ─ readWhole ─ legacy-file (bytes) ─ task-copy (values) ──> copies, sessions, problems
 *
 * The rule: whatever one file holds, or a disk that refuses to read it, ends in a problem, not in an
 * error: a bad file never hides the others.
 */
import { readWhole, type Directory } from "@taskwal/disk";
import { errnoOf } from "@taskwal/errors";
import { limits } from "@taskwal/format";

import { contentKindOf } from "./directory-kind.ts";
import type { Salvage } from "./json-salvage.ts";
import { readFileBytes } from "./legacy-file.ts";
import { counted, type LegacyProblem } from "./legacy-problem.ts";
import { copyOf, described, isObject, timeOf, type CopyNote, type TaskCopy } from "./task-copy.ts";

/** A file is held in memory whole; any string in it must fit V8, which ends at 512 MiB. */
export const legacyFileBytesMax = 500 * 1024 * 1024;

/**
 * Levels of a task that are kept. Eight fewer than a payload may have: they are for what an importer
 * wraps around the task or its entries.
 */
export const legacyLevelsMax = limits.depthMax - 8;

export interface LegacySource {
  readonly file: string;
  readonly role: "task" | "snapshot";
  readonly copies: readonly TaskCopy[];
  /** Of a snapshot; undefined if it has none to read. */
  readonly sessions: readonly unknown[] | undefined;
  /** Milliseconds since the epoch of a whole snapshot's `last_saved`; -Infinity if that is not known. */
  readonly savedAt: number;
  readonly problems: readonly LegacyProblem[];
}

/** Reads one file. Never throws. */
export const readSource = async (
  directory: Directory,
  file: string,
  role: LegacySource["role"],
): Promise<LegacySource> => {
  const failed = (kind: "too-large" | "read-error" | "foreign", reason: string): LegacySource => ({
    file,
    role,
    copies: [],
    sessions: undefined,
    savedAt: -Infinity,
    problems: [{ file, kind, reason, recovered: "nothing" }],
  });
  try {
    const stat = await directory.stat(file);
    if (stat && stat.kind !== "file") return failed("foreign", "it is not a file");
    if (stat && stat.sizeBytes > legacyFileBytesMax) {
      const reason = `it has ${stat.sizeBytes} bytes, over ${legacyFileBytesMax}`;
      return failed("too-large", reason);
    }
    return sourceOf(file, role, await readWhole(directory, file, legacyFileBytesMax));
  } catch (error) {
    const why = errnoOf(error) ?? (error instanceof Error ? error.message : String(error));
    return failed("read-error", `it cannot be read: ${why}`);
  }
};

/** The source that the bytes of one file make. Never throws. */
export const sourceOf = (
  file: string,
  role: LegacySource["role"],
  bytes: Uint8Array,
): LegacySource => {
  // The tasks of a snapshot lie two levels deeper than that of a task file: both are measured alike.
  const levelsMax = legacyLevelsMax + (role === "snapshot" ? 2 : 0);
  const { salvage, damage } = readFileBytes(bytes, levelsMax);
  const empty: SourceContent = { copies: [], notes: [], sessions: undefined };
  const content = salvage ? contentOf(file, role, salvage) : empty;
  const recovered = recoveredWords(role, content.copies);
  const value = salvage?.value;
  const savedAt =
    role === "snapshot" && salvage?.stop === undefined && isObject(value)
      ? timeOf(value["last_saved"])
      : -Infinity;
  return {
    file,
    role,
    copies: content.copies,
    sessions: content.sessions,
    savedAt,
    problems: [
      ...damage.map((found): LegacyProblem => ({ file, ...found, recovered })),
      ...content.notes.map((note): LegacyProblem => ({ file, ...note })),
    ],
  };
};

interface SourceContent {
  readonly copies: TaskCopy[];
  readonly notes: CopyNote[];
  readonly sessions: readonly unknown[] | undefined;
}

const contentOf = (file: string, role: LegacySource["role"], salvage: Salvage): SourceContent => {
  const notes: CopyNote[] = [];
  const { value, notesOmitted } = salvage;
  if (notesOmitted > 0) {
    const reason = `${notesOmitted} more values that JSON cannot hold exactly`;
    notes.push({ kind: "number-changed", reason, recovered: "the rest of the file" });
  }
  const version = isObject(value) ? value["version"] : undefined;
  if (isNewer(version)) {
    const reason = `it says version ${JSON.stringify(version)}; this layout has only ever had 1`;
    const recovered = "all of it, fields that are not known included";
    notes.push({ kind: "newer-version", reason, recovered });
  }
  const { copies, sessions } =
    role === "task" ? taskContent(file, salvage, notes) : snapshotContent(file, salvage, notes);
  return { copies, notes, sessions };
};

const isNewer = (version: unknown): boolean => {
  if (typeof version !== "number" && typeof version !== "string") return false;
  return Number.parseInt(String(version), 10) > 1;
};

const uuid = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i;

const taskContent = (
  file: string,
  salvage: Salvage,
  notes: CopyNote[],
): Pick<SourceContent, "copies" | "sessions"> => {
  const stem = file.slice(file.lastIndexOf("/") + 1, -".json".length);
  const { value } = salvage;
  if (Array.isArray(value)) {
    const copies = copiesIn(value, [], file, salvage, notes);
    const reason = "it holds an array, not a task";
    notes.push({ kind: "not-a-task", reason, recovered: recoveredWords("task", copies) });
    return { copies, sessions: undefined };
  }
  const copy = copyOf(value, { file, salvage, path: [] }, uuid.test(stem) ? stem : undefined);
  if (!("fields" in copy)) {
    // A cut file is listed as cut already; what its beginning fails to be is no news.
    if (salvage.stop === undefined) notes.push({ ...copy, reason: `it ${copy.reason}` });
    return { copies: [], sessions: undefined };
  }
  if (copy.id !== stem) {
    const reason = `the id inside is ${JSON.stringify(copy.id)}, not that of the file's name`;
    notes.push({ kind: "id-differs", reason, recovered: "the task, under the id inside" });
  }
  return { copies: [copy], sessions: undefined };
};

const snapshotContent = (
  file: string,
  salvage: Salvage,
  notes: CopyNote[],
): Pick<SourceContent, "copies" | "sessions"> => {
  const { value, cut, stop } = salvage;
  const kind = contentKindOf(value);
  if (kind === "agentapi" || kind === "taskwal") {
    notes.push({ kind: "foreign", reason: `it was written by ${kind}`, recovered: "nothing" });
    return { copies: [], sessions: undefined };
  }
  const tasks = isObject(value) ? value["tasks"] : undefined;
  const sessions = isObject(value) ? value["sessions"] : undefined;
  if (!Array.isArray(tasks) && stop === undefined) {
    const found = isObject(value) ? "an object without a list of tasks" : described(value);
    notes.push({ kind: "not-a-snapshot", reason: `it holds ${found}`, recovered: "nothing" });
  }
  return {
    copies: Array.isArray(tasks) ? copiesIn(tasks, ["tasks"], file, salvage, notes) : [],
    sessions: Array.isArray(sessions) && !cut.has(sessions) ? sessions : undefined,
  };
};

const copiesIn = (
  values: readonly unknown[],
  path: readonly string[],
  file: string,
  salvage: Salvage,
  notes: CopyNote[],
): TaskCopy[] =>
  values.flatMap((value, index) => {
    const copy = copyOf(value, { file, salvage, path: [...path, index] }, undefined);
    if ("fields" in copy) return [copy];
    if (!salvage.cut.has(value)) notes.push({ ...copy, reason: `element ${index} ${copy.reason}` });
    return [];
  });

const recoveredWords = (role: LegacySource["role"], copies: readonly TaskCopy[]): string => {
  const [first, ...others] = copies;
  if (first === undefined) return "nothing";
  if (role === "task" && others.length === 0) {
    const entries = counted(first.logs.length, "log entry");
    if (first.whole) return `the whole task, with ${entries}`;
    return `${counted(Object.keys(first.fields).length, "field")} and ${entries}`;
  }
  const whole = copies.filter((copy) => copy.whole).length;
  const begun = copies.length - whole;
  return `${counted(whole, "whole task")}${begun > 0 ? " and the beginning of another" : ""}`;
};
