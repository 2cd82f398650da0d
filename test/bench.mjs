/**
 * `pnpm bench …`: one command, three programs, each of which says in its header what it takes.
 *
 *     pnpm bench [P1 P3 …] [--quick]     measures, beside what a user would pick instead
 *     pnpm bench campaign …              tries to lose something
 *     pnpm bench mutants …               plants bugs and looks whether the tests see them
 *
 * The rule: this file only chooses. Figures are printed, never asserted.
 */
const programs = new Map([
  ["campaign", "./dist/test/src/campaign/main.js"],
  ["mutants", "./mutants/run.mjs"],
]);
const program = programs.get(process.argv[2]);
if (program) process.argv.splice(2, 1);
await import(program ?? "./dist/test/src/bench/main.js");
