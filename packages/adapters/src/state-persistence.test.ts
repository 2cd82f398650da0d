import { inspect } from "node:util";
import { createSimDisk, type SimDisk } from "@taskwal/disk/sim";
import { InvalidMutationError } from "@taskwal/errors";
import { openTaskStore } from "@taskwal/tasks";
import { describe, expect, test } from "vitest";
import {
  StatePersistence,
  type PersistedState,
  type PersistenceConfig,
} from "./state-persistence.ts";
import type { WholeTask } from "./whole-task.ts";

const basePath = "/state";

interface World {
  readonly sim: SimDisk;
  readonly persistence: StatePersistence;
}

const made = (config: PersistenceConfig = {}, sim = createSimDisk({ realTurns: true })): World => {
  const disk = sim.process("host");
  return { sim, persistence: new StatePersistence({ basePath, disk, ...config }) };
};

/** Another life on the same disk. */
const again = ({ sim }: World): World => made({}, sim);

const at = (second: number): string => new Date(Date.UTC(2025, 0, 1, 0, 0, second)).toISOString();

const entry = (second: number, message = `entry ${second}`): WholeTask["logs"][number] => ({
  timestamp: at(second),
  level: "info",
  type: "output",
  message,
});

const task = (id = "task_123", more: Partial<WholeTask> = {}): WholeTask => ({
  id,
  description: "make it so",
  status: "pending",
  tool: "CLAUDECODE",
  created_at: at(0),
  updated_at: at(0),
  logs: [],
  ...more,
});

const state = (tasks: WholeTask[], sessions: PersistedState["sessions"] = []): PersistedState => ({
  tasks,
  sessions,
  metrics: { total_tasks: 0, completed_tasks: 0, failed_tasks: 0, average_completion_time: 0 },
  last_saved: at(0),
});

/** The types of the records of tasks, and their payloads, in order. */
const records = async ({ sim }: World): Promise<[string, unknown][]> => {
  const store = await openTaskStore({ dir: basePath, disk: sim.process("reader"), readOnly: true });
  const list: [string, unknown][] = [];
  for await (const { type, data } of store.records()) {
    if (type.startsWith("task.")) list.push([type, data]);
  }
  await store.close();
  return list;
};

