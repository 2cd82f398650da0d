/**
 * A whole task, as callers hand it in each time, and what of it is new.
 *
 *     { …fields, logs: [a, b, c] }     against what is stored: fields, [a, b]
 *            │              └ c           one record for each new entry
 *            └ those that differ          one record for all of them
 *
 * What cannot be told by adding (a log that got shorter, or whose past changed) is the task removed and made again.
 *
 * The rule: afterwards the task is the one that was handed in. Only a time of change that came along with new entries is
 * not recorded: it is read from the last of them.
 */
import { redacted, type Redact, type TransactionOf } from "@taskwal/core";
import { InvalidMutationError } from "@taskwal/errors";
import type { JsonValue } from "@taskwal/format";
import type { LogEntry, Task, TaskStore, taskModel } from "@taskwal/tasks";
import { isSame, plainJson } from "./plain-json.ts";

/** A task with its log, as callers have it. Fields that taskwal does not know are kept. */
export type WholeTask = Task & { logs: LogEntry[] };

/** A task as it was handed in, taken at once: a later change of the caller's object changes nothing. */
export interface GivenTask {
  readonly id: string;
  readonly fields: Fields;
  /** Undefined if the task said nothing of its log: that stays as it is. */
  readonly logs: readonly unknown[] | undefined;
  readonly redact: Redact | undefined;
}

export interface Taking {
  /** It is a while until it is put, so all of it is copied. */
  readonly waits: boolean;
  readonly redact: Redact | undefined;
}

type Fields = { readonly [name: string]: unknown };
type Transaction = TransactionOf<typeof taskModel>;

/** Throws InvalidMutationError for what is no task, and for what a hook refuses. */
export const takeTask = (task: unknown, { waits, redact }: Taking): GivenTask => {
  if (typeof task !== "object" || task === null) throw refused("a task is an object");
  const { logs, ...rest } = (waits ? plainJson(task) : task) as Fields;
  const { id } = rest;
  if (typeof id !== "string" || id === "") throw refused("a task has an id, a text");
  if (logs !== undefined && !Array.isArray(logs))
    throw refused("the logs of a task are a list", id);
  const fields = redact
    ? redacted(redact, plainJson(rest) ?? {}, { type: "task.imported", id, collection: "tasks" })
    : rest;
  const entries = logs?.slice() as readonly unknown[] | undefined;
  return { id, fields: fields as Fields, logs: entries, redact };
};

const refused = (reason: string, id?: string): InvalidMutationError =>
  new InvalidMutationError({ reason, ...(id === undefined ? {} : { id }) });

/** Makes the task of the store the one that was handed in. Throws as `mutate` does, nothing written then. */
export const putTask = (tx: Transaction, given: GivenTask): void => put(tx, given, "as handed in");

/**
 * As `putTask`, of a task that is part of a state as it was a moment ago: it makes nothing older, nothing shorter, and
 * brings back nothing that was removed.
 */
export const bringTask = (tx: Transaction, given: GivenTask): void => {
  const { id, fields, logs } = given;
  const before = tx.tasks.get(id);
  if (!before) {
    if (tx.tasks.version(id) === 0) putTask(tx, given);
    return;
  }
  const stored = tx.tasks.list(id, "logs");
  if (logs && logs.length < stored.length) return;
  if (Date.parse(String(fields["updated_at"])) < Date.parse(changedAt(before, stored.at(-1))))
    return;
  put(tx, given, "as a moment ago");
};

const put = (tx: Transaction, given: GivenTask, how: "as handed in" | "as a moment ago"): void => {
  const { id, fields, logs } = given;
  const before = tx.tasks.get(id);
  if (!before) return makeTask(tx, given);
  const stored = tx.tasks.list(id, "logs");
  const added = logs?.slice(stored.length) ?? [];
  const patch = difference(before, fields);
  const isGrowth = added.length > 0 && (!patch || isTimeOnly(patch));
  if (!isBeginning(stored, given, { trustsSeen: isGrowth || how === "as a moment ago" })) {
    tx.tasks.mutate(id, "task.deleted", {});
    return makeTask(tx, given);
  }
  const isKnownTime = added.length > 0 || fields["updated_at"] === changedAt(before, stored.at(-1));
  if (patch && !(isKnownTime && isTimeOnly(patch))) tx.tasks.mutate(id, "task.patched", patch);
  append(tx, id, added);
};

/** The task with its log, a copy that is the caller's own. */
export const wholeTask = (store: TaskStore, task: Readonly<Task>): WholeTask => {
  const logs = store.logs(task.id);
  return structuredClone({ ...task, updated_at: changedAt(task, logs.at(-1)), logs }) as WholeTask;
};

/** When a task was last changed: its own time, or that of its last entry. */
const changedAt = ({ updated_at }: Readonly<Task>, last: LogEntry | undefined): string =>
  last && Date.parse(last.timestamp) > Date.parse(updated_at) ? last.timestamp : updated_at;

const makeTask = (tx: Transaction, { id, fields, logs = [] }: GivenTask): void => {
  tx.tasks.mutate(id, "task.imported", plainJson(fields) as never);
  append(tx, id, logs);
};

const append = (tx: Transaction, id: string, entries: readonly unknown[]): void => {
  for (const entry of entries) tx.tasks.append(id, "logs", plainJson(entry) as never);
};

/** What a caller's entry was stored as, when it was last looked at. */
const seen = new WeakMap<object, LogEntry>();

/**
 * Whether a log only grew. `trustsSeen`: an object that was handed in before is what it was then, so that the price of one
 * more entry does not grow with the log.
 */
const isBeginning = (
  stored: readonly LogEntry[],
  { id, logs, redact }: GivenTask,
  { trustsSeen }: { readonly trustsSeen: boolean },
): boolean => {
  const about = { type: "task.logs.appended", id, collection: "tasks" };
  const isEntry = (entry: LogEntry, given: unknown): boolean => {
    if (isSame(entry, given)) return true;
    const plain = plainJson(given);
    return isSame(entry, redact && plain !== undefined ? redacted(redact, plain, about) : plain);
  };
  const isStill = (entry: LogEntry, at: number): boolean => {
    const given = logs?.[at];
    if (typeof given !== "object" || given === null) return false;
    if (trustsSeen && seen.get(given) === entry) return true;
    if (!isEntry(entry, given)) return false;
    seen.set(given, entry);
    return true;
  };
  return !logs || (stored.length <= logs.length && stored.every(isStill));
};

interface Patch {
  readonly set: { readonly [name: string]: JsonValue };
  readonly unset?: string[];
}

const isTimeOnly = ({ set, unset }: Patch): boolean =>
  unset === undefined && Object.keys(set).every((name) => name === "updated_at");

/** What makes `before` the same as `fields`; undefined if it is. */
const difference = (before: Readonly<Task>, fields: Fields): Patch | undefined => {
  const set: Record<string, JsonValue> = {};
  const kept = new Set<string>();
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined) continue;
    const same = isSame(before[name], value);
    const plain = same ? undefined : plainJson(value);
    if (same || plain !== undefined) kept.add(name);
    if (plain !== undefined && !isSame(before[name], plain)) set[name] = plain;
  }
  const unset = Object.keys(before).filter((name) => !kept.has(name));
  if (Object.keys(set).length + unset.length === 0) return undefined;
  return unset.length === 0 ? { set } : { set, unset };
};
