/**
 * state.json and its ten backups: the whole committed state as of one sequence, as valid JSON.
 *
 * The rule: at no instant is there no valid state.json, and this package knows neither the log nor
 * what an entity means. See docs/format.md.
 */
export {};
