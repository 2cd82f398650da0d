/**
 * The process that the demo kills: four callers that create tasks and log agent output, as an
 * orchestrator does, and tell each acknowledgement through descriptor 3.
 *
 *     node demo-worker.js taskwal|whole-file <dir> <round> <seed> <autosave ms>
 *
 * "whole-file" is what the orchestrator does that this replaces: each
 * mutation writes the task's whole file, awaited, and the whole state.json, not awaited.
 */
import { createWriteStream, promises as fs } from "node:fs";
import { join } from "node:path";
import { openTaskStore, type NewLogEntry } from "@taskwal/tasks";

const [way, dir = "", round = "0", seed = "1", autosaveMs = "100"] = process.argv.slice(2);
const acknowledgements = createWriteStream("", { fd: 3 });
const callers = 4;

interface Way {
  create(id: string): Promise<unknown>;
  log(id: string, entry: NewLogEntry): Promise<unknown>;
}

const viaTaskwal = async (): Promise<Way> => {
  const store = await openTaskStore({ dir, autosaveMs: Number(autosaveMs) });
  return {
    create: (id) => Promise.resolve(store.create({ id, description: "demo", tool: "CLAUDECODE" })),
    log: (id, entry) => Promise.resolve(store.log(id, entry)),
  };
};

type WholeTask = { id: string; logs: NewLogEntry[] } & Record<string, unknown>;

const viaWholeFiles = async (): Promise<Way> => {
  const tasks = new Map<string, WholeTask>();
  for (const name of await fs.readdir(join(dir, "tasks"))) {
    const text = await fs.readFile(join(dir, "tasks", name), "utf8");
    try {
      const task = JSON.parse(text) as WholeTask;
      tasks.set(task.id, task);
    } catch {
      // As that program does: what does not parse is left out.
    }
  }
  const save = async (task: WholeTask): Promise<void> => {
    await fs.writeFile(join(dir, "tasks", `${task.id}.json`), JSON.stringify(task, null, 2));
    const state = {
      tasks: [...tasks.values()],
      sessions: [],
      last_saved: new Date().toISOString(),
    };
    fs.writeFile(join(dir, "state.json"), JSON.stringify(state, null, 2)).catch(() => {});
  };
  return {
    create: (id) => {
      const task = { id, description: "demo", tool: "CLAUDECODE", status: "pending", logs: [] };
      tasks.set(id, task);
      return save(task);
    },
    log: (id, entry) => {
      const task = tasks.get(id);
      if (!task) return Promise.reject(new Error(`no task ${id}`));
      task.logs = [...task.logs, { ...entry, timestamp: new Date().toISOString() }];
      return save(task);
    },
  };
};

/** Sizes of agent output, the same for both ways: a linear congruential sequence of the seed. */
const sizes = (start: number): (() => number) => {
  let state = start >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return 40 + (state % 3_000);
  };
};

const call = async (work: Way, caller: number): Promise<void> => {
  const id = `demo-${round}-${caller}`;
  const size = sizes(Number(seed) + Number(round) * callers + caller);
  await work.create(id);
  for (let line = 0; ; line++) {
    const message = `demo ${line} ${"x".repeat(size())}`;
    await work.log(id, { level: "info", type: "output", message });
    acknowledgements.write(`${id} ${line}\n`);
  }
};

const work = way === "taskwal" ? await viaTaskwal() : await viaWholeFiles();
acknowledgements.write("ready 0\n");
await Promise.all(Array.from({ length: callers }, (_, caller) => call(work, caller)));
