/**
 * The drop-in for a coding agent's state persistence under the faults that cost the original its tasks.
 *
 * Twelve ends here; `pnpm bench campaign drop-in` goes on with sixty a round.
 */
import { cpSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { StatePersistence } from "@taskwal/adapters/state-persistence";
import { createSimDisk } from "@taskwal/disk/sim";
import { expect, test } from "vitest";
import { print } from "./corruption/tally.ts";
import { runEnds, type End } from "./drop-in/ends.ts";
import { TaskStore } from "./drop-in/orchestrator.ts";
import { root as fixtures } from "./systemprompt-fixtures.ts";
import { scratchDirectories } from "./world/scratch.ts";
import { startProcess } from "./world/store-process.ts";

const scratch = scratchDirectories();
const seed = Number(process.env["TASKWAL_SEED"] ?? 20_250_701);

const newTask = (id: string) => ({
  id,
  description: "d",
  status: "in_progress" as const,
  tool: "CLAUDECODE",
  created_at: "2025-01-01T00:00:00.000Z",
  updated_at: "2025-01-01T00:00:00.000Z",
  logs: [],
});

const times = (end: End, count: number): readonly End[] => Array.from({ length: count }, () => end);

test("a host that is killed at any moment under load has all its tasks back, each as it was acknowledged", async () => {
  const { lives, saves } = await runEnds({ seed, ends: times("SIGKILL", 6) });
  print(
    `drop-in: seed ${seed}, ${lives} times SIGKILL, ${saves} saves acknowledged before, all tasks back`,
  );
  expect(saves).toBeGreaterThan(20);
});

test("a host that is told to end has all its tasks back, also if its own handler exits at once", async () => {
  const ends = [...times("SIGTERM", 3), ...times("SIGTERM, and the host exits at once", 3)];
  const { lives, saves } = await runEnds({ seed: seed + 1, ends });
  print(
    `drop-in: seed ${seed + 1}, ${lives} times SIGTERM, ${saves} saves acknowledged before, all tasks back`,
  );
  expect(saves).toBeGreaterThan(20);
});

test("2,000 log lines of 1 KiB, each saved as a whole task, write at most 1.3 times their bytes to the log", async () => {
  const basePath = scratch();
  const persistence = new StatePersistence({ basePath });
  let task = { ...newTask("a"), logs: [] as object[] };
  const message = "x".repeat(1_024);
  for (let line = 0; line < 2_000; line++) {
    const timestamp = new Date().toISOString();
    const entry = { timestamp, level: "info", type: "output", prefix: "OUT", message };
    task = { ...task, logs: [...task.logs, entry], updated_at: timestamp };
    await persistence.saveTask(task as never);
  }
  const wal = join(basePath, "wal");
  const bytes = readdirSync(wal).reduce((sum, name) => sum + statSync(join(wal, name)).size, 0);
  const share = bytes / (2_000 * message.length);
  print(
    `drop-in: 2,000 lines of 1 KiB wrote ${bytes} bytes to wal/, ${share.toFixed(3)} times the lines`,
  );
  expect(share).toBeLessThanOrEqual(1.3);
  expect((await persistence.loadTasks())[0]?.logs).toHaveLength(2_000);
  await persistence.shutdown();
});

test.each(["the same task again", "a task that changes"])(
  "timers and signal handlers run while a caller awaits saves in a tight loop: %s",
  async (what) => {
    const host = await startProcess();
    await host.run(
      async ({ StatePersistence, kept }, { basePath, task, changes }) => {
        const persistence = new StatePersistence({ basePath });
        await persistence.ready;
        const counts = { ticks: 0, saves: 0 };
        const timer = setInterval(() => (counts.ticks += 1), 1);
        process.once("SIGTERM", () => (kept["isTold"] = true));
        kept["done"] = (async () => {
          while (kept["isTold"] !== true) {
            counts.saves += 1;
            await persistence.saveTask(
              changes ? { ...task, description: `d${counts.saves}` } : task,
            );
          }
          clearInterval(timer);
          await persistence.shutdown();
          return counts;
        })();
        // Where the loop starves its host this never comes to its end.
        while (counts.ticks < 6 || counts.saves < 11) {
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
      },
      {
        basePath: scratch(),
        task: newTask("a"),
        changes: what === "a task that changes",
      },
    );
    host.signal("SIGTERM");
    const { ticks, saves } = await host.run(
      ({ kept }) => kept["done"] as Promise<{ ticks: number; saves: number }>,
      undefined,
    );
    expect(saves).toBeGreaterThan(10);
    expect(ticks).toBeGreaterThan(5);
  },
);

test("ten backups reach back far beyond the last seconds, however often the state is saved", async () => {
  const sim = createSimDisk({ realTurns: false });
  const basePath = "/state";
  const persistence = new StatePersistence({ basePath, disk: sim.process("host") });
  let task = newTask("a");
  for (let second = 0; second < 1_200; second++) {
    task = {
      ...task,
      description: `d${second}`,
      updated_at: new Date(sim.clock.now()).toISOString(),
    };
    await persistence.saveTask(task);
    await persistence.saveState({
      tasks: [task],
      sessions: [],
      metrics: {} as never,
      last_saved: "",
    });
    for (let part = 0; part < 10; part++) {
      sim.clock.advance(100);
      await sim.clock.yield();
    }
  }
  const times = sim
    .listRaw()
    .flatMap((path) => /state\.backup\.(.*)Z-\d+\.json$/.exec(path)?.slice(1, 2) ?? [])
    .map((stamp) =>
      Date.parse(`${stamp.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)/, "$1-$2-$3T$4:$5:")}Z`),
    );
  expect(times).toHaveLength(10);
  expect(Math.max(...times) - Math.min(...times)).toBeGreaterThan(10 * 60_000);
  await persistence.shutdown();
});

test("an orchestrator whose one file is replaced works as it did, and finds all again after a restart", async () => {
  const basePath = scratch();
  const first = new TaskStore(basePath);
  expect(await first.load()).toBe(0);
  await Promise.all(["a", "b", "gone"].map((id) => first.createTask(id)));
  await Promise.all(Array.from({ length: 50 }, (_, line) => first.addLog("a", `line ${line}`)));
  const started_at = new Date(0).toISOString();
  const completed_at = new Date(5_000).toISOString();
  await first.updateTask("b", { status: "completed", started_at, completed_at });
  await first.deleteTask("gone");
  await first.end();
  // The documented way to look: a file a task, named by its id.
  expect(readdirSync(join(basePath, "tasks")).toSorted()).toEqual(["a.json", "b.json"]);

  const second = new TaskStore(basePath);
  expect(await second.load()).toBe(2);
  const byId = (tasks: TaskStore["tasks"]) => new Map(tasks.map((task) => [task.id, task]));
  const [before, after] = [byId(first.tasks), byId(second.tasks)];
  for (const [id, task] of before) expect(after.get(id)).toEqual(task);
  expect((await second.loadState())?.metrics).toEqual({
    total_tasks: 2,
    completed_tasks: 1,
    failed_tasks: 0,
    average_completion_time: 5_000,
  });
  await second.end();
});

test.each([
  ["killed", "after-sigkill", 18],
  ["on a full disk", "after-full-disk", 16],
] as const)(
  "a directory that the replaced service left when it was %s is taken over with every task that a file still proves",
  async (_, name, count) => {
    const basePath = scratch();
    cpSync(join(fixtures, name), basePath, { recursive: true });
    const persistence = new StatePersistence({ basePath });
    const tasks = await persistence.loadTasks();
    expect(tasks).toHaveLength(count);
    for (const task of tasks) await persistence.saveTask({ ...task, description: "taken over" });
    await persistence.shutdown();
    const next = new StatePersistence({ basePath });
    const loaded = await next.loadTasks();
    expect(loaded).toEqual(tasks.map((task) => ({ ...task, description: "taken over" })));
    await next.shutdown();
  },
);
