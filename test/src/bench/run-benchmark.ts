/**
 * Runs one benchmark in a directory of its own, which is gone afterwards, also when it is interrupted.
 *
 *     dir ─ taskwal-bench-…/ ─ run ─ removed
 *
 * The rule: never on a file system in memory, where a sync costs nothing and keeps nothing.
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { openNodeDisk } from "@taskwal/disk";
import { paceOf, type Bench, type Benchmark } from "./benchmark.ts";
import type { Row } from "./row.ts";

const inMemory = new Set(["tmpfs", "ramfs"]);
const endings = ["SIGINT", "SIGTERM"] as const;

/** The file system below `dir`, by name. Throws if it is one in memory. */
export const fileSystemOf = async (dir: string): Promise<string> => {
  mkdirSync(dir, { recursive: true });
  const directory = await openNodeDisk().openDirectory(resolve(dir));
  try {
    const { name } = await directory.fileSystem();
    if (inMemory.has(name)) {
      throw new Error(`${dir} is on ${name}, where a sync keeps nothing: give a disk with --dir`);
    }
    return name;
  } finally {
    await directory.close();
  }
};

export const runBenchmark = async (
  benchmark: Benchmark,
  bench: Pick<Bench, "dir" | "scale" | "peers" | "progress">,
): Promise<Row[]> => {
  const dir = mkdtempSync(join(resolve(bench.dir), "taskwal-bench-"));
  const progress = (text: string): void => bench.progress(`${benchmark.name}: ${text}`);
  const remove = (): void => rmSync(dir, { recursive: true, force: true });
  const interrupted = (): void => {
    remove();
    process.exit(130);
  };
  for (const signal of endings) process.once(signal, interrupted);
  try {
    return await benchmark.run({ ...bench, ...paceOf(bench.scale), dir, progress });
  } finally {
    for (const signal of endings) process.off(signal, interrupted);
    remove();
  }
};
