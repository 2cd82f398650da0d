import { createSimDisk, type SimDisk, type SimProcess } from "@taskwal/disk/sim";
import { ClosedError, DiskFailedError, LockedError } from "@taskwal/errors";
import { openTaskStore } from "@taskwal/tasks";
import { describe, expect, test } from "vitest";
import type { PersistenceEvents } from "./persistence-events.ts";
import { StatePersistence, type PersistenceConfig } from "./state-persistence.ts";
import type { WholeTask } from "./whole-task.ts";

const basePath = "/state";
const backupPath = "/other/state";
const time = "2025-01-01T00:00:00.000Z";

const task = (id: string, more: Partial<WholeTask> = {}): WholeTask => ({
  id,
  description: "d",
  status: "pending",
  tool: "CLAUDECODE",
  created_at: time,
  updated_at: time,
  logs: [],
  ...more,
});

const stateOf = (...tasks: WholeTask[]) => ({
  tasks,
  sessions: [],
  metrics: { total_tasks: 0, completed_tasks: 0, failed_tasks: 0, average_completion_time: 0 },
  last_saved: time,
});

type Told = [name: keyof PersistenceEvents, ...facts: unknown[]];

const names = [
  "state:saved",
  "state:loaded",
  "state:save-error",
  "autosave:triggered",
  "shutdown:save",
  "state:corruption",
  "recovered",
  "backup:created",
  "disk:full",
  "poisoned",
  "closed",
  "backup-location:used",
  "backup-location:returned",
] as const;

interface Host {
  readonly sim: SimDisk;
  readonly disk: SimProcess;
  readonly persistence: StatePersistence;
  readonly told: Told[];
  /** The names of what was told, once each. */
  readonly heard: () => Set<string>;
}

const host = (sim = createSimDisk({ realTurns: true }), config: PersistenceConfig = {}): Host => {
  const disk = sim.process("host");
  const persistence = new StatePersistence({ basePath, disk, ...config });
  const told: Told[] = [];
  for (const name of names) {
    persistence.on(name, (...facts: unknown[]) => void told.push([name, ...facts]));
  }
  return { sim, disk, persistence, told, heard: () => new Set(told.map(([name]) => name)) };
};

const idsAt = async (sim: SimDisk, dir: string): Promise<string[]> => {
  const store = await openTaskStore({ dir, disk: sim.process("reader"), readOnly: true });
  const ids = store.list().map(({ id }) => id);
  await store.close();
  return ids;
};

const turns = async (count: number): Promise<void> => {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
};

/** The clock goes on meanwhile. */
const settled = async <Value>(sim: SimDisk, promise: Promise<Value>): Promise<Value> => {
  promise.catch(() => {});
  for (let second = 0; second < 30; second++) {
    sim.clock.advance(1_000);
    await turns(20);
  }
  return promise;
};

