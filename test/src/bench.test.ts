/**
 * Every benchmark runs: once, very small. Nothing here asserts a time; `pnpm bench` measures.
 *
 * A peer that is not installed is named, and the rows about it are left out.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { benchmarks } from "./bench/benchmarks.ts";
import { loadPeers, peersFolder } from "./bench/peers.ts";
import { plotsOf } from "./bench/plots.ts";
import { resultsPage } from "./bench/results-page.ts";
import { addResults, readResults } from "./bench/results.ts";
import { median, quantile, reached, rowOf, type Row } from "./bench/row.ts";
import { fileSystemOf, runBenchmark } from "./bench/run-benchmark.ts";
import { tableOf } from "./bench/table.ts";
import { scratchDirectories } from "./world/scratch.ts";

const freshDir = scratchDirectories();
const peers = loadPeers();
for (const [name, why] of peers.missing) console.info(`bench: without ${name} (${why})`);

describe("pnpm bench --help", () => {
  it.each(["", "bench", "campaign", "mutants", "stryker"])(
    "says what there is, and runs nothing: %s",
    (program) => {
      const words = [resolve("test/bench.mjs"), ...[program, "--help"].filter(Boolean)];
      const { status, stdout, stderr } = spawnSync(process.execPath, words, { encoding: "utf8" });
      expect([status, stderr]).toEqual([0, ""]);
      expect(stdout).toMatch(new RegExp(`^\`pnpm bench ?${program === "bench" ? "" : program}`));
      const isAboutBenchmarks = ["", "bench"].includes(program);
      for (const { what } of benchmarks) expect(stdout.includes(what)).toBe(isAboutBenchmarks);
      if (program === "")
        for (const name of ["campaign", "mutants", "stryker"])
          expect(stdout).toContain(`pnpm bench ${name}`);
    },
  );
});

describe("a benchmark", () => {
  it.each(benchmarks)("$name runs and gives rows: $what", async (benchmark) => {
    const told: string[] = [];
    const progress = (text: string): void => void told.push(text);
    const rows = await runBenchmark(benchmark, { dir: freshDir(), scale: "tiny", peers, progress });
    if (benchmark.name !== "P9" || peers.load("better-sqlite3")) expect(rows).not.toEqual([]);
    for (const row of rows) {
      expect(row.name).toMatch(new RegExp(`^${benchmark.name} `));
      expect(row.unit).not.toBe("");
      expect(row.rounds).toBeGreaterThan(0);
      expect(Number.isFinite(row.ratio)).toBe(true);
      expect(row.ratio).toBe(row.ours / row.theirs);
      // A rise may be a fall; everything else is a rate, a time or a size.
      if (row.unit !== "%") expect(Math.min(row.ours, row.theirs)).toBeGreaterThan(0);
    }
    expect(new Set(rows.map(({ name }) => name)).size).toBe(rows.length);
    expect(told.every((text) => text.startsWith(`${benchmark.name}: `))).toBe(true);
  });

  it("names the peers that are missing, and no others", () => {
    const missing = [...peers.missing.keys()];
    const present = peers.present.map((each) => each.split(" ")[0] ?? "");
    expect([...missing, ...present].toSorted()).toEqual([
      "better-sqlite3",
      "classic-level",
      "event-storage",
      "lmdb",
      "write-file-atomic",
    ]);
    for (const name of present) {
      expect(existsSync(join(peersFolder, "node_modules", name))).toBe(true);
    }
  });

  it.skipIf(!existsSync("/dev/shm"))("is not run where a sync keeps nothing", async () => {
    await expect(fileSystemOf("/dev/shm")).rejects.toThrow(/on tmpfs/);
  });
});

describe("what is recorded", () => {
  const facts = { unit: "records/s", ours: [3, 1, 2], theirs: [1, 1, 4] };
  const contest = rowOf({ ...facts, name: "P1 one caller, 1 KiB: lmdb, flushed", note: "a | b" });
  const run = { date: "2026-01-01", commit: "abc", machine: "m", disk: "d", peers: ["lmdb 3"] };

  it("is a line per row that begins with the six fields; of two with one name the later counts", () => {
    const path = join(freshDir(), "docs", "results.jsonl");
    addResults(path, [contest, { ...contest, name: "P1 other" }], run);
    addResults(path, [{ ...contest, ours: 5 }], run);
    const lines = readFileSync(path, "utf8").trimEnd().split("\n");
    expect(lines).toHaveLength(3);
    const names = Object.keys(JSON.parse(lines[0] ?? "") as object).slice(0, 6);
    expect(names).toEqual(["name", "ratio", "ours", "theirs", "unit", "rounds"]);
    expect(readResults(path).map(({ name, ours }) => [name, ours])).toEqual([
      [contest.name, 5],
      ["P1 other", 2],
    ]);
    expect(readResults(join(freshDir(), "none.jsonl"))).toEqual([]);
  });

  it("is a page with a table for each benchmark and the run that it comes from", () => {
    const page = resultsPage([{ ...contest, run }]);
    expect(page).toContain("## P1: one caller");
    expect(page).toContain("on 2026-01-01 at commit abc on m; d; beside lmdb 3.");
    expect(page).toContain("| P1 one caller, 1 KiB: lmdb, flushed | 2 (1–3) |");
    expect(page).not.toContain("## P2");
  });

  it("is the page and the plots that are here", () => {
    const documents = resolve(import.meta.dirname, "../../docs/benchmarks");
    const recorded = readResults(join(documents, "results.jsonl"));
    for (const { file, text } of [
      ...(recorded.length === 0 ? [] : [{ file: "results.md", text: resultsPage(recorded) }]),
      ...plotsOf(recorded),
    ]) {
      expect(readFileSync(join(documents, file), "utf8"), file).toBe(text);
    }
  });

  it("is drawn: contenders as dots, growth as curves, and nothing of what is not there", () => {
    const point = (x: number, y: number): Row =>
      rowOf({
        ...facts,
        name: `P10 an append at ${x}`,
        ours: [y, y + 1],
        theirs: [1],
        point: { curve: "tasks & more", x },
      });
    const plots = plotsOf([contest, point(10, 3), point(1, 2)]);
    expect(plots.map(({ file }) => file)).toEqual(["one-caller.svg", "append-growth.svg"]);
    for (const { text: svg } of plots) {
      expect(svg).toMatch(/^<svg xmlns=.*<\/svg>\n$/s);
      expect(svg).not.toMatch(/NaN|Infinity|undefined/);
    }
    expect(plots[0]?.text).toContain("lmdb, flushed");
    expect(plots[1]?.text).toContain("tasks &amp; more");
    expect(plotsOf([])).toEqual([]);
  });

  it("is a table in which a bar within a cell breaks no row", () => {
    const lines = tableOf([contest]).split("\n");
    expect(lines).toHaveLength(3);
    expect(lines[2]).toContain("2 (1–3)");
    expect(lines[2]).toContain("a \\| b");
  });
});

describe("a row", () => {
  it("is the medians of its rounds, their quotient, and whether its goal is reached", () => {
    const facts = { name: "x", unit: "records/s", ours: [3, 1, 2], theirs: [1, 1, 4] };
    const row = rowOf({ ...facts, goal: { ratioAtLeast: 2 } });
    expect(row).toMatchObject({ ours: 2, theirs: 1, ratio: 2, rounds: 3, oursSpread: [1, 3] });
    expect(reached(row)).toBe(true);
    expect(reached(rowOf({ ...facts, goal: { ratioAtMost: 1.5 } }))).toBe(false);
    expect(reached(rowOf({ ...facts, goal: { oursBelow: 2 } }))).toBe(false);
    expect(reached(rowOf({ ...facts, goal: { oursAtLeast: 2 } }))).toBe(true);
    expect(reached(rowOf({ ...facts, goal: { oursAtLeast: 2.1 } }))).toBe(false);
    expect(reached(rowOf(facts))).toBeUndefined();
  });

  it("takes quantiles between figures", () => {
    expect(median([4, 1])).toBe(2.5);
    expect(quantile([1, 2, 3, 4, 5], 0.25)).toBe(2);
  });
});
