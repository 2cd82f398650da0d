/** `taskwal export` as a shell runs it, and the command itself, without a home of anybody's. */
import { spawnSync, type SpawnSyncReturns } from "node:child_process";
import { join } from "node:path";
import { repository } from "../documents.ts";

export const command = join(repository, "packages/taskwal/bin/taskwal.js");
export const exampleCrashed = join(repository, "packages/taskwal/example-crashed");

/** In `home`, where the cache goes and relative names begin. */
export const runIn =
  (home: string) =>
  (words: readonly string[]): SpawnSyncReturns<string> =>
    spawnSync(process.execPath, [command, ...words], {
      encoding: "utf8",
      cwd: home,
      env: { PATH: process.env["PATH"], HOME: home },
      maxBuffer: 64 * 1024 * 1024,
      timeout: 60_000,
    });