describe("a task that was saved", () => {
  test("is loaded as it was handed in, with fields that taskwal does not know, after a power cut too", async () => {
    const world = made();
    const saved = task("task_123", {
      status: "completed",
      started_at: at(1),
      completed_at: at(9),
      result: { output: "done", success: true, data: { files: ["a.ts"] } },
      logs: [entry(1), { ...entry(2), metadata: { toolInput: { deep: [1, null] } }, flavour: 1 }],
      updated_at: at(9),
      priority: { level: 3 },
    });
    await world.persistence.saveTask(saved);
    expect(await world.persistence.loadTasks()).toEqual([saved]);
    world.sim.powerCut("none");
    const next = again(world);
    expect(await next.persistence.loadTasks()).toEqual([saved]);
    await next.persistence.shutdown();
  });

  test("costs one record for a new entry of its log, and one for all fields that changed", async () => {
    const world = made();
    const first = task();
    await world.persistence.saveTask(first);
    const logged = { ...first, logs: [entry(1)], updated_at: at(1) };
    await world.persistence.saveTask(logged);
    const more = { ...logged, logs: [entry(1), entry(2)], updated_at: at(2) };
    await world.persistence.saveTask(more);
    const moved = { ...more, status: "in_progress" as const, started_at: at(3), updated_at: at(3) };
    await world.persistence.saveTask(moved);
    await world.persistence.saveTask(moved);
    expect(await records(world)).toEqual([
      ["task.imported", { ...first, logs: undefined }],
      ["task.logs.appended", entry(1)],
      ["task.logs.appended", entry(2)],
      ["task.patched", { set: { status: "in_progress", started_at: at(3), updated_at: at(3) } }],
    ]);
    expect(await world.persistence.loadTasks()).toEqual([moved]);
    await world.persistence.shutdown();
  });

  test("has lost the fields that the next save does not have", async () => {
    const world = made();
    await world.persistence.saveTask(task("a", { assigned_to: "agent_1", error: "odd" }));
    await world.persistence.saveTask(task("a", { assigned_to: undefined } as never));
    expect(await world.persistence.loadTasks()).toEqual([task("a")]);
    expect((await records(world)).at(-1)).toEqual([
      "task.patched",
      { set: {}, unset: ["assigned_to", "error"] },
    ]);
    await world.persistence.shutdown();
  });

  test("is the one handed in last, also with a log that is shorter or another", async () => {
    const world = made();
    const { persistence } = world;
    await persistence.saveTask(task("a", { logs: [entry(1), entry(2)] }));
    await persistence.saveTask(task("a", { logs: [entry(1)] }));
    expect(await persistence.loadTasks()).toEqual([
      task("a", { logs: [entry(1)], updated_at: at(1) }),
    ]);
    await persistence.saveTask(task("a", { logs: [entry(7), entry(8)], updated_at: at(9) }));
    await persistence.shutdown();
    const next = again(world);
    const expected = task("a", { logs: [entry(7), entry(8)], updated_at: at(9) });
    expect(await next.persistence.loadTasks()).toEqual([expected]);
    await next.persistence.shutdown();
  });

  test("keeps its log if a save says nothing of it", async () => {
    const { persistence } = made();
    await persistence.saveTask(task("a", { logs: [entry(1)], updated_at: at(1) }));
    const { logs: _, ...rest } = task("a", { status: "waiting", updated_at: at(2) });
    await persistence.saveTask(rest as WholeTask);
    expect(await persistence.loadTasks()).toEqual([
      task("a", { status: "waiting", updated_at: at(2), logs: [entry(1)] }),
    ]);
    await persistence.shutdown();
  });

  test("is neither corrupt nor stale after overlapping saves: the last call wins, long then short, in 200 rounds", async () => {
    const world = made();
    const { persistence } = world;
    for (let round = 0; round < 200; round++) {
      const long = task("a", { description: "x".repeat(5_000), updated_at: at(2 * round) });
      const short = task("a", { description: `short ${round}`, updated_at: at(2 * round + 1) });
      void persistence.saveTask(long);
      void persistence.saveTask(short);
      if (round % 20 === 0) expect(await persistence.loadTasks()).toEqual([short]);
    }
    await persistence.shutdown();
    const next = again(world);
    const [last] = await next.persistence.loadTasks();
    expect(last?.description).toBe("short 199");
    await next.persistence.shutdown();
  });

  test("has all entries of 300 overlapping saves, in the order of the calls", async () => {
    const world = made();
    const { persistence } = world;
    let current = task("a");
    const calls = Array.from({ length: 300 }, (_, index) => {
      current = { ...current, logs: [...current.logs, entry(index)], updated_at: at(index) };
      return persistence.saveTask(current);
    });
    await Promise.all(calls);
    await persistence.shutdown();
    const next = again(world);
    expect(await next.persistence.loadTasks()).toEqual([current]);
    await next.persistence.shutdown();
  });

  test("is as it was at the call, whatever its owner does with it before the store is open", async () => {
    const { persistence } = made();
    const result = { output: "as it was", success: true };
    const live = task("a", { logs: [entry(1)], updated_at: at(1), result });
    const saved = structuredClone(live);
    const call = persistence.saveTask(live);
    live.description = "changed later";
    result.output = "changed later";
    live.logs.push(entry(2));
    for (const one of live.logs) one.message = "changed later";
    await call;
    const [loaded] = await persistence.loadTasks();
    expect(loaded).toEqual(saved);
    if (loaded) loaded.description = "not the store's";
    expect((await persistence.loadTasks())[0]?.description).toBe("make it so");
    await persistence.shutdown();
  });

  test("that says the same again is as durable as the save before it", async () => {
    const world = made();
    const { persistence, sim } = world;
    await persistence.ready;
    const release = sim.hang(({ kind, path }) => kind === "write" && path.includes("/wal/"));
    let isDone = false;
    const first = persistence.saveTask(task("a"));
    const second = persistence.saveTask(task("a")).then(() => (isDone = true));
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(isDone).toBe(false);
    release();
    await Promise.all([first, second]);
    await persistence.shutdown();
  });
});

describe("what JSON has no word for", () => {
  test("costs itself, never the task that holds it", async () => {
    const { persistence } = made();
    const error = Object.assign(new Error("broken"), { code: "EPIPE" });
    const metadata = { error, big: 12n, when: new Date(0), none: undefined, nan: Number.NaN };
    const odd = task("a", { logs: [{ ...entry(1), metadata }], updated_at: at(1) });
    await persistence.saveTask(odd);
    await persistence.saveTask({ ...odd, status: "waiting" });
    const [loaded] = await persistence.loadTasks();
    expect(loaded?.status).toBe("waiting");
    expect(loaded?.logs[0]?.metadata).toEqual({
      error: { name: "Error", message: "broken", code: "EPIPE" },
      big: "12",
      when: "1970-01-01T00:00:00.000Z",
      nan: null,
    });
    await persistence.shutdown();
  });

  test("is refused where the task would not be one, with nothing written, and the others are saved", async () => {
    const { persistence } = made();
    const told: Error[] = [];
    persistence.on("state:save-error", (error) => told.push(error));
    await persistence.saveTask(task("good"));
    const cycle = task("cycle") as WholeTask & { self?: unknown };
    cycle.self = cycle;
    const bad = [
      null,
      {},
      task(""),
      { ...task("b"), logs: 7 },
      { ...task("c"), status: "paused" },
      cycle,
    ];
    for (const one of bad) {
      await expect(persistence.saveTask(one as WholeTask)).rejects.toThrow(InvalidMutationError);
    }
    expect(told).toHaveLength(bad.length);
    await persistence.saveState(state([...(bad as WholeTask[]), task("other")]));
    expect((await persistence.loadTasks()).map(({ id }) => id)).toEqual(["good", "other"]);
    await persistence.shutdown();
  });
});

