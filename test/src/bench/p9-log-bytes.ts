/**
 * P9: what a mutation of 200 B takes on the disk, beside the same events in SQLite.
 *
 *     ours      everything in wal/: records, watermarks, headers, checksums
 *     sqlite    the same columns and a unique index over (id, n), which is what an expected version needs;
 *               once with its WAL beside it, as it stands while the program runs, once after a close has emptied it
 *
 * The rule: both store the same history, 64 records to a sync.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { sized, type Bench, type Benchmark } from "./benchmark.ts";
import { loadSqlite } from "./better-sqlite3-contender.ts";
import { fillSqlite } from "./fill.ts";
import { folderBytes } from "./folder-size.ts";
import { openItems } from "./item-model.ts";
import { itemRecords, type History } from "./item-records.ts";
import { rowOf, type Goal, type Row } from "./row.ts";

const atOnce = 64;
const unique = ", UNIQUE (id, n)";

const histories = {
  full: { items: 1_000, records: 200_000, sizeBytes: 200 },
  quick: { items: 100, records: 20_000, sizeBytes: 200 },
  tiny: { items: 10, records: 640, sizeBytes: 200 },
} as const satisfies Record<string, History>;

const oursBytes = async (dir: string, history: History): Promise<number> => {
  const store = await openItems(dir, { autosaveMs: Number.POSITIVE_INFINITY });
  let open: Promise<unknown>[] = [];
  for (const { id, type, payload } of itemRecords(history)) {
    open.push(store.items.mutate(id, type, payload.value));
    if (open.length < atOnce) continue;
    await Promise.all(open);
    open = [];
  }
  await Promise.all(open);
  const sizeBytes = folderBytes(join(dir, "wal"));
  await store.close();
  return sizeBytes;
};

const sqliteBytes = (
  { dir, peers }: Bench,
  history: History,
): { readonly withWal: number; readonly closed: number } | undefined => {
  const Database = loadSqlite(peers);
  if (!Database) return undefined;
  const folder = join(dir, "sqlite");
  mkdirSync(folder);
  const db = fillSqlite(Database, folder, history, { unique, perTransaction: atOnce });
  const withWal = folderBytes(folder);
  db.close();
  return { withWal, closed: folderBytes(folder) };
};

export const logBytes: Benchmark = {
  name: "P9",
  what: "bytes in wal/ of a mutation of 200 B, beside the same events in SQLite",
  run: async (bench): Promise<Row[]> => {
    const history = sized<History>(bench, histories);
    bench.progress("ours");
    const ours = (await oursBytes(join(bench.dir, "store"), history)) / history.records;
    bench.progress("better-sqlite3");
    const sqlite = sqliteBytes(bench, history);
    if (!sqlite) return [];
    const row = (name: string, theirsBytes: number, note: string, goal?: Goal): Row =>
      rowOf({
        name: `P9 a mutation of 200 B: better-sqlite3, ${name}`,
        unit: "B/record",
        ours: [ours],
        theirs: [theirsBytes / history.records],
        ...(goal ? { goal } : {}),
        note: `no checksum; ${note}`,
      });
    return [
      row("WAL included", sqlite.withWal, "as it stands while the program runs", {
        ratioAtMost: 1,
      }),
      row("closed", sqlite.closed, "after a checkpoint"),
    ];
  },
};
