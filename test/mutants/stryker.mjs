/**
 * `pnpm bench stryker [package or file…] [--fresh]`: StrykerJS changes every expression of `format`, `log` and
 * `snapshot`, one at a time, and looks whether a test of theirs sees it.
 *
 *     copy of HEAD ─ quick tests of all three ─ survivors ─ the package's slow tests ─> stryker.json: what became of them, by file
 *                                                                          └─> survivors that survivors.json does not explain
 *
 * The rule: a survivor is a missing test, or a needless line, or is explained by name. What was killed is not
 * tried again as long as its file is unchanged; `--fresh` does. Tests that go through thousands of cases only
 * meet what the quick ones let live. Stryker is installed in the copy: nobody else needs its packages.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { commitOf, cloneOf } from "./copy.mjs";
import { packages, scoresOf, survivorListOf, unexplained } from "./survivor-list.mjs";

const root = join(import.meta.dirname, "../..");
const recordsFile = join(import.meta.dirname, "stryker.json");
const survivorsFile = join(import.meta.dirname, "survivors.json");
const listFile = join(root, "docs/changed-expressions.md");
/** Seconds each, or looking at the time. */
const slowTests = [
  "log/src/judge",
  "log/src/replay-damage",
  "snapshot/src/event-loop",
  "snapshot/src/save-crash",
].map((name) => `packages/${name}.test.ts`);
const strykerVersion = "9.6.1";
const scoreLeast = 0.9;

const print = (text) => process.stdout.write(`${text}\n`);
const readJson = (file, otherwise) =>
  existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : otherwise;

const install = (copy) => {
  const pnpm = (...args) =>
    execFileSync("npx", ["-y", "pnpm@10.34.9", ...args], { cwd: copy, stdio: "ignore" });
  pnpm("install", "--frozen-lockfile");
  const plugin = `@stryker-mutator/vitest-runner@${strykerVersion}`;
  pnpm("add", "-D", "-w", `@stryker-mutator/core@${strykerVersion}`, plugin);
  execFileSync(join(copy, "node_modules/.bin/tsc"), ["-b"], { cwd: copy, stdio: "inherit" });
};

const quickTests = {
  include: packages.map((name) => `packages/${name}/src/**/*.test.ts`),
  exclude: slowTests,
};

const writeConfig = (copy, mutate, { include, exclude }) => {
  const tests = { include, exclude, testTimeout: 600_000 };
  writeFileSync(
    join(copy, "vitest.stryker.config.mjs"),
    `import base from "./vitest.config.ts";
export default { ...base, test: { ...base.test, ...${JSON.stringify(tests)} } };
`,
  );
  const config = {
    testRunner: "vitest",
    plugins: ["@stryker-mutator/vitest-runner"],
    vitest: { configFile: "vitest.stryker.config.mjs" },
    // The copy is ours, and its workspace links lead to what is changed.
    inPlace: true,
    coverageAnalysis: "perTest",
    mutate,
    reporters: ["json", "progress"],
    // On a machine that others use as well, slow is not dead.
    timeoutMS: 20_000,
  };
  writeFileSync(join(copy, "stryker.config.json"), JSON.stringify(config));
};

/** What became of the mutants of `mutate`, by these tests. */
const runStryker = (copy, mutate, tests) => {
  writeConfig(copy, mutate, tests);
  const bin = join(copy, "node_modules/.bin/stryker");
  const run = spawnSync(bin, ["run"], { cwd: copy, stdio: ["ignore", "inherit", "inherit"] });
  if (run.status !== 0) throw new Error("stryker did not come to its end");
  return mutantsOf(readJson(join(copy, "reports/mutation/mutation.json")));
};

const keyOf = ({ file, place, replacement }) => `${file}:${place} ${replacement}`;
const placeOf = ({ file, place }) => `${file}:${place}`;
const isAlive = ({ status }) => status === "Survived" || status === "NoCoverage";

const textAt = (lines, { start, end }) =>
  lines
    .slice(start.line - 1, end.line)
    .map((line, at, { length }) =>
      line.slice(at === 0 ? start.column - 1 : 0, at === length - 1 ? end.column - 1 : undefined),
    )
    .join("\n");

/** What every mutant is, with its place in words, so that it is known again when lines have moved. */
const mutantsOf = ({ files }) =>
  Object.entries(files).flatMap(([file, { source, mutants }]) => {
    const lines = source.split("\n");
    return mutants.map(({ mutatorName, location, replacement, status }) => ({
      file,
      line: location.start.line,
      // As Stryker takes it: columns from 0.
      place: [location.start, location.end]
        .map(({ line, column }) => `${line}:${column - 1}`)
        .join("-"),
      mutator: mutatorName,
      original: textAt(lines, location),
      replacement,
      status,
    }));
  });

const counted = new Set(["Killed", "Timeout", "Survived", "NoCoverage"]);

