/**
 * Which tests may kill a mutant, and a run of them that ends at the first that fails.
 *
 *     its own test file ─ its package ─ likely killers ─ the others, the quickest first
 *                                       └ first those that read sources, then, after a build, those
 *                                         that start processes
 *
 * The rule: only a test that runs the engine counts. The architecture's rules read texts, and planted-bugs
 * plants its own: both would "kill" a mutant by its spelling.
 */
import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";

/** What most often sees a bug that the tests nearest to it let pass; then come the others, the quickest first. */
const likely =
  "calls promises poison records mirrors-after-crash ownership crash corruption recovery-notes"
    .split(" ")
    .map((name) => `test/src/${name}.test.ts`);

const notCounted = /(architecture|planted-bugs)\.test\.ts$/;

const testsIn = (copy, folder) =>
  readdirSync(join(copy, folder))
    .filter((name) => name.endsWith(".test.ts"))
    .map((name) => `${folder}/${name}`)
    .filter((file) => !notCounted.test(file));

/** All test files that count. */
export const allTests = (copy) => [
  ...readdirSync(join(copy, "packages")).flatMap((name) => testsIn(copy, `packages/${name}/src`)),
  ...testsIn(copy, "test/src"),
];

/** Whether it, or a file of the tests that it imports, starts processes: those run what is built. */
const needsBuild = (copy, file, seen = new Set()) => {
  if (seen.has(file)) return false;
  seen.add(file);
  const text = readFileSync(join(copy, file), "utf8");
  if (/node:child_process|\/dist\//.test(text)) return true;
  const imported = [...text.matchAll(/from "(\.[^"]*\.ts)"/g)].map(([, path]) => path);
  return imported.some((path) => needsBuild(copy, join(dirname(file), path), seen));
};

/** The folders of a package and of all that stand on it: no other package's tests can see its bugs. */
const reachOf = (copy, folder) => {
  const manifests = readdirSync(join(copy, "packages")).map((name) => ({
    folder: `packages/${name}/src`,
    ...JSON.parse(readFileSync(join(copy, "packages", name, "package.json"), "utf8")),
  }));
  const reach = new Set(manifests.filter((one) => one.folder === folder));
  // A set that grows while it is walked: those found are walked as well.
  for (const { name } of reach) {
    for (const one of manifests) {
      if ({ ...one.dependencies, ...one.devDependencies }[name]) reach.add(one);
    }
  }
  return new Set([...reach].map((one) => one.folder));
};

/** Two that are infinite are equal. */
const compare = (a, b) => (a === b ? 0 : a - b);

/**
 * Groups of test files in the order in which they are to be tried, and whether they run what is built.
 * `known` saw the bug before, or was written for it: it comes first.
 */
export const testsFor = (copy, source, secondsOf, known) => {
  const folder = source && source.slice(0, source.lastIndexOf("/"));
  const own = source && `${folder}/${basename(source, ".ts")}.test.ts`;
  const rank = (file) => (file === own ? 0 : file.startsWith(`${folder}/`) ? 1 : 2);
  const reach = source && reachOf(copy, folder);
  const sees = (file) => !reach || file.startsWith("test/") || reach.has(dirname(file));
  const ordered = allTests(copy)
    .filter((file) => sees(file) && file !== known)
    .map((file) => ({ file, rank: rank(file), seconds: secondsOf[file] ?? 0 }))
    .map((one) => ({ ...one, place: (likely.indexOf(one.file) + 1 || Infinity) - 1 }))
    .toSorted((a, b) => a.rank - b.rank || compare(a.place, b.place) || a.seconds - b.seconds);
  const near = ordered.filter((one) => one.rank < 2).map(({ file }) => file);
  const far = ordered.filter((one) => one.rank === 2).map(({ file }) => file);
  const needs = (file) => needsBuild(copy, file);
  const first = known && existsSync(join(copy, known)) ? [known] : [];
  return [
    { files: first, isBuilt: first.some(needs) },
    { files: near, isBuilt: near.some(needs) },
    { files: far.filter((file) => !needs(file)), isBuilt: false },
    { files: far.filter(needs), isBuilt: true },
  ];
};

/** Runs a program in the copy; its output, and whether it succeeded in time. */
export const runIn = (copy, command, args, env, timeoutS) =>
  new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: copy,
      env: { ...process.env, ...env },
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (text) => (output = `${output}${text}`.slice(-20_000)));
    }
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      // The whole group: tests start processes of their own.
      if (child.pid) process.kill(-child.pid, "SIGKILL");
    }, timeoutS * 1_000);
    child.on("close", (code) => {
      clearTimeout(timer);
      resolve({ ok: code === 0, late, output });
    });
  });

/** The first test that fails: `{ by, message }`, or undefined if all pass; with the seconds of each file. */
export const firstFailure = async (copy, files, { timeoutS, bail = 1 }) => {
  const seconds = {};
  if (files.length === 0) return { failure: undefined, seconds };
  const report = join(copy, "mutant-report.json");
  rmSync(report, { force: true });
  const args = [
    "run",
    "--config",
    "test/mutants/vitest.mutants.config.mjs",
    "--bail",
    String(bail),
  ];
  const reporters = ["--reporter", "json", "--outputFile", report];
  const env = { TASKWAL_MUTANT_FILES: JSON.stringify(files) };
  const vitest = join(copy, "node_modules/.bin/vitest");
  const run = await runIn(copy, vitest, [...args, ...reporters], env, timeoutS);
  if (run.late)
    return { failure: { file: "", by: `no end within ${timeoutS} s`, message: "" }, seconds };
  let results;
  try {
    results = JSON.parse(readFileSync(report, "utf8")).testResults;
  } catch {
    const message = run.output.slice(-500);
    return { failure: { file: "", by: "vitest gave no report", message }, seconds };
  }
  for (const { name, startTime, endTime } of results) {
    seconds[name.slice(copy.length + 1)] = Math.round((endTime - startTime) / 100) / 10;
  }
  return { failure: failureOf(copy, results, run), seconds };
};

const firstLine = (text) => text.split("\n", 1)[0];

const failureOf = (copy, results, { ok, output }) => {
  for (const { name, assertionResults, message } of results) {
    const file = name.slice(copy.length + 1);
    const failed = assertionResults.find(({ status }) => status === "failed");
    if (failed) {
      const [first = ""] = failed.failureMessages;
      return { file, by: `${file} › ${failed.title}`, message: firstLine(first) };
    }
    if (message) return { file, by: `${file} › (it does not load)`, message: firstLine(message) };
  }
  const [{ name = "" } = {}] = results.slice(-1);
  const by = "an error outside of any test";
  return ok ? undefined : { file: name.slice(copy.length + 1), by, message: output.slice(-500) };
};
