/**
 * `pnpm bench mutants [--only name] [--only-missing] [--within seconds] [--control]`: does the test suite
 * see each bug of mutants.json?
 *
 *     copy of HEAD ─ plant one ─ tests, nearest first, up to the first that fails ─ take it out
 *                    └ that file passes without it?  no: not counted   yes: killed ──> results.json
 *
 * The rule: a mutant is killed only by a test file that fails twice with it and passes without it, in a
 * copy that holds nothing else, and survives only the whole suite; one whose text no longer fits its source ends the run. What is
 * not committed is not tested.
 */
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { commitOf, makeCopy, plant } from "./copy.mjs";
import { listOf } from "./list.mjs";
import { allTests, firstFailure, runIn, testsFor } from "./tests.mjs";

const root = join(import.meta.dirname, "../..");
const mutantsFile = join(import.meta.dirname, "mutants.json");
const resultsFile = join(import.meta.dirname, "results.json");
const listFile = join(root, "docs/planted-bugs.md");

/** A suite that takes longer than this under a mutant hangs. */
const timeoutS = 1_500;

const { values } = parseArgs({
  options: {
    only: { type: "string", multiple: true },
    "only-missing": { type: "boolean" },
    /** A first look: only test files that take no longer, so that what they let pass is not judged yet. */
    within: { type: "string", default: "Infinity" },
    /** Runs, without a bug, all test files that no mutant has asked for yet. */
    control: { type: "boolean" },
    jobs: { type: "string", default: "1" },
  },
});
const withinS = Number(values.within);

const print = (text) => process.stdout.write(`${text}\n`);
const readJson = (file) => JSON.parse(readFileSync(file, "utf8"));

/**
 * `passes`: test files that pass without a bug, by the commit at which they were run. `seconds`: how long
 * files took, for the order. `mutants`: what became of each.
 */
const results = existsSync(resultsFile)
  ? readJson(resultsFile)
  : { passes: {}, seconds: {}, mutants: [] };
const all = readJson(mutantsFile);

const save = () => {
  const names = all.map(({ name }) => name);
  const place = ({ name }) => names.indexOf(name);
  results.mutants = results.mutants
    .filter((one) => place(one) >= 0)
    .toSorted((a, b) => place(a) - place(b));
  writeFileSync(resultsFile, `${JSON.stringify(results, null, 2)}\n`);
  writeFileSync(listFile, listOf(all, results));
};

/** What is built in the copy: the name of a mutant, "" without one, undefined if nothing is. */
let built;

const build = async (copy, name) => {
  if (built === name) return;
  const tsc = join(copy, "node_modules/.bin/tsc");
  const run = await runIn(copy, tsc, ["-b", "--noCheck"], {}, 300);
  if (!run.ok) throw new Error(`the copy does not build:\n${run.output}`);
  built = name;
};

/** Test files that fail without a bug at this commit: they are nobody's evidence, and are told. */
const failing = new Map();

/** The first failure, or undefined if every test file passes. */
const tryTests = async (copy, { name, file: source, test }, chance) => {
  const before = results.mutants.find((one) => one.name === name)?.by.split(" › ")[0];
  const counts = (file) =>
    (results.seconds[file] ?? 0) <= withinS && !failing.has(file) && !chance.has(file);
  // What an earlier mutant was built for must not be there for this one.
  if (built !== undefined) await build(copy, name);
  for (const { files, isBuilt } of testsFor(copy, source, results.seconds, test ?? before)) {
    const counted = files.filter(counts);
    if (isBuilt && counted.length > 0) await build(copy, name);
    const { failure, seconds } = await firstFailure(copy, counted, { timeoutS });
    Object.assign(results.seconds, seconds);
    if (!failure) continue;
    // A loaded machine makes tests of time fail: what sees a bug sees it twice.
    const again = failure.file
      ? await firstFailure(copy, [failure.file], { timeoutS })
      : { failure };
    if (again.failure) return failure;
    print(`BY CHANCE: ${failure.by} failed once under ${name}, and passes`);
    chance.add(failure.file);
    return tryTests(copy, { name, file: source, test }, chance);
  }
  return undefined;
};

/** Whether the test file passes without a bug. */
const passes = async (copy, file) => {
  const commit = commitOf(copy);
  if (!file || results.passes[file] === commit) return true;
  await build(copy, "");
  const { failure } = await firstFailure(copy, [file], { timeoutS });
  if (failure) {
    print(`NOT COUNTED: ${failure.by} fails without a bug: ${failure.message}`);
    failing.set(file, failure.by);
  } else results.passes[file] = commit;
  save();
  return !failure;
};

const tryMutant = async (copy, mutant) => {
  const startMs = performance.now();
  const takeOut = plant(copy, mutant);
  const failure = await tryTests(copy, mutant, new Set()).finally(takeOut);
  const seconds = Math.round((performance.now() - startMs) / 100) / 10;
  if (failure && !(await passes(copy, failure.file))) return tryMutant(copy, mutant);
  const { by = "", message = "" } = failure ?? {};
  const { name } = mutant;
  const killed = failure !== undefined;
  return { name, killed, by, message: message.slice(0, 300), seconds, commit: commitOf(copy) };
};

const note = (result) => {
  results.mutants = [...results.mutants.filter(({ name }) => name !== result.name), result];
  save();
};

const control = async (copy) => {
  for (const file of allTests(copy)) {
    if (await passes(copy, file)) print(`passes without a bug: ${file}`);
  }
};

const printTable = () => {
  const byName = new Map(results.mutants.map((one) => [one.name, one]));
  for (const { name, blind } of all) {
    const one = byName.get(name);
    const state = one ? (one.killed ? "killed" : "SURVIVED") : "not run";
    print(`${state.padEnd(9)} ${blind ? "blind" : "     "} ${name.padEnd(52)} ${one?.by ?? ""}`);
  }
  const killed = all.filter(({ name }) => byName.get(name)?.killed).length;
  print(`${killed} of ${all.length} killed`);
  return killed === all.length;
};

const main = async () => {
  if (values.jobs !== "1") throw new Error("one job at a time: the tests share locks and mounts");
  const done = new Set(results.mutants.map(({ name }) => name));
  const wanted = all
    .filter(({ name }) => !values.control && (!values.only || values.only.includes(name)))
    .filter(({ name }) => !values["only-missing"] || !done.has(name));
  const copy = makeCopy(root);
  print(`${wanted.length} mutants, in ${copy}`);
  try {
    if (values.control) await control(copy);
    for (const [index, mutant] of wanted.entries()) {
      const result = await tryMutant(copy, mutant);
      if (result.killed || withinS === Infinity) note(result);
      const state = result.killed ? "killed" : "SURVIVED";
      print(
        `${index + 1}/${wanted.length} ${state} ${mutant.name} (${result.seconds} s) ${result.by}`,
      );
    }
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
  for (const by of failing.values()) print(`fails without a bug: ${by}`);
  if (!printTable() || failing.size > 0) process.exitCode = 1;
};

await main();
