/**
 * What a diagnosis says.
 *
 *     torn        a value begins and does not end: cut in the middle
 *     glued       behind a whole value, on its line or in its file, stand bytes of another
 *     zeroed      no byte at all, or NUL bytes where text was
 *     garbled     bytes that are not what the file is for
 *     hidden      whole, and its own program does not show it
 *     missing     named, and not there
 *     unreadable  not looked into: the disk refused, or it is over a bound
 *
 * The rule: every finding names one file, and the byte where there is one to name.
 */

export const findingKinds = [
  "torn",
  "glued",
  "zeroed",
  "garbled",
  "hidden",
  "missing",
  "unreadable",
] as const;

export type FindingKind = (typeof findingKinds)[number];

export type FindingCounts = Readonly<Partial<Record<FindingKind, number>>>;

export interface Finding {
  readonly kind: FindingKind;
  /** Relative to the directory, "/"-separated. */
  readonly file: string;
  /** One clause. It may hold text from the file, as it stands there: escape it before a terminal sees it. */
  readonly reason: string;
  /** Where in the file, in bytes from 0; absent where no byte is to blame. */
  readonly startBytes?: number;
  /** The line of a JSONL file, from 1. */
  readonly line?: number;
  /** Of a damaged task: the file that has a whole copy of it. */
  readonly copyIn?: string;
}

/** The programs whose files are told apart. */
export type Program = "systemprompt" | "claude-code" | "codex" | "cline";

export interface FileReport {
  readonly file: string;
  readonly sizeBytes: number;
  readonly program?: Program;
  /** What is counted below: "records", "tasks", "log entries", "messages", "values", "lines". */
  readonly unit: string;
  /** How many of them are whole and can be read. */
  readonly count: number;
  /** The earliest and the latest time that the readable part names, ISO 8601. */
  readonly firstAt?: string;
  readonly lastAt?: string;
  /** How many ids were read, and the first of them (`idsShownMax`). */
  readonly idCount: number;
  readonly ids: readonly string[];
  /** In the order of the file; at most `findingsPerFileMax`. */
  readonly findings: readonly Finding[];
  /** How many there are of each kind: also those beyond that, which are only counted. */
  readonly found: FindingCounts;
  /** It was written while it was read: what is torn at its end may be a write under way. */
  readonly changing: boolean;
}

export const idsShownMax = 10;
export const findingsPerFileMax = 20;
