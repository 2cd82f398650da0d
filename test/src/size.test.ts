/**
 * What grows and what must not: memory of an opening, cost of a log entry.
 *
 * Method: child processes on a real disk, running what is built. `TASKWAL_LONG=1` takes the log to 1 GB.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openTaskStore } from "taskwal";
import { afterEach, describe, expect, it } from "vitest";

const logBytes = process.env["TASKWAL_LONG"] === "1" ? 1_000_000_000 : 60_000_000;
const peakRssMbMax = 200;
const worker = join(import.meta.dirname, "size", "size-worker.mjs");

const dirs: string[] = [];
const freshDir = (): string => {
  const dir = mkdtempSync(join(tmpdir(), "taskwal-size-"));
  dirs.push(dir);
  return join(dir, "state");
};
afterEach(() => {
  for (const dir of dirs.splice(0)) rmSync(dir, { recursive: true });
});

describe("an opening", () => {
  it(`of a log of ${logBytes / 1e6} MB over a state of 5 MB stays within ${peakRssMbMax} MB of memory`, () => {
    const dir = freshDir();
    const filled = spawnSync(process.execPath, [worker, "fill", dir, String(logBytes)], {
      encoding: "utf8",
    });
    expect(filled.stderr).toBe("");
    expect(filled.signal).toBe("SIGKILL");
    const wal = join(dir, "wal");
    const size = readdirSync(wal).reduce((sum, name) => sum + statSync(join(wal, name)).size, 0);
    expect(size).toBeGreaterThanOrEqual(logBytes);
    const text = execFileSync(process.execPath, [worker, "open", dir], { encoding: "utf8" });
    const opened = JSON.parse(text) as {
      openMs: number;
      peakRssMb: number;
      replayed: number;
      tasks: number;
    };
    console.info(`size: ${Math.round(size / 1e6)} MB of log:`, opened);
    expect(opened.tasks).toBe(10_000);
    expect(opened.peakRssMb).toBeLessThan(peakRssMbMax);
  }, 600_000);
});

describe("a log entry", () => {
  it("costs the same bytes as the 100th and as the 20,000th of its task", async () => {
    const store = await openTaskStore({
      dir: freshDir(),
      mirrors: false,
      autosaveMs: Number.POSITIVE_INFINITY,
    });
    const { value } = await store.create({ description: "long", tool: "CLAUDECODE" });
    const lineBytes: number[] = [];
    const costUs: number[] = [];
    for (let round = 0; round < 20; round++) {
      const before = performance.now();
      for (let index = 0; index < 1_000; index++) {
        void store.log(value.id, {
          level: "info",
          type: "output",
          message: "a line of the usual length",
        });
      }
      await store.flush();
      costUs.push(Math.round(performance.now() - before));
    }
    for await (const record of store.records()) {
      if (record.type === "task.logs.appended") lineBytes.push(JSON.stringify(record.data).length);
    }
    console.info(`size: microseconds per entry, by thousand: ${costUs.join(" ")}`);
    expect(lineBytes).toHaveLength(20_000);
    expect(new Set(lineBytes).size).toBe(1);
    await store.close();
  });
});
