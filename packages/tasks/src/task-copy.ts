/**
 * The copies of tasks that one file holds.
 *
 *     tasks/<id>.json     { task }                      one copy
 *     state.json          { tasks: [ task, task ] }     one copy each
 *     (wrapped)           [ task ]                      one copy each
 *
 * The rule: a copy holds only members that are whole. `whole` says whether the file proves that none
 * is missing; a copy that is not whole is still true as far as it goes.
 */
import type { Salvage, ValueNote } from "./json-salvage.ts";
import type { LegacyProblemKind } from "./legacy-problem.ts";
import { dropTooDeep } from "./too-deep.ts";

export type Fields = Record<string, unknown>;
type Path = readonly (string | number)[];

/** A remark about one task in one file. */
export interface CopyNote {
  readonly kind: LegacyProblemKind;
  readonly reason: string;
  readonly recovered: string;
  readonly startBytes?: number;
}

export interface TaskCopy {
  readonly id: string;
  /** As they stand in the file, without `logs`. */
  readonly fields: Fields;
  readonly logs: unknown[];
  readonly whole: boolean;
  readonly file: string;
  /** Milliseconds since the epoch of `updated_at`; -Infinity if that is no time. */
  readonly updatedAt: number;
  readonly notes: readonly CopyNote[];
}

/** The copy in `value`, or why there is none, as one clause. `fallbackId` is for a task without an id. */
export const copyOf = (
  value: unknown,
  place: { readonly file: string; readonly salvage: Salvage; readonly path: Path },
  fallbackId: string | undefined,
): TaskCopy | CopyNote => {
  const { file, salvage, path } = place;
  if (!isObject(value)) return notATask(`holds ${described(value)} where a task belongs`);
  if (!looksLikeTask(value)) return notATask("holds an object without the fields of a task");
  const notes = salvage.notes.filter((note) => isWithin(note.path, path)).map(valueNote);
  const { id = fallbackId } = value;
  if (typeof id !== "string" || id === "") {
    return { kind: "no-id", reason: "holds a task without an id", recovered: "nothing" };
  }
  if (value["id"] === undefined && !salvage.cut.has(value)) {
    const recovered = "the task, under the id of its file name";
    notes.push({ kind: "no-id", reason: "the task has no id", recovered });
  }
  for (const place of dropTooDeep(value, salvage.tooDeep)) {
    const reason = `nested too deep, at ${jsonPath([...path, ...place])}`;
    notes.push({ kind: "too-deep", reason, recovered: "the task without this field" });
  }
  const { logs, ...fields } = wholeMembers(value, salvage);
  return {
    id,
    fields,
    logs: logsOf(logs, salvage, value, notes),
    whole: !salvage.cut.has(value),
    file,
    updatedAt: timeOf(value["updated_at"]),
    notes,
  };
};

export const isObject = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** "null", "an array", "the number 42": what stands where a task should. */
export const described = (value: unknown): string => {
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  if (isObject(value)) return "an object";
  return typeof value === "undefined" ? "nothing" : `a ${typeof value}`;
};

/** Milliseconds since the epoch of a time as text or number; -Infinity if it is none. */
export const timeOf = (value: unknown): number => {
  if (typeof value !== "string" && typeof value !== "number") return -Infinity;
  const time = new Date(value).getTime();
  return Number.isNaN(time) ? -Infinity : time;
};

const looksLikeTask = (value: Fields): boolean =>
  ["description", "status", "tool", "logs", "created_at"].some((key) => Object.hasOwn(value, key));

const notATask = (reason: string): CopyNote => ({
  kind: "not-a-task",
  reason,
  recovered: "nothing",
});

const isWithin = (path: Path, parent: Path): boolean =>
  parent.every((segment, level) => path[level] === segment);

const valueNote = ({ kind, path, reason, startBytes }: ValueNote): CopyNote => ({
  kind,
  reason: `${reason}, at ${jsonPath(path)}`,
  recovered: noteRecovered[kind],
  startBytes,
});

const noteRecovered: Record<ValueNote["kind"], string> = {
  "number-changed": "the rest of the task, and the nearest that JSON can hold",
  "forbidden-key": "the rest of the task",
  "duplicate-key": "the last of the values",
  "invalid-utf-8": "the text around it",
};

/** "$.logs[0].metadata.size" */
export const jsonPath = (path: Path): string =>
  path.reduce<string>((text, segment) => {
    if (typeof segment === "number") return `${text}[${segment}]`;
    return /^[\w$]+$/.test(segment) ? `${text}.${segment}` : `${text}[${JSON.stringify(segment)}]`;
  }, "$");

/** The members that were not still open where the file stops; the log is cut entry by entry. */
const wholeMembers = (value: Fields, { cut }: Salvage): Fields =>
  Object.fromEntries(
    Object.entries(value).filter(([key, member]) => key === "logs" || !cut.has(member)),
  );

const logsOf = (logs: unknown, salvage: Salvage, task: Fields, notes: CopyNote[]): unknown[] => {
  if (Array.isArray(logs)) return logs.filter((entry) => !salvage.cut.has(entry));
  // A cut task may have had its log behind the cut.
  if (logs === undefined && salvage.cut.has(task)) return [];
  const reason = logs === undefined ? "the task has no logs" : `logs is ${described(logs)}`;
  const recovered = "the task, with an empty log";
  notes.push({ kind: logs === undefined ? "missing-field" : "odd-field", reason, recovered });
  return [];
};