describe("events", () => {
  test("tell of the opening to whoever listens right after the constructor, of saves, and of the end", async () => {
    const { persistence, told, heard } = host();
    await persistence.ready;
    expect(told.map(([name]) => name)).toEqual(["state:loaded", "recovered"]);
    await persistence.saveState(stateOf(task("a")));
    expect(heard()).toContain("state:saved");
    await persistence.shutdown();
    expect(told.filter(([name]) => name === "shutdown:save")).toEqual([
      ["shutdown:save", { timestamp: expect.stringMatching(/^2025-/) }],
    ]);
    expect(told.at(-1)?.[0]).toBe("closed");
  });

  test("an automatic save begins 30 seconds after a change, or after what the config says", async () => {
    for (const [config, ms] of [
      [{}, 30_000],
      [{ autosaveMs: 500 }, 500],
    ] as const) {
      const { sim, persistence, heard } = host(undefined, config);
      await persistence.saveTask(task("a"));
      sim.clock.advance(ms - 200);
      await turns(50);
      expect(heard()).not.toContain("autosave:triggered");
      sim.clock.advance(400);
      await turns(400);
      expect(heard()).toContain("autosave:triggered");
      const saved = JSON.parse(Buffer.from(sim.readRaw("/state/state.json")).toString()) as object;
      expect(saved).toMatchObject({ tasks: [{ id: "a" }], metrics: { total_tasks: 1 } });
      await persistence.shutdown();
    }
  });

  test("what a listener of shutdown:save saves at once is in the state that is left", async () => {
    const { sim, persistence } = host();
    persistence.on("shutdown:save", () => void persistence.saveState(stateOf(task("last"))));
    await persistence.saveTask(task("a"));
    await persistence.shutdown();
    expect(await idsAt(sim, basePath)).toEqual(["a", "last"]);
  });

  test("with nobody to listen, and with listeners that throw, end nothing", async () => {
    const sim = createSimDisk({ realTurns: true });
    const quiet = new StatePersistence({ basePath, disk: sim.process("quiet") });
    await quiet.ready;
    const repair = sim.fail(
      ({ kind, path }) => kind === "write" && path.includes(".jsonl"),
      "ENOSPC",
      { times: "forever" },
    );
    await quiet.saveState(stateOf(task("a")));
    repair();
    for (const name of names) {
      quiet.on(name, () => {
        throw new Error(`a listener of ${name}`);
      });
    }
    await quiet.saveState(stateOf(task("b")));
    await quiet.shutdown();
    expect(await idsAt(sim, basePath)).toEqual(["b"]);
  });

  test("backup:created names a backup that stays as it is: copied elsewhere it is the state of that moment", async () => {
    const { sim, persistence, told } = host(undefined, { autosaveMs: 500 });
    await persistence.saveTask(task("a"));
    for (const second of [1, 2, 3]) {
      await persistence.saveTask(task("a", { description: `d${second}` }));
      // In small steps: the share of time that a save may take is counted by this clock.
      for (let step = 0; step < 60; step++) {
        sim.clock.advance(20);
        await turns(10);
      }
    }
    const [, facts] = told.find(([name]) => name === "backup:created") ?? [];
    const { name } = facts as { readonly name: string };
    const copy = Buffer.from(sim.readRaw(`${basePath}/${name}`));
    expect(JSON.parse(copy.toString())).toMatchObject({ tasks: [{ id: "a", description: "d1" }] });
    await persistence.shutdown();
    sim.writeRaw("/exported/state.json", copy);
    const exported = host(sim, { basePath: "/exported" });
    expect(await exported.persistence.loadTasks()).toMatchObject([{ id: "a", description: "d1" }]);
    await exported.persistence.shutdown();
  });
});

describe("calls", () => {
  test("may be made before the store is open, and are done in their order", async () => {
    const { sim, persistence } = host();
    const calls = [
      persistence.saveTask(task("a")),
      persistence.saveTask(task("a", { status: "in_progress" })),
      persistence.saveSessionLog("s", "one"),
      persistence.deleteTask("a"),
      persistence.saveTask(task("b")),
    ];
    expect(await persistence.loadTasks()).toEqual([task("b")]);
    await Promise.all(calls);
    await persistence.shutdown();
    expect(sim.listRaw()).toContain("/state/logs/session_s.log");
  });

  test("after shutdown are refused, and shutdown may be called again", async () => {
    const { persistence } = host();
    await persistence.saveTask(task("a"));
    await Promise.all([persistence.shutdown(), persistence.shutdown()]);
    await expect(persistence.saveTask(task("b"))).rejects.toThrow(ClosedError);
    await expect(persistence.loadTasks()).rejects.toThrow(ClosedError);
  });

  test("that nobody awaits are written in few syncs, and all of them", async () => {
    const { sim, persistence } = host();
    await persistence.ready;
    const before = sim.trace.filter(
      ({ kind, path }) => kind === "write" && path.includes(".jsonl"),
    ).length;
    const calls = Array.from({ length: 200 }, (_, at) => persistence.saveTask(task(`t${at}`)));
    await Promise.all(calls);
    const after = sim.trace.filter(
      ({ kind, path }) => kind === "write" && path.includes(".jsonl"),
    ).length;
    expect(after - before).toBeLessThan(10);
    expect(await persistence.loadTasks()).toHaveLength(200);
    await persistence.shutdown();
  });
});

