/**
 * What an edited file would change of its task, and whether it may.
 *
 *     file made of version n, task at n        adoptable
 *     file made of version n, task further     conflict: taken only if somebody says so
 *     anything that no mutation can do         refused, with the reason
 *
 * The rule: entries of a log can only be appended. `updated_at` is the store's own: it says when the edit was
 * adopted.
 */
import { isDeepStrictEqual } from "node:util";
import { isBeginning } from "./archive-file.ts";
import type { EditedFile, UnreadableFile } from "./edited-file.ts";
import { described, jsonPath, type Fields } from "./task-copy.ts";
import { logEntrySchema, taskSchema, type LogEntry, type Task } from "./task-schemas.ts";

export interface FieldEdit {
  readonly name: string;
  /** As the store has it; undefined if the task has no such field. */
  readonly before: unknown;
  /** As the file has it; undefined if it was taken away. */
  readonly after: unknown;
}

export interface TaskEdit {
  /** Relative to the state directory. */
  readonly file: string;
  /** Undefined if the file does not tell. */
  readonly id: string | undefined;
  /** The version that the file was made of; undefined if it does not tell. */
  readonly madeOf: number | undefined;
  /** The task's version in the store; 0 if there never was one. */
  readonly version: number;
  readonly fields: readonly FieldEdit[];
  /** Entries to append to the task's log. */
  readonly logs: readonly LogEntry[];
  /** "adopted" only where something was written. */
  readonly verdict: "adoptable" | "adopted" | "conflict" | "refused" | "unchanged";
  /** Why it is a conflict or refused, as one clause. */
  readonly reason: string | undefined;
}

/** A task as the store has it. */
export interface StoredTask {
  readonly store: string;
  readonly version: number;
  readonly task: Readonly<Task> | undefined;
  readonly logs: readonly LogEntry[];
}

/** `overNewer`: an edit of another version is adoptable too. */
export const taskEdit = (
  file: string,
  edited: EditedFile | UnreadableFile,
  stored: StoredTask,
  overNewer: boolean,
): TaskEdit => {
  const { version, task } = stored;
  const madeOf = "problem" in edited ? undefined : edited.version;
  const none = { file, id: edited.id, madeOf, version, fields: [], logs: [], reason: undefined };
  const refused = (reason: string): TaskEdit => ({ ...none, verdict: "refused", reason });
  if ("problem" in edited) return refused(edited.problem);
  if (!task) return refused("the store has no such task");
  const invalid = issueOf(taskSchema.safeParse(edited.fields), []);
  if (invalid) return refused(invalid);
  const conflict = conflictOf(edited, stored);
  const logs = appendedLogs(edited.logs, stored.logs, conflict !== undefined);
  if (typeof logs === "string") return refused(logs);
  const fields = fieldEdits(task, edited.fields);
  if (fields.length + logs.length === 0) return { ...none, verdict: "unchanged" };
  const found = { ...none, fields, logs };
  if (conflict === undefined || overNewer) return { ...found, verdict: "adoptable" };
  return { ...found, verdict: "conflict", reason: conflict };
};

const conflictOf = (edited: EditedFile, { store, version }: StoredTask): string | undefined => {
  if (edited.version === undefined) return "the file does not say of which version it was made";
  if (edited.store !== store) return `the file is of another store (${edited.store})`;
  if (edited.version === version) return undefined;
  return `the file was made of version ${edited.version}, and the task is at version ${version}`;
};

const fieldEdits = (task: Readonly<Task>, fields: Fields): readonly FieldEdit[] => {
  const before: Readonly<Record<string, unknown>> = task;
  const names = new Set([...Object.keys(task), ...Object.keys(fields)]);
  names.delete("updated_at");
  return [...names]
    .filter((name) => !isDeepStrictEqual(before[name], fields[name]))
    .map((name) => ({ name, before: before[name], after: fields[name] }));
};

/** The entries to append, or why there are none. In a conflict the store's log may have gone on. */
const appendedLogs = (
  logs: unknown,
  stored: readonly LogEntry[],
  isConflict: boolean,
): readonly LogEntry[] | string => {
  // The file of a task that never had a log has none either.
  if (logs === undefined && stored.length === 0) return [];
  if (!Array.isArray(logs)) return `at $.logs: it is ${described(logs)}, not the task's log`;
  const entries: LogEntry[] = [];
  for (const [at, entry] of logs.entries()) {
    const checked = logEntrySchema.safeParse(entry);
    const invalid = issueOf(checked, ["logs", at]);
    if (invalid) return invalid;
    entries.push(entry as LogEntry);
  }
  const same = commonLength(entries, stored);
  if (same === stored.length || isConflict) return entries.slice(same);
  const where = `at ${jsonPath(["logs", same])}: `;
  const what = same === entries.length ? "an entry is missing" : "the entry is not the task's";
  return `${where}${what}; entries of a log can only be appended`;
};

const commonLength = (a: readonly LogEntry[], b: readonly LogEntry[]): number => {
  let same = 0;
  while (same < a.length && same < b.length) {
    if (!isBeginning(a.slice(same, same + 1), b.slice(same, same + 1))) break;
    same += 1;
  }
  return same;
};

interface Checked {
  readonly success: boolean;
  readonly error?: {
    readonly issues: readonly { readonly message: string; readonly path: readonly PropertyKey[] }[];
  };
}

const issueOf = ({ error }: Checked, place: readonly (string | number)[]): string | undefined => {
  const [issue] = error?.issues ?? [];
  if (!issue) return undefined;
  const path = [
    ...place,
    ...issue.path.map((key) => (typeof key === "number" ? key : String(key))),
  ];
  return `at ${jsonPath(path)}: ${issue.message}`;
};
