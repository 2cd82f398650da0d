/**
 * The process whose disk is cut off: opens a task store, mutates it as fast as it can on several lanes,
 * takes snapshots, and tells on a file descriptor what it was told.
 *
 *     o <digest> <lost> <damaged>     it is open
 *     a <number>                      the call is durable, says the store
 *     f <code> <outcome>              refused, by an error of the library
 *     ! <text>                        anything else: a defect
 *
 * It runs the built packages. The rule: "a" is told after the promise has resolved; after the first refusal
 * it does nothing but wait for its end.
 *
 *     node worker.mjs <dir> <first number> <life> <file descriptor or path to tell on>
 */
import { openSync, writeSync } from "node:fs";
import { openTaskStore } from "taskwal";
import { callOf } from "../../dist/test/src/kernel/script.js";

const [, , dir, firstText, lifeText, channelText] = process.argv;
const lanes = 8;
const channel = /^\d+$/.test(channelText) ? Number(channelText) : openSync(channelText, "w");
const life = Number(lifeText);

const tell = (text) => void writeSync(channel, `${text}\n`);
const waitForTheEnd = () => new Promise(() => setInterval(() => {}, 1 << 30));

process.on("uncaughtException", (error) =>
  tell(`! uncaught ${error.stack.replaceAll("\n", " | ")}`),
);

const refused = (error) => {
  if (typeof error?.code === "string" && error.outcome !== undefined)
    tell(`f ${error.code} ${error.outcome}`);
  else tell(`! ${String(error?.stack ?? error).replaceAll("\n", " | ")}`);
  return waitForTheEnd();
};

const open = () =>
  openTaskStore({
    dir,
    autosaveMs: 15,
    segmentBytesMax: 24 * 1024,
    historyBytesMax: 64 * 1024,
  });

const apply = (tasks, { kind, id, text }) => {
  if (kind === "create")
    return tasks.mutate(id, "task.created", { description: text, tool: "CLAUDECODE" });
  if (kind === "update") return tasks.mutate(id, "task.updated", { description: text });
  if (kind === "delete") return tasks.mutate(id, "task.deleted", {});
  const timestamp = new Date().toISOString();
  return tasks.append(id, "logs", { timestamp, level: "info", type: "output", message: text });
};

const store = await open().catch(refused);
tell(`o ${store.digest()} ${store.recovery.lost.length} ${store.recovery.damaged.length}`);

let next = Number(firstText);
const lane = async () => {
  for (;;) {
    const { number, of } = callOf(next, life);
    next += 1;
    await store.transact(({ tasks }) => of.forEach((one) => void apply(tasks, one)));
    tell(`a ${number}`);
  }
};

const saving = async () => {
  for (;;) {
    await store.snapshot();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
};

await Promise.race(
  [saving(), ...Array.from({ length: lanes }, lane)].map((work) => work.catch(refused)),
);
