/**
 * The best that several copies of one task can give together.
 *
 *     fields   the newest whole copy by updated_at      + fields of a cut copy that is newer still
 *     log      that copy's log, or the longest one that goes on from it (a log only grows at its end)
 *
 *     task file   id status …  logs 1 2 3 4 5 (cut      ── newer, cut ──> status, updated_at, entry 5
 *     state.json  id status …  logs 1 2 3 4    result   ── whole ───────> everything else
 *     backup      id status …  logs 1 2                 ── older ───────> nothing, but it agrees
 *
 * The rule: whole beats cut, then newest, then the longer log, then the order of the list (task file,
 * state.json, backups from the newest). A log that contradicts is reported, never spliced.
 */
import { isDeepStrictEqual } from "node:util";

import type { Fields, TaskCopy } from "./task-copy.ts";

export interface BestTask {
  readonly fields: Fields;
  readonly logs: readonly unknown[];
  /** The copies that something was taken from; the first one gave the most. */
  readonly sources: readonly [TaskCopy, ...TaskCopy[]];
  /** True if something was taken from a copy that is cut, so that more may have stood behind it. */
  readonly partial: boolean;
  /** Copies whose log contradicts the one that was chosen, and the first entry that does. */
  readonly contradicting: readonly { readonly copy: TaskCopy; readonly entry: number }[];
}

/** Chooses among the copies of one task, given from the most to the least trusted file. */
export const bestOf = (copies: readonly [TaskCopy, ...TaskCopy[]]): BestTask => {
  const base = copies.reduce((best, copy) => (isBetter(copy, best) ? copy : best));
  const newer = copies
    .filter((copy) => !copy.whole && copy.updatedAt > base.updatedAt && base.updatedAt > -Infinity)
    .reduce<TaskCopy | undefined>(
      (best, copy) => (best && !isBetter(copy, best) ? best : copy),
      undefined,
    );
  const longest = [...copies]
    .sort((a, b) => b.logs.length - a.logs.length || Number(b.whole) - Number(a.whole))
    .find(({ logs }) => logs.length > base.logs.length && firstDifference(base.logs, logs) < 0);
  const logs = (longest ?? base).logs;
  const sources = [...new Set([base, newer, longest].filter((copy) => copy !== undefined))];
  return {
    fields: newer ? { ...base.fields, ...newer.fields } : base.fields,
    logs,
    sources: [base, ...sources.slice(1)],
    partial: sources.some((copy) => !copy.whole),
    contradicting: copies.flatMap((copy) => {
      const entry = firstDifference(copy.logs, logs);
      return entry < 0 ? [] : [{ copy, entry }];
    }),
  };
};

/** Where a time is not known, nothing is newer: the more trusted file, which comes first, stays. */
const isBetter = (a: TaskCopy, b: TaskCopy): boolean => {
  if (a.whole !== b.whole) return a.whole;
  if (a.updatedAt === -Infinity || b.updatedAt === -Infinity) return false;
  if (a.updatedAt !== b.updatedAt) return a.updatedAt > b.updatedAt;
  return a.logs.length > b.logs.length;
};

/** The first index, within both, at which two logs differ; -1 if one is the beginning of the other. */
const firstDifference = (a: readonly unknown[], b: readonly unknown[]): number => {
  const common = Math.min(a.length, b.length);
  for (let index = 0; index < common; index += 1) {
    if (a[index] !== b[index] && !isDeepStrictEqual(a[index], b[index])) return index;
  }
  return -1;
};

/**
 * The copy, with the very parts of `earlier` where they are equal: eleven snapshots of a long log then
 * cost the memory of one, and comparing them is cheap.
 */
export const shareWith = (copy: TaskCopy, earlier: TaskCopy): TaskCopy => {
  const differs = firstDifference(copy.logs, earlier.logs);
  const common = Math.min(copy.logs.length, earlier.logs.length);
  const shared = earlier.logs.slice(0, differs < 0 ? common : differs);
  const fields = isDeepStrictEqual(copy.fields, earlier.fields) ? earlier.fields : copy.fields;
  return { ...copy, fields, logs: [...shared, ...copy.logs.slice(shared.length)] };
};
