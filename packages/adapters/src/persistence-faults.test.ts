import { createSimDisk, type SimDisk } from "@taskwal/disk/sim";
import { DiskFailedError, LockedError } from "@taskwal/errors";
import { describe, expect, test } from "vitest";
import type { WholeTask } from "./whole-task.ts";
import { backupPath, basePath, host, idsAt, stateOf, task, turns } from "./sample-host.test.ts";

const entry = (minute: number): WholeTask["logs"][number] => ({
  timestamp: new Date(Date.UTC(2025, 0, 1, 0, minute)).toISOString(),
  level: "info",
  type: "output",
  message: `minute ${minute}`,
});

/** The clock goes on meanwhile. */
const settled = async <Value>(sim: SimDisk, promise: Promise<Value>): Promise<Value> => {
  promise.catch(() => {});
  for (let second = 0; second < 30; second++) {
    sim.clock.advance(1_000);
    await turns(20);
  }
  return promise;
};

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

  test("leaves all readable for a host that starts on it, without a free byte, and takes saves once there is room", async () => {
    // Such a host was refused its tasks: opening for writing needs room for a record.
    const { sim, persistence } = host();
    const tasks = [task("a", { logs: [entry(1)], updated_at: entry(1).timestamp }), task("b")];
    for (const one of tasks) await persistence.saveTask(one);
    sim.powerCut("none");
    sim.capacityBytes = sim.usedBytes;
    const next = host(sim);
    await expect(next.persistence.ready).rejects.toThrow(DiskFailedError);
    expect(await next.persistence.loadTasks()).toEqual(tasks);
    expect((await next.persistence.loadState())?.tasks).toEqual(tasks);
    await expect(next.persistence.saveTask(task("c"))).rejects.toThrow(DiskFailedError);
    sim.capacityBytes = undefined;
    sim.clock.advance(2_000);
    await next.persistence.saveTask(task("c"));
    expect(await next.persistence.loadTasks()).toEqual([...tasks, task("c")]);
    await next.persistence.shutdown();
  });

  test("that has nothing yet is not called empty", async () => {
    const sim = createSimDisk({ realTurns: true });
    sim.capacityBytes = sim.usedBytes;
    const { persistence } = host(sim);
    await expect(persistence.loadTasks()).rejects.toThrow(DiskFailedError);
    await expect(persistence.loadState()).rejects.toThrow(DiskFailedError);
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

  test("leaves a save that opens it again with the task as it was handed in, whatever the caller does to it meanwhile", async () => {
    const { sim, persistence } = host();
    await persistence.saveTask(task("a"));
    sim.fail(({ kind, path }) => kind === "write" && path.includes("/wal/0"), "EIO");
    await expect(persistence.saveTask(task("b"))).rejects.toThrow(DiskFailedError);
    const given = task("c", { result: { output: "as it was" } });
    const saving = persistence.saveTask(given);
    (given.result as { output: string }).output = "later";
    await saving;
    const loaded = await persistence.loadTasks();
    expect(loaded.find(({ id }) => id === "c")?.result).toEqual({ output: "as it was" });
    await persistence.shutdown();
  });

  test("for good sends the state to the backup location, with all that was known, and it comes home later", async () => {
    const sim = createSimDisk({ realTurns: true });
    const { persistence, heard } = host(sim, { backupPath });
    const logged = { ...task("logged"), logs: [entry(1)], updated_at: entry(1).timestamp };
    await persistence.saveTask(task("logged"));
    await persistence.saveTask(logged);
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
    const logs = [entry(1), entry(2)];
    await persistence.saveTask({ ...logged, logs, updated_at: entry(2).timestamp });
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
    expect(loaded.find(({ id }) => id === "logged")?.logs).toEqual(logs);
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

  test("behind a crash sends the last that was acknowledged there too, and what comes home is not without it", async () => {
    // A reader shows what a promise covers, and nothing vouched yet for the last batch: a task came home older.
    const sim = createSimDisk({ realTurns: true });
    const first = host(sim);
    const logged = { ...task("a"), logs: [entry(1)], updated_at: entry(1).timestamp };
    await first.persistence.saveTask(task("a"));
    await first.persistence.saveTask(logged);
    sim.powerCut("none");
    const repair = sim.fail(
      ({ kind, path }) => kind === "create" && path.startsWith("/state/"),
      "EROFS",
      {
        times: "forever",
      },
    );
    const away = host(sim, { backupPath });
    const [loaded] = await away.persistence.loadTasks();
    expect(loaded).toEqual(logged);
    const logs = [...(loaded?.logs ?? []), entry(2)];
    await away.persistence.saveTask({ ...logged, logs, updated_at: entry(2).timestamp });
    await away.persistence.shutdown();
    repair();
    const next = host(sim, { backupPath });
    expect((await next.persistence.loadTasks())[0]?.logs).toEqual([entry(1), entry(2)]);
    await next.persistence.shutdown();
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
  await second.persistence.saveTask(task("b"));
  await second.persistence.shutdown();
  const between = host(sim);
  await between.persistence.saveTask(task("c"));
  await between.persistence.shutdown();
  sim.removeRaw("/state/state.json");
  const third = host(sim, { logger });
  expect(await third.persistence.loadTasks()).toEqual(["a", "b", "c"].map((id) => task(id)));
  expect(warned.join("\n")).toContain("state.json is missing");
  await third.persistence.saveTask(task("d"));
  await third.persistence.shutdown();
  const left = sim.listRaw();
  for (const name of ["state.json", "tasks/a.json", "tasks/d.json"])
    expect(left).toContain(`/state/${name}`);
});

test("a task that lost records is whole again once it is saved or deleted, and nothing is degraded for it any more", async () => {
  // The record that made it: it was frozen, and no save of the whole task got through.
  for (const lost of [0, 1, 2]) {
    const sim = createSimDisk({ realTurns: true });
    const first = host(sim);
    const logs = [entry(1), entry(2)];
    await first.persistence.saveTask(task("a"));
    await first.persistence.saveTask(task("a", { status: "in_progress" }));
    await first.persistence.saveTask(task("a", { status: "in_progress", logs }));
    await first.persistence.saveTask(task("b"));
    await turns(50);
    first.disk.kill();
    const path = sim.listRaw().find((name) => name.endsWith(".jsonl")) ?? "";
    const lines = Buffer.from(sim.readRaw(path)).toString().split("\n");
    const own = lines.flatMap((line, at) => (line.includes('"id":"a"') ? [at] : []));
    const harmed = lines.map((line, at) => (at === own[lost] ? "rotten" : line));
    sim.writeRaw(path, Buffer.from(harmed.join("\n")));

    const next = host(sim);
    await next.persistence.ready;
    expect(next.heard()).toContain("state:corruption");
    expect((await next.persistence.health()).damagedCount).toBe(1);
    // What its caller knew a moment ago settles nothing.
    await next.persistence.saveState(stateOf(task("b")));
    expect((await next.persistence.health()).damagedCount).toBe(1);
    const whole = task("a", { status: "completed", logs, updated_at: entry(3).timestamp });
    await next.persistence.saveTask(whole);
    expect((await next.persistence.health()).status).toBe("ok");
    await next.persistence.shutdown();
    const last = host(sim);
    expect((await last.persistence.loadTasks()).find(({ id }) => id === "a")).toEqual(whole);
    await last.persistence.deleteTask("a");
    expect((await last.persistence.loadTasks()).map(({ id }) => id)).toEqual(["b"]);
    await last.persistence.shutdown();
  }
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
