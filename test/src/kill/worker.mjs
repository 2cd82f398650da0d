/**
 * The process that is killed: opens a task store, mutates it on several lanes at once, and tells on
 * file descriptor 3 what it does, one JSON line each, written before it goes on.
 *
 *     {"phase":"opening"}  {"call":"rename"} …  {"phase":"open",…}
 *     {"issue":17,"of":[…]}  ─ the call ─  {"ack":17}          of: the mutations of one call, all or none
 *     {"phase":"snapshot"} … {"phase":"snapshot done"}   {"phase":"rotation"} … {"phase":"rotation done"}
 *
 * It runs the built packages. The rule: "issue" is told before the call and "ack" after its promise has
 * resolved, so a line that is missing says that it had not happened.
 *
 *     node worker.mjs <dir> <first issue> <seed> <ids of the tasks there are, as JSON>
 */
import { writeSync } from "node:fs";
import { openNodeDisk } from "@taskwal/disk";
import { closeOnExit, openTaskStore } from "taskwal";

const [, , dir, firstText, seedText, aliveText] = process.argv;
const lanes = 8;
const channel = 3;

const tell = (facts) => void writeSync(channel, `${JSON.stringify(facts)}\n`);

// Small and seeded: what is drawn is told, so nobody has to draw it again.
let drawn = Number(seedText) >>> 0;
const below = (count) => {
  drawn = (Math.imul(drawn, 1_664_525) + 1_013_904_223) >>> 0;
  return Math.floor((drawn / 2 ** 32) * count);
};

let isOpen = false;
let rotating = false;

/** Forwards every call to the real directory and tells those that mark a phase. */
const telling = (directory) =>
  new Proxy(directory, {
    get: (target, key) => {
      const member = target[key];
      if (typeof member !== "function") return member;
      return (...names) => {
        if (!isOpen) tell({ call: key });
        else if (key === "create" && names[0] === "state.json.tmp") tell({ phase: "snapshot" });
        else if (key === "create" && names[0].endsWith(".jsonl.tmp")) {
          rotating = true;
          tell({ phase: "rotation" });
        }
        const answer = member.apply(target, names);
        if (key === "syncFolder" && names[0] === "wal" && rotating) {
          return answer.then(() => {
            rotating = false;
            tell({ phase: "rotation done" });
          });
        }
        return answer;
      };
    },
  });

const real = openNodeDisk();
const disk = new Proxy(real, {
  get: (target, key) => {
    const member = target[key];
    if (key === "openDirectory" || key === "createDirectory") {
      return async (path) => telling(await member.call(target, path));
    }
    return typeof member === "function" ? member.bind(target) : member;
  },
});

tell({ phase: "opening" });
const store = await openTaskStore({
  dir,
  disk,
  autosaveMs: 15,
  segmentBytesMax: 6 * 1024,
  historyBytesMax: 24 * 1024,
  on: { "state:saved": () => tell({ phase: "snapshot done" }) },
});
isOpen = true;
closeOnExit(store);
const { before, lost, damaged } = store.recovery;
tell({ phase: "open", before, lost: lost.length, damaged: damaged.length, digest: store.digest() });

const alive = JSON.parse(aliveText);
let issue = Number(firstText);
let created = 0;

const text = () => `${issue} `.repeat(1 + below(40));

/** One mutation as it is told; it counts on those before it, which may still be under way. */
const draw = () => {
  const at = below(alive.length);
  const id = alive[at];
  const kind = below(10);
  if (alive.length < 4 || kind === 0) {
    created += 1;
    const fresh = `task-${firstText}-${created}`;
    alive.push(fresh);
    return { kind: "create", id: fresh, text: text() };
  }
  if (kind === 1 || alive.length > 12) {
    alive.splice(at, 1);
    return { kind: "delete", id };
  }
  return { kind: kind < 5 ? "update" : "log", id, text: text() };
};

const apply = (tasks, { kind, id, text: description }) => {
  if (kind === "create")
    return tasks.mutate(id, "task.created", { description, tool: "CLAUDECODE" });
  if (kind === "update") return tasks.mutate(id, "task.updated", { description });
  if (kind === "delete") return tasks.mutate(id, "task.deleted", {});
  const timestamp = new Date().toISOString();
  return tasks.append(id, "logs", {
    timestamp,
    level: "info",
    type: "output",
    message: description,
  });
};

const single = ({ kind, id, text: words }) => {
  if (kind === "create") return store.create({ id, description: words, tool: "CLAUDECODE" });
  if (kind === "update") return store.update(id, { description: words });
  if (kind === "delete") return store.delete(id);
  return store.log(id, { level: "info", type: "output", message: words });
};

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Snapshots all the time: autosave alone keeps them rare, so that they cost little. */
const saving = async () => {
  for (;;) {
    await store.snapshot();
    await pause(below(20));
  }
};

const lane = async () => {
  for (;;) {
    // A state that stays small, and never a moment without something under way: there are many lanes.
    await pause(below(4));
    const number = issue;
    issue += 1;
    const of = Array.from({ length: below(5) === 0 ? 3 : 1 }, draw);
    tell({ issue: number, of });
    if (of.length === 1) await single(of[0]);
    else await store.transact(({ tasks }) => of.forEach((one) => void apply(tasks, one)));
    tell({ ack: number });
  }
};

try {
  await Promise.all([saving(), ...Array.from({ length: lanes }, lane)]);
} catch (error) {
  // Only a store that is being closed refuses: the signal has come.
  if (error.code !== "CLOSED") throw error;
}
