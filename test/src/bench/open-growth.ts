/**
 * Opening over the length of the log: with a snapshot it is the state that counts, without one the history.
 *
 *     the log alone      ╱  every record is verified and folded
 *     from a snapshot    ─  the same history, after a close
 */
import { join } from "node:path";
import { sized, type Benchmark } from "./benchmark.ts";
import { runInChild } from "./child.ts";
import type { Opening } from "./child-jobs.ts";
import { withCopy } from "./copied-store.ts";
import { rowOf, type Row } from "./row.ts";
import { takeTurns } from "./turns.ts";

const items = 1_000;

export const openGrowth: Benchmark = {
  name: "open",
  what: "time to open over the length of the log, with and without a snapshot",
  run: async (bench): Promise<Row[]> => {
    const lengths = sized<readonly number[]>(bench, {
      full: [1_000, 10_000, 100_000, 1_000_000],
      quick: [1_000, 10_000],
      tiny: [1_000],
    });
    const rows: Row[] = [];
    for (const records of lengths) {
      const history = { items, records, sizeBytes: 200 };
      const length = `${records.toLocaleString("en-US")} records`;
      const progress = (text: string): void => bench.progress(`${length}, ${text}`);
      const [log, snapshot] = [
        join(bench.dir, `log-${records}`),
        join(bench.dir, `all-${records}`),
      ];
      progress("filling");
      await runInChild("fill-items", log, history);
      await runInChild("fill-items-with-snapshot", snapshot, history);
      const openMs = (dir: string) => (): Promise<number> =>
        withCopy(dir, async (copy) => (await runInChild<Opening>("open-items", copy)).ms);
      const figures = await takeTurns(
        { ...bench, progress },
        { snapshot: openMs(snapshot), log: openMs(log) },
      );
      const row = (curve: string, ours: readonly number[], beside: string): Row =>
        rowOf({
          name: `open ${length} ${curve}, beside ${beside}`,
          unit: "ms",
          ours,
          theirs: beside === "from the log alone" ? figures.log : figures.snapshot,
          point: { curve, x: records },
        });
      rows.push(
        row("from a snapshot", figures.snapshot, "from the log alone"),
        row("from the log alone", figures.log, "from a snapshot"),
      );
    }
    return rows;
  },
};
