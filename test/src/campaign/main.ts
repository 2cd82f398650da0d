/**
 * `pnpm bench campaign [name…] [--for 30m] [--seed n]`: goes on trying to lose something.
 *
 *     no name     what campaigns there are, and what each has tried so far
 *     all         every campaign that can run here, one after the other
 *
 * The rule: a line is added to the results each minute, so that a run that is broken off keeps what it
 * did; a loss is a line too, and ends the run with its seed.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { commitOf } from "../commit-of.ts";
import type { Campaign } from "./campaign.ts";
import { campaigns } from "./campaigns.ts";
import { addCounts, addResult, nextSeed, readResults, totalOf } from "./results.ts";
import { Seen } from "./seen.ts";
import { boundOf, tableOf, withTable } from "./table.ts";

const stretchMs = 60_000;
const quietMs = 30_000;

const folder = resolve("test/campaign");
const resultsPath = join(folder, "results.jsonl");
const number = new Intl.NumberFormat("en-US");

const say = (text: string): void => void process.stdout.write(`${text}\n`);

const progress = ((): ((text: string) => void) => {
  let lastMs = performance.now();
  return (text) => {
    if (process.stderr.isTTY) process.stderr.write(`\r\u001B[K${text.slice(0, 79)}`);
    else if (performance.now() - lastMs > quietMs) {
      lastMs = performance.now();
      process.stderr.write(`${text}\n`);
    }
  };
})();

const writeTable = (): void => {
  const path = resolve("docs/guarantees.md");
  const table = tableOf(campaigns, readResults(resultsPath));
  writeFileSync(path, withTable(readFileSync(path, "utf8"), table));
};

const list = (): void => {
  const results = readResults(resultsPath);
  for (const { name, what, missing } of campaigns) {
    const { trials, distinct, losses, seconds } = totalOf(results, name);
    const lack = missing?.();
    say(`${name.padEnd(14)} ${what}${lack === undefined ? "" : ` (not here: ${lack})`}`);
    const states = distinct > 0 ? `, ${number.format(distinct)} distinct states` : "";
    say(
      `${" ".repeat(14)} ${number.format(trials)} trials${states}, ${losses} losses (rate < ${boundOf(trials)}), ${number.format(Math.round(seconds))} s`,
    );
  }
};

const stop = new AbortController();

/** Runs for `forMs`; returns whether nothing was lost. */
const run = async (campaign: Campaign, forMs: number, firstSeed?: number): Promise<boolean> => {
  const { name } = campaign;
  const seen = new Seen(join(folder, `.seen-${name}`));
  const endMs = performance.now() + forMs;
  let seed = firstSeed ?? nextSeed(readResults(resultsPath), name);
  const commit = commitOf();
  say(`${name}: ${campaign.what}; from seed ${seed}, commit ${commit}`);
  while (performance.now() < endMs && !stop.signal.aborted) {
    const startMs = performance.now();
    const before = seen.size;
    const first = seed;
    let trials = 0;
    let counts: Record<string, number> = {};
    let failure: unknown;
    while (failure === undefined && !stop.signal.aborted) {
      const nowMs = performance.now();
      if (nowMs > Math.min(endMs, startMs + stretchMs)) break;
      const tell = (more: number): void =>
        progress(
          `${name}: seed ${seed}, ${number.format(trials + more)} trials, ${number.format(seen.size - before)} new states, ${Math.ceil((endMs - performance.now()) / 60_000)} min left`,
        );
      try {
        const round = { seed, see: (hash: Uint8Array) => seen.add(hash), progress: tell };
        const done = await campaign.round(round);
        trials += done.trials;
        counts = addCounts(counts, done.counts);
        tell(0);
      } catch (error) {
        failure = error;
      }
      seed += 1;
    }
    seen.save();
    addResult(resultsPath, {
      name,
      date: new Date().toISOString(),
      commit,
      seed: first,
      rounds: seed - first,
      trials,
      distinct: seen.size - before,
      losses: failure === undefined ? 0 : 1,
      seconds: Math.round((performance.now() - startMs) / 100) / 10,
      ...(Object.keys(counts).length > 0 ? { counts } : {}),
    });
    if (failure !== undefined) {
      say(
        `${name}: FAILED at seed ${seed - 1}\n${failure instanceof Error ? failure.stack : JSON.stringify(failure)}`,
      );
      return false;
    }
  }
  const { trials, distinct, losses } = totalOf(readResults(resultsPath), name);
  say(
    `${name}: ${number.format(trials)} trials in all, ${number.format(distinct)} distinct states, ${losses} losses`,
  );
  return true;
};

const milliseconds = (text: string): number => {
  const [, count, unit] = /^(\d+)(s|m|h)$/.exec(text) ?? [];
  if (count === undefined) throw new Error(`--for takes 30s, 30m or 2h, not ${text}`);
  return Number(count) * { s: 1_000, m: 60_000, h: 3_600_000 }[unit as "s" | "m" | "h"];
};

const main = async (): Promise<void> => {
  const { values, positionals } = parseArgs({
    options: { for: { type: "string", default: "10m" }, seed: { type: "string" } },
    allowPositionals: true,
  });
  if (positionals.length === 0) {
    list();
    return;
  }
  const wanted = positionals.includes("all")
    ? campaigns.filter(({ missing }) => missing?.() === undefined)
    : positionals.map((name) => {
        const found = campaigns.find((one) => one.name === name);
        if (!found)
          throw new Error(
            `no campaign ${name}; there are ${campaigns.map((c) => c.name).join(", ")}`,
          );
        const lack = found.missing?.();
        if (lack !== undefined) throw new Error(`${name} cannot run here: ${lack}`);
        return found;
      });
  process.once("SIGINT", () => {
    stop.abort();
    process.stderr.write("\nstopping after this round; what was tried is kept\n");
  });
  const seed = values.seed === undefined ? undefined : Number(values.seed);
  for (const campaign of wanted) {
    if (!(await run(campaign, milliseconds(values.for) / wanted.length, seed))) {
      process.exitCode = 1;
      return;
    }
  }
};

try {
  await main();
  writeTable();
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = 2;
}
