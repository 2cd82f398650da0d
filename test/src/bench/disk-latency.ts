/** What one sync of this disk costs: 4 KiB appended and fdatasync, nothing else. Everything durable stands on it. */
import { mkdtempSync, rmSync } from "node:fs";
import { open } from "node:fs/promises";
import { join, resolve } from "node:path";
import { quantile } from "./row.ts";

export interface DiskLatency {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly syncs: number;
}

export const measureDiskLatency = async (
  parent: string,
  budgetMs: number,
): Promise<DiskLatency> => {
  const dir = mkdtempSync(join(resolve(parent), "taskwal-bench-"));
  const file = await open(join(dir, "bare"), "a");
  const block = Buffer.alloc(4_096, 0x78);
  const times: number[] = [];
  try {
    const endMs = performance.now() + budgetMs;
    do {
      await file.write(block);
      const startMs = performance.now();
      await file.datasync();
      times.push(performance.now() - startMs);
    } while (performance.now() < endMs);
  } finally {
    await file.close();
    rmSync(dir, { recursive: true, force: true });
  }
  return { p50Ms: quantile(times, 0.5), p99Ms: quantile(times, 0.99), syncs: times.length };
};
