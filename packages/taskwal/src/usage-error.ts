/** The command was called with words it can do nothing with: told in one sentence, exit code 2. */
export class UsageError extends Error {}
