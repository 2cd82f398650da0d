import { createSimDisk } from "@taskwal/disk/sim";
import { ClosedError } from "@taskwal/errors";
import { describe, expect, test } from "vitest";
import { basePath, host, idsAt, names, stateOf, task, turns } from "./sample-host.test.ts";
import { StatePersistence } from "./state-persistence.ts";

describe("events", () => {
  test("tell of the opening to whoever listens right after the constructor, of saves, and of the end", async () => {
    const { persistence, told, heard } = host();
    await persistence.ready;
    expect(told.map(([name]) => name)).toEqual(["state:loaded", "state:recovered"]);
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

  test("of saveState never reject, also where shutdown comes right behind them or before them", async () => {
    // A host that saved a state for each change and then shut down ended by an unhandled rejection.
    const { persistence, heard } = host();
    const early = persistence.saveState(stateOf());
    await persistence.ready;
    const late = [persistence.saveState(stateOf()), persistence.saveState(stateOf(task("a")))];
    const closing = persistence.shutdown();
    const behind = persistence.saveState(stateOf(task("b")));
    await turns(3);
    const further = persistence.saveState(stateOf());
    await Promise.all([early, ...late, behind, further, closing]);
    expect(heard()).not.toContain("state:save-error");
    await persistence.saveState(stateOf());
    // What came too late was not saved, and is told.
    expect(heard()).toContain("state:save-error");
  });

  test("of saveState that were made before the store was open are saved by a shutdown", async () => {
    const { sim, persistence } = host();
    void persistence.saveState(stateOf(task("a")));
    await persistence.shutdown();
    expect(await idsAt(sim, basePath)).toEqual(["a"]);
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
