/**
 * What may be logged of an error: what it is, not what it says.
 *
 *     of the disk, the lock, the format   name, code and message: made of paths, numbers and errnos
 *     all others                          name, code and where it was thrown; a schema, a reducer or a listener may quote
 *                                         the payload that it was given
 *
 * The rule: no text that was made outside this library passes, except the name of a class and the code of an error.
 */
import {
  ClosedError,
  ConflictError,
  CorruptError,
  DiskFailedError,
  LockedError,
  UnsupportedFormatError,
  codeOf,
  errnoOf,
} from "@taskwal/errors";

export interface ErrorFacts {
  readonly name: string;
  /** Ours ("DISK_FAILED"), or the system's ("ENOSPC"). */
  readonly code: string | undefined;
  readonly message?: string;
  /** Lines of its stack, without its message. */
  readonly at?: string;
}

const speaksOfFiles = [
  ClosedError,
  ConflictError,
  CorruptError,
  DiskFailedError,
  LockedError,
  UnsupportedFormatError,
];

/** Errors that the system threw say which call failed. */
const isOfSystem = (error: Error): boolean => errnoOf(error) !== undefined && "syscall" in error;

export const errorFacts = (error: unknown): ErrorFacts => {
  if (!(error instanceof Error)) return { name: typeof error, code: undefined };
  const { name, message } = error;
  const code = codeOf(error);
  const isOurs = speaksOfFiles.some((each) => error instanceof each);
  if (isOurs || isOfSystem(error)) return { name, code, message };
  const at = frames(error);
  return at === "" ? { name, code } : { name, code, at };
};

/** Of a stack that does not begin with name and message it cannot be told where they end. */
const frames = ({ name, message, stack = "" }: Error): string => {
  const said = message === "" ? name : `${name}: ${message}`;
  return stack.startsWith(`${said}\n`) ? stack.slice(said.length + 1) : "";
};