describe("a state that was saved", () => {
  test("brings its tasks and sessions forward and says so", async () => {
    const world = made();
    const { persistence } = world;
    const told: unknown[] = [];
    persistence.on("state:saved", (facts) => told.push(facts));
    const session = { id: "agent_1", type: "claude", status: "active", created_at: at(0) };
    await persistence.saveState(state([task("a"), task("b")], [session]));
    expect(told[0]).toMatchObject({ timestamp: expect.any(String), sequence: expect.any(Number) });
    await persistence.saveState(
      state(
        [task("b", { status: "waiting", updated_at: at(3) })],
        [{ ...session, status: "busy" }],
      ),
    );
    await persistence.shutdown();
    const next = again(world);
    expect(await next.persistence.loadState()).toEqual({
      tasks: [task("a"), task("b", { status: "waiting", updated_at: at(3) })],
      sessions: [{ ...session, status: "busy" }],
      metrics: { total_tasks: 2, completed_tasks: 0, failed_tasks: 0, average_completion_time: 0 },
      last_saved: expect.stringMatching(/^2025-01-01T/),
    });
    await next.persistence.shutdown();
  });

  test("removes nothing, brings back nothing that was removed, and makes nothing older or shorter", async () => {
    const { persistence } = made();
    await persistence.saveTask(task("kept"));
    await persistence.saveTask(task("gone"));
    await persistence.deleteTask("gone");
    const newer = task("moved", { status: "in_progress", updated_at: at(5) });
    await persistence.saveTask(newer);
    const logged = task("logged", { logs: [entry(1), entry(2)], updated_at: at(2) });
    await persistence.saveTask(logged);
    const stale = [
      task("gone"),
      task("moved", { updated_at: at(4) }),
      task("logged", { logs: [entry(1)], updated_at: at(2) }),
    ];
    await persistence.saveState(state(stale));
    expect(await persistence.loadTasks()).toEqual([task("kept"), newer, logged]);
    await persistence.shutdown();
  });

  test("has the metrics of its tasks, from start to completion, whatever is edited later", async () => {
    const { persistence } = made();
    const done = { status: "completed", started_at: at(10), completed_at: at(40) } as const;
    await persistence.saveTask(task("a", done));
    await persistence.saveTask(task("a", { ...done, updated_at: at(900), logs: [entry(950)] }));
    await persistence.saveTask(task("b", { status: "failed" }));
    const loaded = await persistence.loadState();
    expect(loaded?.metrics).toEqual({
      total_tasks: 2,
      completed_tasks: 1,
      failed_tasks: 1,
      average_completion_time: 30_000,
    });
    await persistence.shutdown();
  });

  test("is null where nothing was ever saved, and empty where all was removed", async () => {
    const world = made();
    expect(await world.persistence.loadState()).toBeNull();
    expect(await world.persistence.loadTasks()).toEqual([]);
    await world.persistence.saveTask(task("a"));
    await world.persistence.deleteTask("a");
    await world.persistence.deleteTask("never there");
    await world.persistence.shutdown();
    const next = again(world);
    expect((await next.persistence.loadState())?.tasks).toEqual([]);
    await next.persistence.shutdown();
  });
});

test("what could not be saved is logged without a word of the task, and a logger that throws breaks nothing", async () => {
  const said: string[] = [];
  const say = (facts: unknown, message?: string): void => {
    said.push(`${message} ${inspect(facts, { depth: 20, showHidden: true })}`);
    throw new Error("the logger is closed");
  };
  const { persistence } = made({ logger: { debug: say, info: say, warn: say, error: say } });
  const quoting = Object.defineProperty(task(), "description", {
    enumerable: true,
    get: () => {
      throw new RangeError("hunter2");
    },
  });
  await expect(persistence.saveTask(quoting)).rejects.toThrow();
  await persistence.shutdown();
  expect(said.join()).toContain("something could not be saved");
  expect(said.join()).not.toContain("hunter2");
});
