/**
 * The process that is ended: an orchestrator as its task store is, with twenty tasks of some 52 KB, saved all the time by
 * callers that do not wait for each other. It tells on file descriptor 3 what was acknowledged, one JSON line each.
 *
 *     {"open":true}  {"saved":"task_7","count":12} …
 *
 * It runs the built packages. The rule: "saved" is told after the promise has resolved, so a line that is missing says
 * that it had not.
 *
 *     node host.mjs <dir> <seed> <"alone" | "exits">     exits: with a handler of its own that ends the process at once
 */
import { writeSync } from "node:fs";
import { StatePersistence } from "@taskwal/adapters/state-persistence";

const [, , basePath, seedText, manner] = process.argv;
const taskCount = 20;
const lanes = 6;
const entriesMax = 60;

const tell = (facts) => void writeSync(3, `${JSON.stringify(facts)}\n`);

let drawn = Number(seedText) >>> 0;
const below = (count) => {
  drawn = (Math.imul(drawn, 1_664_525) + 1_013_904_223) >>> 0;
  return Math.floor((drawn / 2 ** 32) * count);
};

if (manner === "exits") process.on("SIGTERM", () => process.exit(0));
const persistence = StatePersistence.getInstance({ basePath, autosaveMs: 40 });

const now = () => new Date().toISOString();
const entry = (number) => ({
  timestamp: now(),
  level: "info",
  type: "output",
  message: `${number} `.repeat(250).slice(0, 1_000),
  metadata: { number },
});

const tasks = new Map((await persistence.loadTasks()).map((task) => [task.id, task]));

const save = async (task) => {
  tasks.set(task.id, task);
  await persistence.saveTask(task);
  tell({ saved: task.id, count: task.count });
};

for (let number = tasks.size; number < taskCount; number++) {
  const logs = Array.from({ length: 50 }, (_, at) => entry(at + 1));
  await save({
    id: `task_${number}`,
    description: "a task that is saved all the time",
    status: "in_progress",
    tool: "CLAUDECODE",
    created_at: now(),
    updated_at: now(),
    started_at: now(),
    count: 1,
    logs,
  });
}
tell({ open: true });

/** Every save changes the count; most add an entry. A log that is full is begun again. */
const change = (task) => {
  const count = task.count + 1;
  const last = task.logs.at(-1)?.metadata.number ?? 0;
  const isFull = task.logs.length >= entriesMax;
  const kept = isFull ? task.logs.slice(-40) : task.logs;
  const logs = below(3) === 0 ? kept : [...kept, entry(last + 1)];
  return { ...task, logs, count, updated_at: now() };
};

const state = () => ({ tasks: [...tasks.values()], sessions: [], metrics: {}, last_saved: now() });

const lane = async () => {
  for (;;) {
    const task = tasks.get(`task_${below(taskCount)}`);
    const call = save(change(task));
    if (below(3) === 0) void persistence.saveState(state());
    await call;
  }
};
await Promise.all(Array.from({ length: lanes }, lane));