describe("a full disk", () => {
  test("refuses saves, keeps every task readable, and takes saves again when there is room", async () => {
    const world = host();
    const { sim, persistence, heard } = world;
    const tasks = Array.from({ length: 10 }, (_, at) =>
      task(`t${at}`, { description: "x".repeat(500) }),
    );
    for (const one of tasks) await persistence.saveTask(one);
    sim.capacityBytes = sim.usedBytes + 1_000;
    for (const one of tasks) {
      const grown = { ...one, description: "y".repeat(7_000) };
      await expect(persistence.saveTask(grown)).rejects.toThrow(DiskFailedError);
    }
    await persistence.saveState(stateOf(task("more", { description: "z".repeat(7_000) })));
    expect(heard()).toContain("state:save-error");
    expect(await persistence.loadTasks()).toEqual(tasks);
    sim.powerCut("none");
    const next = host(sim);
    expect(await next.persistence.loadTasks()).toEqual(tasks);
    sim.capacityBytes = undefined;
    await next.persistence.saveTask(task("t0", { description: "room" }));
    await next.persistence.shutdown();
    expect((await idsAt(sim, basePath)).length).toBe(10);
  });
});

describe("a disk that fails", () => {
  test("under an open store costs the saves under way, and the next one finds it open again", async () => {
    const { sim, persistence, heard } = host();
    await persistence.saveTask(task("a"));
    sim.fail(({ kind, path }) => kind === "write" && path.includes("/wal/0"), "EIO");
    await expect(persistence.saveTask(task("b"))).rejects.toThrow(DiskFailedError);
    await persistence.saveTask(task("c"));
    expect(heard()).toContain("state:save-error");
    expect((await persistence.loadTasks()).map(({ id }) => id)).toEqual(
      expect.arrayContaining(["a", "c"]),
    );
    await persistence.shutdown();
  });

  test("for good sends the state to the backup location, with all that was known, and it comes home later", async () => {
    const sim = createSimDisk({ realTurns: true });
    const { persistence, heard } = host(sim, { backupPath });
    await persistence.saveTask(task("a"));
    const isState = (path: string): boolean => path === basePath || path.startsWith("/state/");
    const repair = sim.fail(
      ({ kind, path }) => isState(path) && kind !== "stat" && kind !== "read" && kind !== "list",
      "EIO",
      { times: "forever" },
    );
    await expect(persistence.saveTask(task("b"))).rejects.toThrow(DiskFailedError);
    await persistence.saveTask(task("c"));
    await persistence.saveTask(
      task("a", { description: "later", updated_at: "2025-01-02T00:00:00.000Z" }),
    );
    expect(heard()).toContain("backup-location:used");
    await persistence.shutdown();
    expect(await idsAt(sim, backupPath)).toEqual(expect.arrayContaining(["a", "c"]));

    repair();
    // The process ends too: it could not record that it gave the directory up.
    sim.powerCut("all");
    const next = host(sim, { backupPath });
    const loaded = await next.persistence.loadTasks();
    expect(loaded.map(({ id }) => id)).toEqual(expect.arrayContaining(["a", "c"]));
    expect(loaded.find(({ id }) => id === "a")?.description).toBe("later");
    expect(next.told.find(([name]) => name === "backup-location:returned")?.[1]).toMatchObject({
      path: backupPath,
    });
    await next.persistence.deleteTask("c");
    await next.persistence.shutdown();
    const last = host(sim, { backupPath });
    expect((await last.persistence.loadTasks()).map(({ id }) => id)).not.toContain("c");
    expect(last.heard()).not.toContain("backup-location:returned");
    await last.persistence.shutdown();
  });

  test("at the start sends it there too, and without one it is told and tried again", async () => {
    const sim = createSimDisk({ realTurns: true });
    const fail = () =>
      sim.fail(({ kind, path }) => kind === "create" && path.startsWith("/state/"), "EROFS", {
        times: "forever",
      });
    let repair = fail();
    const away = host(sim, { backupPath });
    await away.persistence.saveTask(task("a"));
    expect(away.heard()).toContain("backup-location:used");
    await away.persistence.shutdown();
    expect(await idsAt(sim, backupPath)).toEqual(["a"]);
    repair();

    repair = fail();
    const alone = host(sim);
    await expect(alone.persistence.ready).rejects.toThrow(DiskFailedError);
    await expect(alone.persistence.saveTask(task("b"))).rejects.toThrow(/EROFS.*read-only/);
    repair();
    sim.clock.advance(2_000);
    await alone.persistence.saveTask(task("c"));
    expect(await alone.persistence.loadTasks()).toEqual([task("c")]);
    await alone.persistence.shutdown();
  });

  test("is dumped elsewhere once, if there is a place for it", async () => {
    const emergencyPath = "/emergency";
    const { sim, persistence } = host(undefined, { emergencyPath });
    await persistence.saveTask(task("a"));
    sim.fail(({ kind, path }) => kind === "write" && path.includes("/wal/0"), "EIO");
    await expect(persistence.saveTask(task("b"))).rejects.toThrow(DiskFailedError);
    await turns(200);
    const dumped = JSON.parse(
      Buffer.from(sim.readRaw(`${emergencyPath}/state.json`)).toString(),
    ) as object;
    expect(dumped).toMatchObject({ tasks: [{ id: "a" }] });
    await persistence.shutdown();
  });
});

