/**
 * Every way to refuse, in one file: one class per remedy.
 *
 *     what the caller does next                     class
 *     fix the call                                  InvalidMutationError
 *     read again, decide again                      ConflictError
 *     find the process that owns the directory      LockedError
 *     fix the disk, then reopen                     DiskFailedError
 *     restore, or open with salvage                 CorruptError
 *     run the version that wrote it, or newer       UnsupportedFormatError
 *     fix the model                                 ReplayFailedError
 *     open a store                                  ClosedError
 *
 * The rule: branch on the class or on `code`, never on `message`. The facts are fields; `message` is
 * one lower-case sentence made of the same facts; `cause` is the original error. Bad bytes inside
 * `format` are values, not errors. No message suggests deleting anything.
 */

import { codeOf, errnoOf } from "./errno.ts";

export { codeOf, errnoOf };

export type StoreErrorCode =
  | "INVALID_MUTATION"
  | "CONFLICT"
  | "LOCKED"
  | "DISK_FAILED"
  | "CORRUPT"
  | "UNSUPPORTED_FORMAT"
  | "REPLAY_FAILED"
  | "CLOSED";

const brandOf = (code: StoreErrorCode): symbol => Symbol.for(`taskwal.error.${code}`);
const storeErrorBrand = Symbol.for("taskwal.error");

const carries = (value: unknown, brand: symbol): boolean =>
  typeof value === "object" && value !== null && brand in value;

/** The base of all eight. `instanceof` holds across duplicate installs: it looks at a registered symbol. */
export abstract class StoreError extends Error {
  abstract readonly code: StoreErrorCode;

  static override [Symbol.hasInstance](value: unknown): boolean {
    return carries(value, storeErrorBrand);
  }
}

/** Brands a class: its instances carry the symbol, and `instanceof` asks for the symbol. */
const branded = (constructor: typeof StoreError | Function, code: StoreErrorCode): void => {
  const brand = brandOf(code);
  Object.defineProperty(constructor.prototype, brand, { value: true });
  Object.defineProperty(constructor.prototype, "name", { value: constructor.name });
  Object.defineProperty(constructor, Symbol.hasInstance, {
    value: (value: unknown) => carries(value, brand),
  });
};
Object.defineProperty(StoreError.prototype, storeErrorBrand, { value: true });

const messageOf = (text: string, cause: unknown): [string, ErrorOptions?] =>
  cause === undefined ? [text] : [text, { cause }];

export interface InvalidMutationFacts {
  /** Why it was refused, as one clause: "is not a number that JSON can hold". */
  readonly reason: string;
  /** Where in the payload, as a JSON path: `$.metadata.size`. */
  readonly path?: string;
  readonly type?: string;
  readonly id?: string;
  /** What the schema said, when a schema refused it. */
  readonly issues?: readonly { readonly message: string; readonly path?: readonly unknown[] }[];
  readonly cause?: unknown;
}

/** A path into a value that is too deep is too long to be read; the field has all of it. */
const shortened = (path: string): string => (path.length > 200 ? `${path.slice(0, 200)}…` : path);

/** The call is wrong: nothing was written and the state is unchanged. Fix the call. */
export class InvalidMutationError extends StoreError {
  readonly code = "INVALID_MUTATION";
  readonly reason: string;
  readonly path: string | undefined;
  readonly type: string | undefined;
  readonly id: string | undefined;
  readonly issues: InvalidMutationFacts["issues"];

  constructor(facts: InvalidMutationFacts) {
    const where = [
      facts.type,
      facts.id && `of ${facts.id}`,
      facts.path && `at ${shortened(facts.path)}`,
    ];
    const prefix = where.filter(Boolean).join(" ");
    super(...messageOf(`invalid mutation${prefix && ` ${prefix}`}: ${facts.reason}`, facts.cause));
    this.reason = facts.reason;
    this.path = facts.path;
    this.type = facts.type;
    this.id = facts.id;
    this.issues = facts.issues;
  }
}

export type ExpectedVersion = number | "any" | "absent" | "exists";

export interface ConflictFacts {
  readonly id: string;
  /** What the call expected, or "key" when an idempotency key came back with another payload. */
  readonly expected: ExpectedVersion | "key";
  /** The entity's version now: the count of its mutations, 0 if it never existed. */
  readonly current: number;
  /** False if the entity does not exist now (never created, or deleted). */
  readonly exists: boolean;
  readonly key?: string;
}

