/**
 * `pnpm bench [folder]`: what this machine and this file system make of the store. Figures, no verdicts.
 *
 *     bare sync      one line written and synced by nothing but node:fs: what the disk itself costs
 *     one by one     each call awaited before the next
 *     N at once      group commit: what waits during a sync is the next batch
 *     written        shown at once, synced within a second
 *     snapshot       state.json taken while it grows no more, and how long the event loop stood still
 *     open, replay   from state.json, and from the log alone
 *
 * `pnpm bench campaign …` tries to lose something instead (test/src/campaign/main.ts), and
 * `pnpm bench mutants …` plants bugs and looks whether the tests see them (test/mutants/run.mjs), and
 * `pnpm bench stryker …` has StrykerJS change every expression (test/mutants/stryker.mjs).
 *
 * The rule: everything is measured in this run and in this folder; each line tells how often. A share of
 * another machine, or of a memory file system, is not a result.
 */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { open } from "node:fs/promises";
import { cpus, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { openNodeDisk } from "@taskwal/disk";
import { openTaskStore } from "taskwal";

const budgetMs = 2_000;
const atOnce = [10, 100, 1_000];
const replayed = 50_000;

/** Other programs behind the same command. */
const programs = new Map([
  ["campaign", "./dist/test/src/campaign/main.js"],
  ["mutants", "./mutants/run.mjs"],
  ["stryker", "./mutants/stryker.mjs"],
]);
const program = programs.get(process.argv[2]);
const folder = program
  ? ""
  : mkdtempSync(join(resolve(process.argv[2] ?? tmpdir()), "taskwal-bench-"));
const entry = { level: "info", type: "output", message: "x".repeat(120) };
const number = new Intl.NumberFormat("en-US", { maximumSignificantDigits: 3 });

const print = (name, text) => process.stdout.write(`${name.padEnd(26)} ${text}\n`);

const timed = async (work) => {
  const startMs = performance.now();
  await work();
  return performance.now() - startMs;
};

/** Repeats `work` for the budget, after ten rounds that do not count. */
const sample = async (work) => {
  for (let round = 0; round < 10; round += 1) await work();
  const times = [];
  const endMs = performance.now() + budgetMs;
  while (performance.now() < endMs) times.push(await timed(work));
  return times.toSorted((a, b) => a - b);
};

const printSample = (name, times, perRound = 1) => {
  const sumMs = times.reduce((sum, ms) => sum + ms, 0);
  const at = (share) => `${number.format(times[Math.floor(share * (times.length - 1))])} ms`;
  const rate = number.format((times.length * perRound * 1_000) / sumMs);
  print(
    name,
    `${rate}/s   p50 ${at(0.5)}   p99 ${at(0.99)}   worst ${at(1)}   (${times.length} rounds)`,
  );
};

const benchBareSync = async () => {
  const file = await open(join(folder, "bare"), "a");
  const line = Buffer.from(`${"x".repeat(250)}\n`);
  printSample(
    "bare sync",
    await sample(async () => {
      await file.write(line);
      await file.datasync();
    }),
  );
  await file.close();
};

const benchWrites = async (dir) => {
  const store = await openTaskStore({ dir });
  const { value: task } = await store.create({ description: "measure", tool: "CLAUDECODE" });
  printSample("one by one", await sample(() => store.log(task.id, entry)));
  for (const count of atOnce) {
    const round = () => Promise.all(Array.from({ length: count }, () => store.log(task.id, entry)));
    printSample(`${count} at once`, await sample(round), count);
  }
  printSample("written", await sample(() => store.log(task.id, entry, { durability: "written" })));
  await store.close();
};

/** 1,000 tasks, and log entries up to the number of records that is replayed. */
const fill = async (store) => {
  const ids = [];
  for (let task = 0; task < 1_000; task += 1) {
    const created = store.create({ description: `task ${task}`, tool: "CLAUDECODE" });
    ids.push(created.then(({ value }) => value.id));
  }
  const known = await Promise.all(ids);
  for (let record = known.length; record < replayed; record += 1) {
    void store.log(known[record % known.length], entry);
    if (record % 1_000 === 0) await store.flush();
  }
  await store.flush();
};

const sizeOf = (path) =>
  `${number.format(readdirSync(path).reduce((sum, name) => sum + statSync(join(path, name)).size, 0) / 2 ** 20)} MiB`;

const benchSnapshot = async (dir) => {
  const store = await openTaskStore({ dir, autosaveMs: 3_600_000, mirrors: false });
  await fill(store);
  const stall = monitorEventLoopDelay({ resolution: 1 });
  stall.enable();
  const ms = await timed(() => store.snapshot());
  stall.disable();
  const size = `${number.format(statSync(join(dir, "state.json")).size / 2 ** 20)} MiB`;
  const stood = `event loop held at most ${number.format(stall.max / 1e6)} ms`;
  await store.close();
  print("snapshot", `${number.format(ms)} ms   ${size}   ${stood}   (once)`);
};

const benchOpen = async (name, dir) => {
  const times = [];
  for (let round = 0; round < 3; round += 1) {
    const copy = join(folder, `copy-${name}-${round}`);
    cpSync(dir, copy, { recursive: true });
    let store;
    times.push(
      await timed(async () => (store = await openTaskStore({ dir: copy, mirrors: false }))),
    );
    const { replayed: records } = store.recovery;
    if (round === 2) {
      const all = times.map((ms) => `${number.format(ms)} ms`).join(", ");
      print(
        name,
        `${all}   ${number.format(records)} records replayed   wal ${sizeOf(join(copy, "wal"))}`,
      );
    }
    await store.close();
  }
};

const main = async () => {
  const directory = await openNodeDisk().openDirectory(folder);
  const { name: fileSystem } = await directory.fileSystem();
  await directory.close();
  const cpu = `${cpus().length} x ${cpus()[0]?.model ?? "?"}`;
  print(
    "on",
    `Node ${process.version}, ${process.platform} ${process.arch}, ${cpu}, ${fileSystem}`,
  );
  await benchBareSync();
  await benchWrites(join(folder, "writes"));
  const full = join(folder, "full");
  await benchSnapshot(full);
  await benchOpen("open", full);
  const logOnly = join(folder, "log-only");
  mkdirSync(logOnly);
  cpSync(join(full, "wal"), join(logOnly, "wal"), { recursive: true });
  await benchOpen("replay, without state.json", logOnly);
};

if (program) {
  process.argv.splice(2, 1);
  await import(program);
} else {
  try {
    await main();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
