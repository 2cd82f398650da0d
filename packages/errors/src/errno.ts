/** What the system, or this library, calls an error. The rule: asked of anything, it throws nothing. */

/** What an error says of itself in its field `code`, ours or another's. */
export const codeOf = (error: unknown): string | undefined =>
  typeof error === "object" && error !== null && "code" in error && typeof error.code === "string"
    ? error.code
    : undefined;

/**
 * The errno of an operating system error as a name ("ENOSPC"), or undefined. A code of Node ("ERR_OUT_OF_RANGE") is
 * none: it says that the program asked for something impossible, not that a disk failed.
 */
export const errnoOf = (error: unknown): string | undefined => {
  const code = codeOf(error);
  return code !== undefined && errno.test(code) ? code : undefined;
};

/** "UNKNOWN" is what Node has for an error of Windows that it has no other name for. */
const errno = /^(?:E[A-Z0-9]+|UNKNOWN)$/;
