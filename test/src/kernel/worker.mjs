/**
 * The process whose disk is cut off: opens a task store, mutates it as fast as it can on several lanes,
 * takes snapshots, and tells on a file descriptor what it was told. After a refusal it closes the store and
 * waits for the next directory, one per line on stdin, so that not every life needs a new process.
 *
 *     o <digest> <lost> <damaged>     it is open
 *     a <number>                      the call is durable, says the store
 *     f <code> <outcome>              refused, by an error of the library
 *     c                               closed, after a refusal
 *     ! <text>                        anything else: a defect
 *
 * It runs the built packages. The rule: "a" is told after the promise has resolved.
 *
 *     node worker.mjs <file descriptor or path to tell on>   stdin: <first number> <life> <dir>
 */
import { openSync, writeSync } from "node:fs";
import { createInterface } from "node:readline";
import { openNodeDisk } from "@taskwal/disk";
import { ClosedError, DiskFailedError, openTaskStore } from "taskwal";
import { apply } from "./apply-call.mjs";
import { callOf } from "../../dist/test/src/kernel/script.js";

const [, , channelText] = process.argv;
const lanes = 8;
const channel = /^\d+$/.test(channelText) ? Number(channelText) : openSync(channelText, "w");

const tell = (text) => void writeSync(channel, `${text}\n`);

process.on("uncaughtException", (error) =>
  tell(`! uncaught ${error.stack.replaceAll("\n", " | ")}`),
);

const refused = (error) => {
  if (error instanceof DiskFailedError) tell(`f ${error.code} ${error.outcome}`);
  // Lanes that go on while another one closes the store.
  else if (!(error instanceof ClosedError))
    tell(`! ${String(error?.stack ?? error).replaceAll("\n", " | ")}`);
};

/** Each life counts as a process of its own, dead when the next begins: it is told apart by its start time. */
const diskOf = (life) => {
  const real = openNodeDisk();
  return { ...real, process: { ...real.process, startTime: `${real.process.startTime}-${life}` } };
};

const open = (dir, life) =>
  openTaskStore({
    dir,
    disk: diskOf(life),
    autosaveMs: 15,
    segmentBytesMax: 24 * 1024,
    historyBytesMax: 64 * 1024,
  });

const live = async (store, first, life) => {
  let next = first;
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
  await Promise.all(
    [saving(), ...Array.from({ length: lanes }, lane)].map((work) => work.catch(refused)),
  );
};

for await (const line of createInterface({ input: process.stdin })) {
  const [first, life, ...dir] = line.split(" ");
  const store = await open(dir.join(" "), life).catch(refused);
  if (store) {
    const { lost, damaged } = store.recovery;
    tell(`o ${store.digest()} ${lost.length} ${damaged.length}`);
    await live(store, Number(first), Number(life));
    await store.close().catch(refused);
  }
  tell("c");
}
