/**
 * A short life of a store in which each system call is the same in every run, so that one can be made to fail
 * by its number.
 *
 *     open ─ batch ─ "written" ─ idle ─ transaction ─ rotation ─ snapshot ─ compact ─ close ─ open ─ one more ─ close
 *
 * Each mutation creates a note of its own. It tells, one JSON line each: `outcome` of an id, `opened` with what
 * an opening reported, `strange` errors (a defect), `end`. It runs the built packages.
 *
 * The rule: time stands still but for the moments where it is let on; what fails is tried once more, as a
 * program would.
 *
 *     node syscall-worker.mjs <dir> <file to tell in>
 */
import { openSync, writeSync } from "node:fs";
import { openNodeDisk } from "@taskwal/disk";
import { DiskFailedError } from "taskwal";
import { openNotes } from "../../dist/test/src/world/note-model.js";

const [, , dir, tellPath] = process.argv;
const channel = openSync(tellPath, "a");
const tell = (facts) => void writeSync(channel, `${JSON.stringify(facts)}\n`);

process.on("uncaughtException", (error) => tell({ strange: `uncaught ${error.stack}` }));

const real = openNodeDisk();
const timers = new Set();
let nowMs = Date.UTC(2026, 0, 1);
let random = 1;
const disk = {
  ...real,
  clock: {
    ...real.clock,
    now: () => (nowMs += 1_000),
    monotonicMs: () => nowMs,
    schedule: (_delayMs, task) => {
      timers.add(task);
      return () => timers.delete(task);
    },
  },
  randomBytes: (count) =>
    Uint8Array.from({ length: count }, () => (random = (random * 5 + 1) % 251)),
};

/** Lets all that waits for a time have its turn. */
const letTimePass = async () => {
  const due = [...timers];
  timers.clear();
  for (const task of due) task();
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setTimeout(resolve, 2));
};

const errorOf = async (work) => {
  try {
    await work();
    return undefined;
  } catch (error) {
    return error;
  }
};

/** The error by which a program knows what to do; anything else is a defect. */
const isTyped = (error) => error instanceof DiskFailedError;

const note = (ids, error, durability = "synced") => {
  const done = durability === "synced" ? "acknowledged" : "written";
  const outcome = error === undefined ? done : isTyped(error) ? error.outcome : "unknown";
  for (const id of ids) tell({ outcome, id });
  if (error !== undefined && !isTyped(error)) tell({ strange: String(error?.stack ?? error) });
};

const attempt = async (work) => {
  const error = await errorOf(work);
  if (error === undefined) return true;
  if (isTyped(error)) tell({ refused: error.message });
  else tell({ strange: String(error?.stack ?? error) });
  return false;
};

const open = async () => {
  let store;
  const once = async () => {
    store = await openNotes(disk, {
      dir,
      segmentBytesMax: 700,
      historyBytesMax: 0,
      historyFilesMax: 0,
    });
  };
  if (!(await attempt(once)) && !(await attempt(once))) return undefined;
  const { lost, damaged } = store.recovery;
  tell({ opened: { lost: lost.length, damaged: damaged.length } });
  return store;
};

let store;
const create = async (id, durability = "synced") => {
  const payload = { text: `text of ${id}` };
  const options = { durability };
  note(
    [id],
    await errorOf(() => store.notes.mutate(id, "note.created", payload, options)),
    durability,
  );
};

/** A program goes on after a failed disk: it opens again. */
const goOn = async () => {
  if (store.poisoned) await attempt(() => store.reopen());
};

const steps = [
  () => Promise.all(["a", "b", "c"].map((id) => create(id))),
  () => create("d", "written"),
  letTimePass,
  async () => {
    const ids = ["tx-1", "tx-2"];
    const both = ({ notes }) =>
      ids.forEach((id) => void notes.mutate(id, "note.created", { text: `text of ${id}` }));
    note(ids, await errorOf(() => store.transact(both)));
  },
  () => Promise.all(["e", "f"].map((id) => create(id))),
  async () => {
    for (const id of ["g", "h"]) await create(id);
  },
  () => attempt(() => store.snapshot()),
  () => create("i"),
  () => attempt(() => store.compact()),
  () => create("j"),
];

const live = async (works) => {
  store = await open();
  if (!store) return;
  for (const work of works) {
    await work();
    await goOn();
  }
  await attempt(() => store.close());
};

await live(steps);
await live([() => create("k"), () => attempt(() => store.snapshot()), () => create("l")]);
tell({ end: true });
process.exit(0);
