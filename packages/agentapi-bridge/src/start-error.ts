/** agentapi is not there, or did not start: what it said, for whoever has to mend it. */
export interface StartFailure {
  /** One clause. */
  readonly reason: string;
  /** The last lines that it printed. */
  readonly printed?: string;
  readonly cause?: unknown;
}

/** Mend what the sentence says, then start it again: nothing was lost, and nothing is left running. */
export class StartError extends Error {
  override readonly name = "StartError";
  readonly code = "AGENTAPI_NOT_STARTED";
  readonly reason: string;
  readonly printed: string | undefined;

  constructor({ reason, printed, cause }: StartFailure) {
    super(`agentapi did not start: ${reason}`, cause === undefined ? undefined : { cause });
    this.reason = reason;
    this.printed = printed;
  }
}