test("a permission that is missing is told with the path, its mode and what to do", async () => {
  const sim = createSimDisk({ realTurns: true });
  const first = host(sim);
  await first.persistence.saveTask(task("a"));
  await first.persistence.shutdown();
  sim.fail(({ kind, path }) => kind === "openDirectory" && path === basePath, "EACCES", {
    times: "forever",
  });
  const { persistence, told } = host(sim);
  const refusal = await persistence.ready.catch((error: unknown) => error);
  expect(refusal).toBeInstanceOf(DiskFailedError);
  expect(refusal).toMatchObject({ errno: "EACCES", path: basePath });
  expect(String(refusal)).toMatch(
    /EACCES; \/state is a folder of mode 0700, .*chmod u\+rwx '\/state'/,
  );
  expect(told[0]).toEqual(["state:save-error", refusal]);
});

test("a directory that another process owns is refused, and neither of them loses anything", async () => {
  const { sim, persistence } = host();
  await persistence.saveTask(task("a"));
  const other = host(sim);
  await expect(settled(sim, other.persistence.ready)).rejects.toThrow(LockedError);
  await expect(settled(sim, other.persistence.saveTask(task("b")))).rejects.toThrow(LockedError);
  await persistence.saveTask(task("c"));
  await persistence.shutdown();
  expect(await idsAt(sim, basePath)).toEqual(["a", "c"]);
});

test("state.json that is corrupt or gone costs nothing: it is rebuilt, and told", async () => {
  const sim = createSimDisk({ realTurns: true });
  const warned: string[] = [];
  const say = (): void => {};
  const warn = (_: unknown, message = ""): void => void warned.push(message);
  const logger = { debug: say, info: say, warn, error: warn };
  const first = host(sim, { logger });
  await first.persistence.saveTask(task("a"));
  await first.persistence.shutdown();
  expect(warned).toEqual([]);
  sim.writeRaw("/state/state.json", Buffer.from('{"tasks":['));
  const second = host(sim, { logger });
  expect(await second.persistence.loadTasks()).toEqual([task("a")]);
  expect(second.heard()).toContain("state:corruption");
  expect(warned).toContain("acknowledged records or snapshots no longer read");
  await second.persistence.shutdown();
  for (const path of sim.listRaw()) if (path.endsWith(".json")) sim.removeRaw(path);
  const third = host(sim, { logger });
  expect(await third.persistence.loadTasks()).toEqual([task("a")]);
  expect(warned).toContain("state.json is missing: it is rebuilt");
  await third.persistence.saveTask(task("b"));
  await third.persistence.shutdown();
  const left = sim.listRaw();
  for (const name of ["state.json", "tasks/a.json", "tasks/b.json"])
    expect(left).toContain(`/state/${name}`);
});

test("what could not be saved is logged, without a word of the task", async () => {
  const logged: string[] = [];
  const say = (facts: unknown, message?: string): void => {
    logged.push(
      `${message} ${JSON.stringify(facts, Object.getOwnPropertyNames(facts ?? {}).concat("message", "code"))}`,
    );
  };
  const logger = { debug: say, info: say, warn: say, error: say };
  const { sim, persistence } = host(undefined, { logger });
  await persistence.ready;
  sim.fail(({ kind, path }) => kind === "write" && path.includes(".jsonl"), "ENOSPC", {
    times: "forever",
  });
  await expect(persistence.saveTask(task("a", { description: "a secret" }))).rejects.toThrow(
    DiskFailedError,
  );
  expect(logged.some((line) => line.startsWith("something could not be saved"))).toBe(true);
  expect(logged.join("\n")).toContain("ENOSPC");
  expect(logged.join("\n")).not.toContain("a secret");
  sim.clearFaults();
  await persistence.shutdown();
});
