/**
 * Two processes around a failed fsync, each telling on stdout.
 *
 *     write <dir> <path>    creates a, names the log file in <path>.ready, waits for <path>, creates b, dies
 *                           refused b <outcome>
 *     next <dir>            shown <ids>, creates c, then: acknowledged c, and waits for its end
 */
import { existsSync, readdirSync, renameSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { openTaskStore } from "taskwal";

const [, , mode, dir, path] = process.argv;
const tell = (text) => void writeSync(1, `${text}\n`);
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const create = (store, id) => store.create({ id, description: id, tool: "CLAUDECODE" });

const store = await openTaskStore({ dir, mirrors: false, autosaveMs: Number.POSITIVE_INFINITY });
if (mode === "write") {
  await create(store, "a");
  // The log is idle then, and has said that a is durable.
  await pause(300);
  const names = readdirSync(join(dir, "wal")).filter((name) => name.endsWith(".jsonl"));
  writeFileSync(`${path}.tmp`, join(dir, "wal", names.toSorted().at(-1)));
  renameSync(`${path}.tmp`, `${path}.ready`);
  while (!existsSync(path)) await pause(20);
  const outcome = await create(store, "b").then(
    () => "durable",
    (error) => `${error.code} ${error.outcome} ${error.errno}`,
  );
  tell(`refused b ${outcome}`);
  process.kill(process.pid, "SIGKILL");
} else {
  const ids = store.list().map(({ id }) => id);
  tell(`shown ${ids.toSorted().join(" ")}`);
  await create(store, "c");
  tell("acknowledged c");
  await pause(1 << 30);
}
