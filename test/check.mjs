/**
 * `pnpm check`: everything that CI asks of the tree besides the tests.
 *
 *     types ─ lint ─ format ─ unused ─ pack ─ publint ─ attw        each named, each timed
 *                                      └── what would be published, not what lies in the folder
 *
 * The rule: the first step that fails shows all that it said, and ends the run with exit code 1; a step
 * that takes too long fails. Nothing here is skipped quietly.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const bin = (name) => [join(root, "node_modules/.bin", name)];

/** The pnpm that runs this script, else the one on the PATH. */
const execPath = process.env["npm_execpath"] ?? "";
const pnpm = /pnpm\.c?js$/.test(execPath) ? [process.execPath, execPath] : ["pnpm"];

/** Every package that is published: its folder and its name. */
const published = readdirSync(join(root, "packages"))
  .filter((folder) => !folder.startsWith("."))
  .map((folder) => {
    const path = join(root, "packages", folder);
    return { path, ...JSON.parse(readFileSync(join(path, "package.json"), "utf8")) };
  })
  .filter((manifest) => manifest.private !== true);

const tarballs = mkdtempSync(join(tmpdir(), "taskwal-check-"));
const tarballOf = ({ name, version }) =>
  join(tarballs, `${name.replace("@", "").replace("/", "-")}-${version}.tgz`);

/** A step is one command, or one per published package; `timeoutS` bounds each. */
const steps = [
  { name: "types", timeoutS: 300, command: [...bin("tsc"), "-b"] },
  {
    // Paths are given on purpose: with none, a type-aware run may read the whole disk.
    name: "lint",
    timeoutS: 180,
    command: [...bin("oxlint"), "--type-aware", "--deny-warnings", "packages", "test", ".ci"],
  },
  { name: "format", timeoutS: 120, command: [...bin("oxfmt"), "--check"] },
  {
    name: "unused code and dependencies",
    timeoutS: 180,
    command: [...bin("knip"), "--no-progress"],
  },
  {
    name: "pack",
    timeoutS: 120,
    perPackage: ({ path }) => [...pnpm, "--dir", path, "pack", "--pack-destination", tarballs],
  },
  {
    name: "publint",
    timeoutS: 120,
    perPackage: (manifest) => [...bin("publint"), "run", tarballOf(manifest), "--strict"],
  },
  {
    name: "types as consumers see them (attw)",
    timeoutS: 180,
    perPackage: (manifest) => [
      ...bin("attw"),
      tarballOf(manifest),
      "--profile=esm-only",
      "--format=ascii",
      "--no-emoji",
      "--no-color",
    ],
  },
];

/** Resolves with what a command said and why it failed, if it did. */
const run = (command, timeoutS) =>
  new Promise((resolve) => {
    const [file, ...args] = command;
    // A group of its own, so that a time-out reaches the children too.
    const child = spawn(file, args, {
      cwd: root,
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    const said = [];
    let failure;
    child.stdout.on("data", (bytes) => said.push(bytes));
    child.stderr.on("data", (bytes) => said.push(bytes));
    const timer = setTimeout(() => {
      failure = `took longer than ${timeoutS} s`;
      if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
    }, timeoutS * 1_000);
    const settle = (reason) => {
      clearTimeout(timer);
      resolve({ failure: failure ?? reason, output: Buffer.concat(said).toString() });
    };
    child.on("error", (error) => settle(error.message));
    child.on("close", (code, signal) =>
      settle(code === 0 ? undefined : `exit code ${code ?? signal}`),
    );
  });

const seconds = (sinceMs) => `${((performance.now() - sinceMs) / 1_000).toFixed(1)} s`;

const runStep = async ({ name, timeoutS, command, perPackage }) => {
  const commands = perPackage ? published.map(perPackage) : [command];
  process.stdout.write(`${name} `);
  const startMs = performance.now();
  for (const each of commands) {
    const { failure, output } = await run(each, timeoutS);
    if (failure !== undefined) {
      process.stdout.write(`FAILED after ${seconds(startMs)}: ${failure}\n`);
      process.stdout.write(
        `$ ${each.map((word) => word.replace(`${root}/`, "")).join(" ")}\n${output}\n`,
      );
      return false;
    }
    process.stdout.write(".");
  }
  process.stdout.write(` ok, ${seconds(startMs)}\n`);
  return true;
};

const main = async () => {
  const startMs = performance.now();
  for (const step of steps) {
    if (!(await runStep(step))) return 1;
  }
  process.stdout.write(`check: ${steps.length} steps ok, ${seconds(startMs)}\n`);
  return 0;
};

try {
  process.exitCode = await main();
} finally {
  rmSync(tarballs, { recursive: true, force: true });
}
