/**
 * Why a request had no answer, and whether anything of it was sent.
 *
 * The rule: only a connection that was refused is known to have carried nothing.
 */

export interface HttpFailure {
  /** For people: "ECONNREFUSED", "the operation was aborted due to timeout". */
  readonly reason: string;
  readonly isRefused: boolean;
}

/** What `fetch` threw: the cause says more than the error. */
export const failureOf = (error: unknown): HttpFailure => {
  const errors = causesOf(error);
  const codes = errors.map(({ code }) => code).filter((code) => typeof code === "string");
  const last = errors.at(-1);
  return {
    reason: codes.at(-1) ?? (last === undefined ? String(error) : last.message),
    isRefused: codes.includes("ECONNREFUSED"),
  };
};

const causesOf = (error: unknown): (Error & { readonly code?: unknown })[] =>
  error instanceof Error ? [error, ...causesOf(error.cause)] : [];
