/**
 * A child of size.test.ts: fills a store, or opens one and says what that took. Runs what is built.
 *
 *     node size-worker.mjs fill <dir> <log bytes>     leaves as a crash does
 *     node size-worker.mjs open <dir>
 */
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { openTaskStore } from "taskwal";

const [verb, dir, bytes] = process.argv.slice(2);
const options = { dir, autosaveMs: Number.POSITIVE_INFINITY, mirrors: false };

const logSize = () => {
  const wal = join(dir, "wal");
  return readdirSync(wal).reduce((sum, name) => sum + statSync(join(wal, name)).size, 0);
};

/** Ten thousand tasks of half a kilobyte: a live state of about 5 MB under a log of any size. */
const fill = async (logBytes) => {
  const store = await openTaskStore(options);
  const ids = Array.from({ length: 10_000 }, (_, index) => `task-${index}`);
  const pad = "x".repeat(400);
  for (const id of ids) void store.create({ id, description: pad, tool: "CLAUDECODE" });
  for (let round = 0; logSize() < logBytes; round += 1) {
    for (const id of ids) {
      void store.update(id, { result: { round, pad } }, { durability: "written" });
    }
    await store.flush();
  }
  process.kill(process.pid, "SIGKILL");
};

const open = async () => {
  const before = performance.now();
  const store = await openTaskStore(options);
  const openMs = Math.round(performance.now() - before);
  const peakRssMb = Math.round(process.resourceUsage().maxRSS / 1024);
  const { replayed } = store.recovery;
  process.stdout.write(JSON.stringify({ openMs, peakRssMb, replayed, tasks: store.list().length }));
  await store.close();
};

await (verb === "fill" ? fill(Number(bytes)) : open());
