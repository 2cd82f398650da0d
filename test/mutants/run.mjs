/**
 * `pnpm bench mutants [--only name] [--only-missing] [--within seconds]`: does the test suite see each bug
 * of mutants.json?
 *
 *     copy of HEAD ─ passes? ─┬─ plant one ─ tests, nearest first, up to the first that fails ─ take it out
 *                             └─ and so on ──> results.json: { name, killed, by, seconds }
 *
 * The rule: a mutant is killed only by a test that passes without it, in a copy that holds nothing else;
 * one whose text no longer fits its source ends the run. What is not committed is not tested.
 */
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { commitOf, makeCopy, plant } from "./copy.mjs";
import { firstFailure, runIn, testsFor } from "./tests.mjs";

const root = join(import.meta.dirname, "../..");
const mutantsFile = join(import.meta.dirname, "mutants.json");
const resultsFile = join(import.meta.dirname, "results.json");

/** A suite that takes longer than this under a mutant hangs. */
const timeoutS = 1_500;

const { values } = parseArgs({
  options: {
    only: { type: "string", multiple: true },
    "only-missing": { type: "boolean" },
    jobs: { type: "string", default: "1" },
    within: { type: "string", default: "Infinity" },
  },
});

/** A first look: only test files that take no longer, so that what they let pass is not judged yet. */
const withinS = Number(values.within);

const print = (text) => process.stdout.write(`${text}\n`);

const readResults = () =>
  existsSync(resultsFile)
    ? JSON.parse(readFileSync(resultsFile, "utf8"))
    : { control: undefined, mutants: [] };

/** Others may have written meanwhile: only what is given is replaced. */
const writeResults = ({ control, mutant }) => {
  const before = readResults();
  const names = JSON.parse(readFileSync(mutantsFile, "utf8")).map(({ name }) => name);
  const others = before.mutants.filter(({ name }) => names.includes(name));
  const mutants = mutant
    ? [...others.filter(({ name }) => name !== mutant.name), mutant]
    : [...others];
  mutants.sort((a, b) => names.indexOf(a.name) - names.indexOf(b.name));
  const results = { control: control ?? before.control, mutants };
  writeFileSync(resultsFile, `${JSON.stringify(results, null, 2)}\n`);
};

const build = async (copy) => {
  const built = await runIn(
    copy,
    join(copy, "node_modules/.bin/tsc"),
    ["-b", "--noCheck"],
    {},
    300,
  );
  if (!built.ok) throw new Error(`the copy does not build:\n${built.output}`);
};

/** Sources first; then, built, what starts processes. Files that take longer than `within` are left out. */
const tryTests = async (copy, source, secondsOf, bail = 1) => {
  const { sources, built } = testsFor(copy, source, secondsOf);
  const quick = (file) => (secondsOf[file] ?? 0) <= withinS;
  const first = await firstFailure(copy, sources.filter(quick), { timeoutS, bail });
  if (first.failure && bail > 0) return first;
  await build(copy);
  const second = await firstFailure(copy, built.filter(quick), { timeoutS, bail });
  const failure = first.failure ?? second.failure;
  return { failure, seconds: { ...first.seconds, ...second.seconds } };
};

const timed = async (work) => {
  const startMs = performance.now();
  const value = await work();
  return { value, seconds: Math.round((performance.now() - startMs) / 100) / 10 };
};

/** Without a bug everything passes; its times order the tests. */
const control = async (copy) => {
  const commit = commitOf(copy);
  const known = readResults().control;
  if (known && (known.commit === commit || values["only-missing"])) return known.seconds;
  print(`control: ${commit} without a bug`);
  const { value, seconds } = await timed(() => tryTests(copy, undefined, {}, 0));
  if (value.failure)
    throw new Error(`${value.failure.by} fails without a bug: ${value.failure.message}`);
  print(`control: passes (${seconds} s)`);
  writeResults({ control: { commit, seconds: value.seconds } });
  return value.seconds;
};

const tryMutant = async (copy, mutant, secondsOf) => {
  const takeOut = plant(copy, mutant);
  try {
    const { value, seconds } = await timed(() => tryTests(copy, mutant.file, secondsOf));
    const { name } = mutant;
    const commit = commitOf(copy);
    const { failure } = value;
    return failure
      ? {
          name,
          killed: true,
          by: failure.by,
          message: failure.message.slice(0, 300),
          seconds,
          commit,
        }
      : { name, killed: false, by: "", message: "", seconds, commit };
  } finally {
    takeOut();
  }
};

const printTable = (mutants) => {
  const { mutants: results } = readResults();
  const byName = new Map(results.map((one) => [one.name, one]));
  for (const { name, blind } of mutants) {
    const one = byName.get(name);
    const state = one ? (one.killed ? "killed" : "SURVIVED") : "not run";
    print(`${state.padEnd(9)} ${blind ? "blind" : "     "} ${name.padEnd(52)} ${one?.by ?? ""}`);
  }
  const killed = mutants.filter(({ name }) => byName.get(name)?.killed).length;
  print(`${killed} of ${mutants.length} killed`);
  return killed === mutants.length;
};

const main = async () => {
  if (values.jobs !== "1") throw new Error("one job at a time: the tests share locks and mounts");
  const all = JSON.parse(readFileSync(mutantsFile, "utf8"));
  const done = new Set(readResults().mutants.map(({ name }) => name));
  const wanted = all
    .filter(({ name }) => !values.only || values.only.includes(name))
    .filter(({ name }) => !values["only-missing"] || !done.has(name));
  const copy = makeCopy(root);
  print(`${wanted.length} mutants, in ${copy}`);
  try {
    const secondsOf = wanted.length === 0 ? {} : await control(copy);
    for (const [index, mutant] of wanted.entries()) {
      const result = await tryMutant(copy, mutant, secondsOf);
      if (result.killed || withinS === Infinity) writeResults({ mutant: result });
      const state = result.killed ? "killed" : "SURVIVED";
      print(
        `${index + 1}/${wanted.length} ${state} ${mutant.name} (${result.seconds} s) ${result.by}`,
      );
    }
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
  if (!printTable(all)) process.exitCode = 1;
};

await main();
