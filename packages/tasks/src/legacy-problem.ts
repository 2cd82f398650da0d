/**
 * What reading a legacy directory could not take as it stands: one entry per file and reason.
 *
 *     the file     empty-file  nul-filled  nul-hole  cut  damaged  stale-tail  bom  utf-16  too-large
 *                  read-error  missing-file  foreign  newer-version
 *     its value    not-a-task  not-a-snapshot  no-id  duplicate-id  id-differs  logs-differ
 *                  presumed-deleted
 *     in a task    missing-field  odd-field  odd-time  odd-log-entry  unknown-status  too-deep
 *                  number-changed  forbidden-key  duplicate-key  invalid-utf-8
 *
 * The rule: nothing is changed, left out or made up without an entry here.
 */

export type LegacyProblemKind =
  | "empty-file"
  | "nul-filled"
  | "nul-hole"
  | "cut"
  | "damaged"
  | "stale-tail"
  | "bom"
  | "utf-16"
  | "too-large"
  | "read-error"
  | "missing-file"
  | "foreign"
  | "newer-version"
  | "not-a-task"
  | "not-a-snapshot"
  | "no-id"
  | "duplicate-id"
  | "id-differs"
  | "logs-differ"
  | "presumed-deleted"
  | "missing-field"
  | "odd-field"
  | "odd-time"
  | "odd-log-entry"
  | "unknown-status"
  | "too-deep"
  | "number-changed"
  | "forbidden-key"
  | "duplicate-key"
  | "invalid-utf-8";

export interface LegacyProblem {
  /** The name in the directory: "tasks/x.json". */
  readonly file: string;
  readonly kind: LegacyProblemKind;
  /** One lower-case sentence. */
  readonly reason: string;
  /** Where it begins in the file, in bytes from 0; absent where no single byte is to blame. */
  readonly startBytes?: number;
  /** What could be read all the same, in words: "nothing", "all of it", "4 fields and 3 log entries". */
  readonly recovered: string;
}

/** By file, then by place, then by kind and reason: the same directory always gives the same list. */
export const inOrder = (problems: readonly LegacyProblem[]): LegacyProblem[] =>
  [...problems].sort(
    (a, b) =>
      byText(a.file, b.file) ||
      (a.startBytes ?? -1) - (b.startBytes ?? -1) ||
      byText(a.kind, b.kind) ||
      byText(a.reason, b.reason),
  );

/** By UTF-16 code unit, the same on every machine. */
export const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** "1 task", "2 tasks", "2 log entries". */
export const counted = (count: number, noun: string): string => {
  if (count === 1) return `1 ${noun}`;
  return `${count} ${noun.endsWith("y") ? `${noun.slice(0, -1)}ies` : `${noun}s`}`;
};
