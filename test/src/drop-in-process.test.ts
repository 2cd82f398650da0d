/**
 * The drop-in in a process of its own: where its state is, and what is left of it however the process ends.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openTaskStore } from "taskwal";
import { describe, expect, test } from "vitest";
import { scratchDirectories } from "./world/scratch.ts";
import { startProcess, type StoreProcess } from "./world/store-process.ts";

const scratch = scratchDirectories();

interface Found {
  readonly count: number;
  readonly before: string;
}

const found = async (dir: string): Promise<Found> => {
  const store = await openTaskStore({ dir, mirrors: false });
  const { before } = store.recovery;
  const count = store.list().length;
  await store.close();
  return { count, before };
};

interface Started {
  readonly basePath?: string;
  readonly emergencyPath?: string;
}

const started = async (
  config: Started,
  env: Record<string, string> = {},
): Promise<StoreProcess> => {
  const host = await startProcess({ env });
  await host.run(async ({ StatePersistence, kept }, config) => {
    kept["persistence"] = StatePersistence.getInstance(config);
    let number = 0;
    kept["save"] = (): Promise<void> => {
      number += 1;
      const time = new Date().toISOString();
      return kept["persistence"].saveTask({
        id: `task_${number}`,
        description: "d",
        status: "pending",
        tool: "CLAUDECODE",
        created_at: time,
        updated_at: time,
        logs: [],
      });
    };
    await kept["persistence"].ready;
  }, config);
  return host;
};

/** Of a process that may end before it answers. */
const unanswered = (run: Promise<unknown>): void => void run.catch(() => {});

describe("an end", () => {
  test("by process.exit() right after saves that nobody awaits loses none of them", async () => {
    const basePath = scratch();
    const host = await started({ basePath });
    const exit = host.run(({ kept }) => {
      for (let one = 0; one < 300; one++) void kept["save"]();
      process.exit(3);
    }, undefined);
    unanswered(exit);
    expect(await host.end()).toEqual({ code: 3, signal: null });
    expect((await found(basePath)).count).toBe(300);
    expect(host.stdout).toBe("");
  });

  test.each(["SIGTERM", "SIGINT"] as const)(
    "by %s saves what was called, and is an end by that signal; saves that still come end it in no other way",
    async (signal) => {
      const basePath = scratch();
      const host = await started({ basePath });
      await host.run(async ({ kept }) => {
        for (let one = 0; one < 200; one++) void kept["save"]();
        const goOn = async (): Promise<void> => {
          for (;;) await kept["save"]();
        };
        void goOn();
        await kept["persistence"].loadTasks();
      }, undefined);
      expect(await host.end(signal)).toEqual({ code: null, signal });
      const { count, before } = await found(basePath);
      expect([count >= 200, before]).toEqual([true, "closed"]);
      expect([host.stdout, host.stderr]).toEqual(["", ""]);
    },
  );

  test("by a handler of the host leaves it the last word: what it saves before it exits is saved", async () => {
    const basePath = scratch();
    const host = await started({ basePath });
    await host.run(({ kept }) => {
      process.on("SIGTERM", () => {
        const end = async (): Promise<void> => {
          await new Promise((resolve) => setTimeout(resolve, 100));
          await kept["save"]();
          void kept["save"]();
          process.exit(0);
        };
        void end();
      });
    }, undefined);
    expect(await host.end("SIGTERM")).toEqual({ code: 0, signal: null });
    expect((await found(basePath)).count).toBe(2);
  });

  test.each(["throw", "reject"] as const)(
    "by an error that nobody catches (%s) leaves the log, a dump elsewhere, and the error as it was",
    async (how) => {
      const basePath = scratch();
      const emergencyPath = join(scratch(), "dump");
      const host = await started({ basePath, emergencyPath });
      const crash = host.run(async ({ kept }, how) => {
        await kept["save"]();
        void kept["save"]();
        const error = new Error("the host is broken");
        if (how === "reject") void Promise.reject(error);
        else
          setImmediate(() => {
            throw error;
          });
      }, how);
      unanswered(crash);
      expect(await host.end()).toEqual({ code: 1, signal: null });
      expect(host.stderr).toContain("the host is broken");
      expect((await found(basePath)).count).toBe(2);
      const dump = JSON.parse(readFileSync(join(emergencyPath, "state.json"), "utf8")) as object;
      expect(dump).toMatchObject({ metrics: { total_tasks: expect.any(Number) } });
      expect((await found(emergencyPath)).count).toBeGreaterThanOrEqual(1);
    },
  );

  test("does not come by an error that the host catches itself; it is dumped all the same", async () => {
    const basePath = scratch();
    const emergencyPath = join(scratch(), "dump");
    const host = await started({ basePath, emergencyPath });
    const caught = await host.run(async ({ kept }) => {
      let seen = "";
      process.on("uncaughtException", (error) => (seen = error.message));
      await kept["save"]();
      setImmediate(() => {
        throw new Error("not so bad");
      });
      await new Promise((resolve) => setTimeout(resolve, 500));
      await kept["save"]();
      await kept["persistence"].shutdown();
      return seen;
    }, undefined);
    expect(caught).toBe("not so bad");
    expect(existsSync(join(emergencyPath, "state.json"))).toBe(true);
    expect(await found(basePath)).toEqual({ count: 2, before: "closed" });
  });

  test("by an error is not dumped unless that was asked for", async () => {
    const basePath = scratch();
    const host = await started({ basePath });
    const listeners = await host.run(() => process.listenerCount("uncaughtException"), undefined);
    expect(listeners).toBe(0);
  });
});

