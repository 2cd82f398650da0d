/**
 * Signalling with coder/agentapi, and a journal of its conversation. Not yet: this package holds its name.
 *
 *     agentapi  <── prompts, signals ──  bridge  ── one record per message and status ──>  store
 *
 * The rule: it exports nothing until it does something. See README.md for what it will be.
 */

// oxlint-disable-next-line unicorn/require-module-specifiers -- an empty module is just what is meant
export {};
