/**
 * `pnpm bench [name…] [--quick] [--json] [--dir folder] [--record] [--plot]`: ours beside every peer and the limit.
 *
 *     no name     all benchmarks, in order; --quick: the same shapes, small
 *     --json      a row a line on standard output, instead of tables
 *     --dir       where to measure; default: the system's folder for temporary files
 *     --record    adds the rows to docs/benchmarks/results.jsonl
 *     --plot      measures nothing: makes results.md and the SVGs of docs/benchmarks from what was recorded
 *
 * The rule: everything in a row was measured in this run, in this folder, on a real file system. A peer that
 * is missing is named; without better-sqlite3 and lmdb there is no run.
 */
import { writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { commitOf } from "../commit-of.ts";
import type { Benchmark, Scale } from "./benchmark.ts";
import { benchmarks } from "./benchmarks.ts";
import { measureDiskLatency } from "./disk-latency.ts";
import { installPeers, peersInstalled } from "./install-peers.ts";
import { latencyText, machineOf } from "./machine.ts";
import { loadPeers, requiredPeers, type Peers } from "./peers.ts";
import { plotsOf } from "./plots.ts";
import { progressTo } from "./progress.ts";
import { resultsPage } from "./results-page.ts";
import { addResults, lineOf, readResults, type Run } from "./results.ts";
import type { Row } from "./row.ts";
import { fileSystemOf, runBenchmark } from "./run-benchmark.ts";
import { tableOf } from "./table.ts";

const documents = resolve("docs/benchmarks");
const resultsPath = join(documents, "results.jsonl");
const diskBudgetMs = { full: 3_000, quick: 1_000, tiny: 100 } as const satisfies Record<
  Scale,
  number
>;

const say = (text: string): void => void process.stderr.write(`${text}\n`);
const print = (text: string): void => void process.stdout.write(`${text}\n`);

const options = {
  dir: { type: "string", default: tmpdir() },
  json: { type: "boolean", default: false },
  quick: { type: "boolean", default: false },
  record: { type: "boolean", default: false },
  plot: { type: "boolean", default: false },
} as const;

const selected = (names: readonly string[]): readonly Benchmark[] => {
  const known = benchmarks.map(({ name }) => name);
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new Error(`no benchmark ${unknown}; there are ${known.join(", ")}`);
  }
  return names.length === 0 ? benchmarks : benchmarks.filter(({ name }) => names.includes(name));
};

const plot = (): void => {
  const recorded = readResults(resultsPath);
  if (recorded.length === 0)
    throw new Error(`nothing is recorded in ${resultsPath}: --record does`);
  const page = { file: "results.md", text: resultsPage(recorded) };
  for (const { file, text } of [page, ...plotsOf(recorded)]) {
    writeFileSync(join(documents, file), text);
    print(join("docs/benchmarks", file));
  }
};

const bringPeers = async (): Promise<Peers> => {
  if (!peersInstalled()) await installPeers(say);
  const peers = loadPeers();
  for (const [name, why] of peers.missing) say(`missing: ${name} (${why})`);
  for (const name of requiredPeers) {
    if (peers.missing.has(name))
      throw new Error(`${name} must be there: npm ci in test/bench/peers`);
  }
  return peers;
};

const main = async (): Promise<void> => {
  const { values, positionals } = parseArgs({ options, allowPositionals: true });
  if (values.plot) return plot();
  if (values.record && values.quick) throw new Error("a quick run is not recorded");
  const chosen = selected(positionals);
  const scale = values.quick ? "quick" : "full";
  const fileSystem = await fileSystemOf(values.dir);
  const peers = await bringPeers();
  // What a person reads goes where the results go, unless a program reads those.
  const tell = values.json ? say : print;
  const disk = latencyText(await measureDiskLatency(values.dir, diskBudgetMs[scale]));
  const machine = machineOf(fileSystem);
  tell(`${disk}\non ${machine}\nbeside ${peers.present.join(", ")}`);
  const run: Run = {
    date: new Date().toISOString(),
    commit: commitOf(),
    machine,
    disk,
    peers: peers.present,
  };
  const progress = progressTo(process.stderr);
  for (const benchmark of chosen) {
    const rows = await runBenchmark(benchmark, {
      dir: values.dir,
      scale,
      peers,
      progress: progress.tell,
    });
    progress.clear();
    show(benchmark, rows, values.json);
    if (values.record) addResults(resultsPath, rows, run);
  }
};

const show = ({ name, what }: Benchmark, rows: readonly Row[], json: boolean): void => {
  if (json) for (const row of rows) print(lineOf(row));
  else print(`\n${name}: ${what}\n\n${tableOf(rows)}`);
};

try {
  await main();
} catch (error) {
  say((error as Error).message);
  process.exitCode = 2;
}
