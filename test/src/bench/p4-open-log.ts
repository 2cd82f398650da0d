/**
 * P4: opening a log of a million records, with no snapshot to begin from: every line verified and folded.
 *
 *     ours      lock ─ claim ─ crc, order, promises of every line ─ parse ─ fold ─ ready to write
 *     sqlite    scan in order ─ parse ─ fold                    it verifies no row and takes no lock
 *     limit     parse                                            of the same bytes, a mebibyte at a time
 */
import { join } from "node:path";
import { sized, type Benchmark } from "./benchmark.ts";
import { runInChild } from "./child.ts";
import type { Opening } from "./child-jobs.ts";
import { withCopy } from "./copied-store.ts";
import type { History } from "./item-records.ts";
import { rowOf, type Row } from "./row.ts";
import { takeTurns } from "./turns.ts";

const histories = {
  full: { items: 10_000, records: 1_000_000, sizeBytes: 200 },
  quick: { items: 1_000, records: 50_000, sizeBytes: 200 },
  tiny: { items: 10, records: 100, sizeBytes: 200 },
} as const satisfies Record<string, History>;

export const openLog: Benchmark = {
  name: "P4",
  what: "open a log of 1,000,000 records with no snapshot, verified and folded",
  run: async (bench) => {
    const { dir, peers, progress } = bench;
    const history = sized<History>(bench, histories);
    const store = join(dir, "store");
    const sqlite = join(dir, "sqlite");
    progress("filling");
    await runInChild("fill-items", store, history);
    const hasSqlite = peers.load("better-sqlite3") !== undefined;
    if (hasSqlite) await runInChild("fill-sqlite", sqlite, history);
    const rate = ({ ms }: Opening): number => (history.records * 1_000) / ms;
    const folded = (found: Opening): number => {
      if (found.entities !== history.items) throw new Error(`found ${found.entities} items`);
      return rate(found);
    };
    const figures = await takeTurns(bench, {
      ours: async () =>
        folded(await withCopy(store, (copy) => runInChild<Opening>("open-items", copy))),
      ...(hasSqlite
        ? { sqlite: async () => folded(await runInChild<Opening>("fold-sqlite", sqlite)) }
        : {}),
      limit: async () => rate(await runInChild<Opening>("parse-log", store)),
    });
    const { ours, sqlite: scanned, limit } = figures;
    const records = `${history.records.toLocaleString("en-US")} records`;
    const rows: Row[] = [
      rowOf({
        name: `P4 open ${records}: JSON.parse of the same bytes in chunks`,
        unit: "records/s",
        ours,
        theirs: limit,
        goal: { ratioAtLeast: 0.7 },
        note: "the limit: it only parses",
      }),
    ];
    if (scanned) {
      rows.unshift(
        rowOf({
          name: `P4 open ${records}: better-sqlite3 scan + JSON.parse + fold`,
          unit: "records/s",
          ours,
          theirs: scanned,
          goal: { ratioAtLeast: 2 },
          note: "verifies no row",
        }),
      );
    }
    return rows;
  },
};