describe("the directory", () => {
  test("is that of STATE_PATH", async () => {
    const basePath = join(scratch(), "named");
    const host = await started({}, { STATE_PATH: basePath });
    await host.run(({ kept }) => kept["save"](), undefined);
    expect(await host.end("SIGTERM")).toEqual({ code: null, signal: "SIGTERM" });
    expect((await found(basePath)).count).toBe(1);
  });

  test.each([
    ["STATE_PATH in the file .env", 'STATE_PATH="./from file"\n', "from file"],
    ["./coding-agent-state without any", "OTHER=1\n", "coding-agent-state"],
    ["./coding-agent-state where it is empty", "STATE_PATH=\n", "coding-agent-state"],
    ["STATE_PATH in the file .env if that of the environment is empty", "STATE_PATH=a\n", "a", ""],
  ])("is that of %s", async (_, text, folder, own?: string) => {
    const cwd = scratch();
    writeFileSync(join(cwd, ".env"), text);
    const host = await startProcess();
    await host.run(
      async ({ StatePersistence }, { cwd, own }) => {
        process.chdir(cwd);
        delete process.env["STATE_PATH"];
        if (own !== undefined) process.env["STATE_PATH"] = own;
        const persistence = StatePersistence.getInstance();
        await persistence.saveReport("r", {});
        await persistence.shutdown();
      },
      { cwd, own },
    );
    expect(existsSync(join(cwd, folder, "reports/report_r.json"))).toBe(true);
  });

  test("has one owner in a process: getInstance gives the same until it is shut down, and refuses another config", async () => {
    const host = await startProcess();
    const seen = await host.run(async ({ StatePersistence }, basePath) => {
      const first = StatePersistence.getInstance({ basePath });
      const same = [StatePersistence.getInstance(), StatePersistence.getInstance({ basePath })];
      let refused = "";
      try {
        StatePersistence.getInstance({ basePath: "/elsewhere" });
      } catch (error) {
        refused = (error as Error).name;
      }
      await first.shutdown();
      const next = StatePersistence.getInstance({ basePath });
      const answer = [same.every((one) => one === first), refused, next !== first];
      await next.shutdown();
      const names = ["SIGTERM", "SIGINT", "beforeExit", "exit"];
      return [...answer, names.map((name) => process.listenerCount(name))];
    }, scratch());
    expect(seen).toEqual([true, "TypeError", true, [0, 0, 0, 0]]);
  });
});
