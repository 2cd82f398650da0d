/**
 * `pnpm bench stryker [package or file…]`: StrykerJS changes every expression of `format`, `log` and
 * `snapshot`, one at a time, and looks whether a test of theirs sees it.
 *
 *     copy of HEAD ─ quick tests of all three ─ survivors ─ the package's slow tests ─> stryker.json: how many were killed
 *                                                                          └─> survivors that survivors.json does not explain
 *
 * The rule: a survivor is a missing test, or a needless line, or is explained by name. Tests that go through
 * thousands of cases only meet what the quick ones let live. Stryker is installed in the copy: nobody else
 * needs its hundred and fifty packages.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { commitOf, cloneOf } from "./copy.mjs";

const root = join(import.meta.dirname, "../..");
const scoresFile = join(import.meta.dirname, "stryker.json");
const survivorsFile = join(import.meta.dirname, "survivors.json");
const packages = ["format", "log", "snapshot"];
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
const isAlive = ({ status }) => status === "Survived" || status === "NoCoverage";

/** The quick tests first; what they let live meets the slow ones of its own package. */
const mutantsBy = (copy, mutate, name) => {
  const first = runStryker(copy, mutate, quickTests);
  const places = first.filter(isAlive).map(({ file, place }) => `${file}:${place}`);
  const include = slowTests.filter((file) => file.startsWith(`packages/${name}/`));
  print(`${places.length} of ${first.length} outlived the quick tests`);
  if (places.length === 0 || include.length === 0) return first;
  const slow = runStryker(copy, places, { include, exclude: [] });
  const second = new Map(slow.map((one) => [keyOf(one), one]));
  return first.map((one) => (isAlive(one) ? (second.get(keyOf(one)) ?? one) : one));
};

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
const scoreOf = (mutants) => {
  const by = (status) => mutants.filter((one) => one.status === status).length;
  const all = mutants.filter(({ status }) => counted.has(status)).length;
  const [killed, timedOut] = [by("Killed"), by("Timeout")];
  const score = Math.round((1_000 * (killed + timedOut)) / all) / 1_000;
  return {
    mutants: all,
    killed,
    timedOut,
    survived: by("Survived"),
    uncovered: by("NoCoverage"),
    score,
  };
};

const isExplained = (survivor, explained) =>
  explained.some(
    ({ file, original, replacement }) =>
      file === survivor.file &&
      original === survivor.original &&
      replacement === survivor.replacement,
  );

const tell = (survivors) => {
  for (const { file, line, mutator, original, replacement } of survivors) {
    print(`survived: ${file}:${line} ${mutator}\n    ${original}\n    -> ${replacement}`);
  }
};

const main = () => {
  const wanted = process.argv.slice(2);
  const copy = cloneOf(root);
  const scores = readJson(scoresFile, {});
  const explained = readJson(survivorsFile, []);
  let isGood = true;
  try {
    install(copy);
    for (const name of packages) {
      const folder = `packages/${name}/src`;
      const files = wanted.filter((one) => one.startsWith(`${folder}/`));
      if (wanted.length > 0 && !wanted.includes(name) && files.length === 0) continue;
      const isWhole = files.length === 0;
      const mutate = isWhole ? [`${folder}/**/*.ts`, "!**/*.test.ts"] : files;
      const mutants = mutantsBy(copy, mutate, name);
      const score = { ...scoreOf(mutants), commit: commitOf(copy) };
      const open = mutants.filter((one) => isAlive(one) && !isExplained(one, explained));
      tell(open);
      print(`${name}: ${JSON.stringify(score)}, ${open.length} of the survivors unexplained`);
      if (isWhole) scores[name] = score;
      isGood &&= open.length === 0 && (!isWhole || score.score >= scoreLeast);
      writeFileSync(scoresFile, `${JSON.stringify(scores, null, 2)}\n`);
    }
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
  if (!isGood) process.exitCode = 1;
};

main();
