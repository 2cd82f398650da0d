/** P2: 64 callers that know nothing of each other, each awaiting its own record. Many agents at work at once. */
import { bareAppendContender } from "./bare-append-contender.ts";
import type { Benchmark } from "./benchmark.ts";
import { betterSqlite3Contender } from "./better-sqlite3-contender.ts";
import { classicLevelContender } from "./classic-level-contender.ts";
import { contestRows, opponents } from "./contest-rows.ts";
import { eventStorageContender } from "./event-storage-contender.ts";
import { lmdbContenders } from "./lmdb-contender.ts";
import { writeFileAtomicContender } from "./write-file-atomic-contender.ts";

export const manyCallers: Benchmark = {
  name: "P2",
  what: "64 independent callers, each awaiting its own record",
  run: (bench) =>
    contestRows(bench, "P2 64 callers", 64, [
      ...opponents(betterSqlite3Contender(bench.peers), { ratioAtLeast: 20 }),
      ...opponents(lmdbContenders(bench.peers), { ratioAtLeast: 1.5 }),
      ...opponents([
        bareAppendContender,
        ...classicLevelContender(bench.peers),
        ...eventStorageContender(bench.peers),
        ...writeFileAtomicContender(bench.peers),
      ]),
    ]),
};
