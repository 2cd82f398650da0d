/**
 * `pnpm bench …`: one command, four programs, each of which says with --help what it takes.
 *
 *     pnpm bench [P1 P3 …] [--quick]     measures, beside what a user would pick instead (test/src/bench/main.ts)
 *     pnpm bench campaign …              tries to lose something (test/src/campaign/main.ts)
 *     pnpm bench mutants …               plants bugs and looks whether the tests see them (test/mutants/run.mjs)
 *     pnpm bench stryker …               has StrykerJS change every expression (test/mutants/stryker.mjs)
 *     pnpm bench [program] --help        says this, or what a program takes
 *
 * The rule: this file only chooses, and help is the header of the file that it is about. Figures are printed, never asserted.
 */
import { readFileSync } from "node:fs";

const measuring = { run: "./dist/test/src/bench/main.js", header: "./src/bench/main.ts" };
const programs = new Map([
  ["bench", measuring],
  ["campaign", { run: "./dist/test/src/campaign/main.js", header: "./src/campaign/main.ts" }],
  ["mutants", { run: "./mutants/run.mjs", header: "./mutants/run.mjs" }],
  ["stryker", { run: "./mutants/stryker.mjs", header: "./mutants/stryker.mjs" }],
]);

const headerOf = (file) => {
  const text = readFileSync(new URL(file, import.meta.url), "utf8");
  const [, header = ""] = /^\/\*\*\n([^]*?)\n \*\//.exec(text) ?? [];
  return `${header.replaceAll(/^ \* ?/gm, "")}\n`;
};

/** The benchmarks by name; those of a program that measures nothing stand in its header. */
const help = async (program) => {
  process.stdout.write(headerOf(program?.header ?? "./bench.mjs"));
  if (program && program !== measuring) return;
  const { benchmarks } = await import("./dist/test/src/bench/benchmarks.js");
  const lines = benchmarks.map(({ name, what }) => `    ${name.padEnd(4)} ${what}`);
  process.stdout.write(`\nThe benchmarks:\n\n${lines.join("\n")}\n`);
};

const program = programs.get(process.argv[2]);
if (program) process.argv.splice(2, 1);
if (process.argv.some((word) => word === "--help" || word === "-h")) await help(program);
else await import((program ?? measuring).run);
