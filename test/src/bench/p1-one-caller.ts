/** P1: one caller, each record awaited before the next. What a change of a task costs when nothing else happens. */
import { bareAppendContender, bareThroughContenders } from "./bare-append-contender.ts";
import type { Benchmark } from "./benchmark.ts";
import { betterSqlite3Contender } from "./better-sqlite3-contender.ts";
import { classicLevelContender } from "./classic-level-contender.ts";
import { contestRows, opponents } from "./contest-rows.ts";
import { documentedWayContender } from "./documented-way-contender.ts";
import { eventStorageContender } from "./event-storage-contender.ts";
import { lmdbContenders } from "./lmdb-contender.ts";
import { writeFileAtomicContender } from "./write-file-atomic-contender.ts";

export const oneCaller: Benchmark = {
  name: "P1",
  what: "one caller, each record awaited before the next",
  run: (bench) =>
    contestRows(bench, "P1 one caller", 1, [
      ...opponents(betterSqlite3Contender(bench.peers), { ratioAtLeast: 1 }),
      ...opponents([bareAppendContender], { ratioAtLeast: 0.9 }),
      ...opponents([...bareThroughContenders]),
      ...opponents([
        ...lmdbContenders(bench.peers),
        ...classicLevelContender(bench.peers),
        ...eventStorageContender(bench.peers),
        ...writeFileAtomicContender(bench.peers),
        documentedWayContender,
      ]),
    ]),
};