/** Somebody else was first: nothing was written. Read again, decide again. */
export class ConflictError extends StoreError {
  readonly code = "CONFLICT";
  readonly id: string;
  readonly expected: ConflictFacts["expected"];
  readonly current: number;
  readonly exists: boolean;
  readonly key: string | undefined;

  constructor(facts: ConflictFacts) {
    const now = facts.exists ? `is at version ${facts.current}` : "does not exist";
    super(
      facts.expected === "key"
        ? `the idempotency key ${JSON.stringify(facts.key)} was used before with another mutation`
        : `expected ${facts.id} at version ${facts.expected}, but it ${now}`,
    );
    this.id = facts.id;
    this.expected = facts.expected;
    this.current = facts.current;
    this.exists = facts.exists;
    this.key = facts.key;
  }
}

/** Who holds a directory, as its LOCK file says. */
export interface LockOwner {
  readonly pid: number;
  readonly host: string;
  readonly backend: string;
  readonly epoch?: number;
  /** Milliseconds since the epoch. */
  readonly since?: number;
}

export interface LockedFacts {
  readonly path: string;
  /** Undefined if the owner had not written its name yet. */
  readonly owner: LockOwner | undefined;
  /** Why the owner counts as alive: "holds the lock", "is alive", "runs in another pid namespace". */
  readonly reason: string;
}

/** Another process owns the directory: it was not opened and nothing was written. */
export class LockedError extends StoreError {
  readonly code = "LOCKED";
  readonly path: string;
  readonly owner: LockOwner | undefined;
  readonly reason: string;

  constructor(facts: LockedFacts) {
    const who = facts.owner
      ? `process ${facts.owner.pid} on ${facts.owner.host}`
      : "another process";
    super(`${facts.path} is in use: ${who} ${facts.reason}`);
    this.path = facts.path;
    this.owner = facts.owner;
    this.reason = facts.reason;
  }
}

export interface DiskFailedFacts {
  /** What was being done, as a verb: "write", "sync", "open". */
  readonly operation: string;
  readonly path: string;
  /**
   * `not-written`: the mutation is not on the disk and never will be; the same call may be tried again.
   * `unknown`: it may or may not be there after a reopen; try again with the same idempotency `key`.
   */
  readonly outcome: "not-written" | "unknown";
  /** The errno, as a name: "ENOSPC". */
  readonly errno?: string;
  readonly reason?: string;
  /** The permission bits of what is in the way, for want of permission. */
  readonly mode?: number;
  /** What to do, as a person would type it, where that is known. */
  readonly remedy?: string;
  readonly cause?: unknown;
}

/** The disk refused or lied. Fix the disk, then reopen. Reads go on from memory. */
export class DiskFailedError extends StoreError {
  readonly code = "DISK_FAILED";
  readonly operation: string;
  readonly path: string;
  readonly outcome: DiskFailedFacts["outcome"];
  readonly errno: string | undefined;
  readonly reason: string | undefined;
  readonly mode: number | undefined;
  readonly remedy: string | undefined;

  constructor(facts: DiskFailedFacts) {
    const errno = facts.errno ?? errnoOf(facts.cause);
    const why = facts.reason ?? errno ?? (facts.cause instanceof Error ? facts.cause.message : "");
    const said = facts.outcome === "unknown" ? "; whether it was written is unknown" : "";
    super(...messageOf(`cannot ${facts.operation} ${facts.path}: ${why}${said}`, facts.cause));
    this.operation = facts.operation;
    this.path = facts.path;
    this.outcome = facts.outcome;
    this.errno = errno;
    this.reason = facts.reason;
    this.mode = facts.mode;
    this.remedy = facts.remedy;
  }
}

export interface CorruptFacts {
  readonly file: string;
  readonly reason: string;
  /** Half-open byte range of the damage in `file`. */
  readonly startBytes?: number;
  readonly endBytes?: number;
  /** Inclusive ranges of sequences that are lost or damaged. */
  readonly sequences?: readonly (readonly [first: number, last: number])[];
  readonly cause?: unknown;
}

