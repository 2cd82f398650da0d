/** P3: 1,000 callers, each awaiting its own record, against one program that hands over a thousand at once. */
import { bareAppendContender } from "./bare-append-contender.ts";
import type { Benchmark } from "./benchmark.ts";
import { betterSqlite3TransactionsContender } from "./better-sqlite3-contender.ts";
import { classicLevelContender } from "./classic-level-contender.ts";
import { contestRows, opponents } from "./contest-rows.ts";
import { eventStorageContender } from "./event-storage-contender.ts";
import { lmdbContenders } from "./lmdb-contender.ts";

export const thousandCallers: Benchmark = {
  name: "P3",
  what: "1,000 callers, each awaiting its own record",
  run: (bench) =>
    contestRows(bench, "P3 1,000 callers", 1_000, [
      ...opponents(betterSqlite3TransactionsContender(bench.peers), { ratioAtLeast: 1 }),
      ...opponents(lmdbContenders(bench.peers), { ratioAtLeast: 1.3 }),
      ...opponents([
        bareAppendContender,
        ...classicLevelContender(bench.peers),
        ...eventStorageContender(bench.peers),
      ]),
    ]),
};
