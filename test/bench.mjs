/**
 * `pnpm bench …`: one command, four programs, each of which says in its header what it takes.
 *
 *     pnpm bench [P1 P3 …] [--quick]     measures, beside what a user would pick instead (test/src/bench/main.ts)
 *     pnpm bench campaign …              tries to lose something (test/src/campaign/main.ts)
 *     pnpm bench mutants …               plants bugs and looks whether the tests see them (test/mutants/run.mjs)
 *     pnpm bench stryker …               has StrykerJS change every expression (test/mutants/stryker.mjs)
 *
 * The rule: this file only chooses. Figures are printed, never asserted.
 */
const programs = new Map([
  ["campaign", "./dist/test/src/campaign/main.js"],
  ["mutants", "./mutants/run.mjs"],
  ["stryker", "./mutants/stryker.mjs"],
]);
const program = programs.get(process.argv[2]);
if (program) process.argv.splice(2, 1);
await import(program ?? "./dist/test/src/bench/main.js");