/** What is kept of a file: counts, and those that live. */
const recordOf = (mutants, commit) => {
  const all = mutants.filter(({ status }) => counted.has(status));
  const by = (status) => all.filter((one) => one.status === status).length;
  return {
    commit,
    mutants: all.length,
    killed: by("Killed"),
    timedOut: by("Timeout"),
    alive: all.filter(isAlive).map(({ line, place, mutator, original, replacement, status }) => ({
      line,
      place,
      mutator,
      original,
      replacement,
      status,
    })),
  };
};

/** The record after those that lived were tried again. */
const triedAgain = (record, file, mutants) => {
  const now = new Map(mutants.map((one) => [keyOf(one), one.status]));
  const statusOf = (one) => now.get(keyOf({ ...one, file })) ?? one.status;
  const dead = (status) => record.alive.filter((one) => statusOf(one) === status).length;
  return {
    ...record,
    killed: record.killed + dead("Killed"),
    timedOut: record.timedOut + dead("Timeout"),
    alive: record.alive
      .map((one) => ({ ...one, status: statusOf(one) }))
      .filter((one) => isAlive(one)),
  };
};

const git = (copy, ...args) => spawnSync("git", ["-C", copy, ...args], { encoding: "utf8" });
const sourcesOf = (copy, name) =>
  git(copy, "ls-files", `packages/${name}/src`)
    .stdout.split("\n")
    .filter((file) => file.endsWith(".ts") && !file.endsWith(".test.ts"));

/** The file is as it was when it was recorded: what was killed in it is dead. */
const isAsRecorded = (copy, file, record) =>
  record !== undefined &&
  git(copy, "diff", "--quiet", record.commit, "HEAD", "--", file).status === 0;

/** Tries the mutants of these files that are new, changed or alive with the quick tests. */
const tryQuick = (copy, sources, records) => {
  const known = sources.filter((file) => !values.fresh && isAsRecorded(copy, file, records[file]));
  const whole = sources.filter((file) => !known.includes(file));
  const mutate = [...whole, ...alivePlaces(known, records)];
  if (mutate.length === 0) return;
  const mutants = runStryker(copy, mutate, quickTests);
  const commit = commitOf(copy);
  for (const file of whole)
    records[file] = recordOf(
      mutants.filter((one) => one.file === file),
      commit,
    );
  for (const file of known) records[file] = triedAgain(records[file], file, mutants);
};

/** Tries those that are alive with the slow tests of their package. */
const trySlow = (copy, name, sources, records) => {
  const include = slowTests.filter((file) => file.startsWith(`packages/${name}/`));
  const mutate = alivePlaces(sources, records);
  print(`${name}: ${mutate.length} outlived the quick tests`);
  if (mutate.length === 0 || include.length === 0) return;
  const mutants = runStryker(copy, mutate, { include, exclude: [] });
  for (const file of sources) records[file] = triedAgain(records[file], file, mutants);
};

const alivePlaces = (files, records) =>
  files.flatMap((file) => records[file].alive.map((one) => placeOf({ ...one, file })));

const { values, positionals } = parseArgs({
  options: {
    /** Tries all of them again, also those that a test has killed before. */
    fresh: { type: "boolean", default: false },
  },
  allowPositionals: true,
});

/** After each part, so that a run that is broken off has not run for nothing. */
const save = (records, explained) => {
  const sorted = Object.entries(records)
    .filter(([file]) => existsSync(join(root, file)))
    .toSorted(([a], [b]) => (a < b ? -1 : 1));
  writeFileSync(recordsFile, `${JSON.stringify(Object.fromEntries(sorted), null, 2)}\n`);
  writeFileSync(listFile, survivorListOf(Object.fromEntries(sorted), explained));
};

const main = () => {
  const copy = cloneOf(root);
  const records = readJson(recordsFile, {});
  const explained = readJson(survivorsFile, []);
  const isWanted = (file, name) =>
    positionals.length === 0 || positionals.includes(name) || positionals.includes(file);
  try {
    install(copy);
    for (const name of packages) {
      const sources = sourcesOf(copy, name).filter((file) => isWanted(file, name));
      if (sources.length === 0) continue;
      tryQuick(copy, sources, records);
      save(records, explained);
      trySlow(copy, name, sources, records);
      save(records, explained);
    }
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
  for (const one of unexplained(records, explained)) {
    print(
      `survived: ${one.file}:${one.line} ${one.mutator}\n    ${one.original}\n    -> ${one.replacement}`,
    );
  }
  for (const { name, score } of scoresOf(records)) print(`${name}: ${(100 * score).toFixed(1)} %`);
  const isGood = scoresOf(records).every(({ score }) => score >= scoreLeast);
  if (!isGood || unexplained(records, explained).length > 0) process.exitCode = 1;
};

main();
