/**
 * Lives on a disk that remembers every write, and puts a mark among them for each acknowledgement.
 *
 *     call n ─ durable, says the store ─ mark "ack-n" ─ the next call; now and then a snapshot
 *
 * Tells on stdout `a <number>`, and `c` in the end, the store still open.
 *
 *     node lw-worker.mjs <dir> <calls>
 */
import { execFileSync } from "node:child_process";
import { writeSync } from "node:fs";
import { openTaskStore } from "taskwal";
import { apply } from "./apply-call.mjs";
import { callOf } from "../../dist/test/src/kernel/script.js";

const [, , dir, callsText] = process.argv;
const calls = Number(callsText);
const tell = (text) => void writeSync(1, `${text}\n`);
const store = await openTaskStore({
  dir,
  autosaveMs: Number.POSITIVE_INFINITY,
  segmentBytesMax: 6 * 1024,
  historyBytesMax: 16 * 1024,
});

const call = (number) =>
  store.transact(({ tasks }) => callOf(number, 1).of.forEach((one) => void apply(tasks, one)));

try {
  for (let number = 0; number < calls; number += 3) {
    // Three at once: two of them share a batch.
    await Promise.all([call(number), call(number + 1), call(number + 2)]);
    execFileSync("dmsetup", ["message", "lw", "0", "mark", `ack-${number + 2}`]);
    tell(`a ${number + 2}`);
    if (number % 21 === 18) await (number % 2 === 0 ? store.snapshot() : store.compact());
  }
  tell("c");
} catch (error) {
  tell(`! ${String(error.stack).replaceAll("\n", " | ")}`);
}
setInterval(() => {}, 1 << 30);