/** Acknowledged data no longer reads. Nothing was changed: restore a copy, or open with salvage. */
export class CorruptError extends StoreError {
  readonly code = "CORRUPT";
  readonly file: string;
  readonly reason: string;
  readonly startBytes: number | undefined;
  readonly endBytes: number | undefined;
  readonly sequences: readonly (readonly [number, number])[];

  constructor(facts: CorruptFacts) {
    const bytes =
      facts.startBytes === undefined
        ? ""
        : `, bytes ${facts.startBytes} to ${facts.endBytes ?? "the end"}`;
    const lost = (facts.sequences ?? []).map(([a, b]) => (a === b ? `${a}` : `${a} to ${b}`));
    const which = lost.length > 0 ? ` (sequences ${lost.join(", ")})` : "";
    super(...messageOf(`${facts.file}${bytes}: ${facts.reason}${which}`, facts.cause));
    this.file = facts.file;
    this.reason = facts.reason;
    this.startBytes = facts.startBytes;
    this.endBytes = facts.endBytes;
    this.sequences = facts.sequences ?? [];
  }
}

export interface UnsupportedFormatFacts {
  readonly file: string;
  /** What was found, as a noun: "log format 2", "task schema version 3", "a state.json of another program". */
  readonly found: string;
  /** What this version reads, as a noun. */
  readonly supported: string;
}

/** The files are of a newer version or of another program. Nothing was changed: run what wrote them, or newer. */
export class UnsupportedFormatError extends StoreError {
  readonly code = "UNSUPPORTED_FORMAT";
  readonly file: string;
  readonly found: string;
  readonly supported: string;

  constructor(facts: UnsupportedFormatFacts) {
    super(`${facts.file} holds ${facts.found}; this version reads ${facts.supported}`);
    this.file = facts.file;
    this.found = facts.found;
    this.supported = facts.supported;
  }
}

export interface ReplayFailedFacts {
  readonly sequence: number;
  readonly type: string;
  readonly id?: string;
  /** Where in the entity, if a schema refused what a migration made of it. */
  readonly path?: string;
  /** If it is no record but an entity of a snapshot: `type` is its name, `sequence` the snapshot's. */
  readonly migration?: { readonly file: string; readonly from: number; readonly to: number };
  readonly reason: string;
  readonly cause?: unknown;
}

/** A durable, intact record, or entity of a snapshot, cannot be replayed by this model. Nothing was changed: fix the model. */
export class ReplayFailedError extends StoreError {
  readonly code = "REPLAY_FAILED";
  readonly sequence: number;
  readonly type: string;
  readonly id: string | undefined;
  readonly path: string | undefined;
  readonly migration: ReplayFailedFacts["migration"];
  readonly reason: string;

  constructor(facts: ReplayFailedFacts) {
    const { migration, path } = facts;
    const subject = migration
      ? `migrate ${facts.type} ${facts.id} of ${migration.file} from version ${migration.from} to ${migration.to}`
      : `replay record ${facts.sequence} (${facts.type})`;
    const where = path === undefined ? "" : ` at ${shortened(path)}`;
    super(...messageOf(`cannot ${subject}${where}: ${facts.reason}`, facts.cause));
    this.path = path;
    this.migration = migration;
    this.sequence = facts.sequence;
    this.type = facts.type;
    this.id = facts.id;
    this.reason = facts.reason;
  }
}

/** The store is closed, read-only or poisoned for writing. `reason` says which. */
export class ClosedError extends StoreError {
  readonly code = "CLOSED";
  readonly reason: string;

  constructor(reason = "the store is closed") {
    super(reason);
    this.reason = reason;
  }
}

branded(InvalidMutationError, "INVALID_MUTATION");
branded(ConflictError, "CONFLICT");
branded(LockedError, "LOCKED");
branded(DiskFailedError, "DISK_FAILED");
branded(CorruptError, "CORRUPT");
branded(UnsupportedFormatError, "UNSUPPORTED_FORMAT");
branded(ReplayFailedError, "REPLAY_FAILED");
branded(ClosedError, "CLOSED");

/** A rule of this code that must hold whatever the input. Not a StoreError: nobody should catch it. */
export function invariant(condition: unknown, rule: string): asserts condition {
  if (!condition) throw new Error(`invariant broken: ${rule}`);
}
