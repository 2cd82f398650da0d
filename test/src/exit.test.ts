/**
 * The end of a host, however it comes: what was called is in the log.
 *
 *     process.exit()   ── exit ── flushSync()
 *     SIGTERM, SIGINT  ── close() ── the same signal again      beforeExit ── close()
 */
import { openTaskStore } from "taskwal";
import { expect, test } from "vitest";
import { scratchDirectories } from "./world/scratch.ts";
import { startProcess, type StoreProcess } from "./world/store-process.ts";

const scratch = scratchDirectories();

/** What the next opening finds. */
const found = async (dir: string): Promise<{ count: number; before: string; lost: number }> => {
  const store = await openTaskStore({ dir, mirrors: false });
  const { before, lost } = store.recovery;
  const count = store.list().length;
  await store.close();
  return { count, before, lost: lost.length };
};

const opened = async (dir: string, deadlineMs = 5_000): Promise<StoreProcess> => {
  const host = await startProcess();
  await host.run(
    async ({ openTaskStore, closeOnExit, kept }, { dir, deadlineMs }) => {
      kept["store"] = await openTaskStore({ dir, mirrors: false });
      kept["remove"] = closeOnExit(kept["store"], { deadlineMs });
      kept["create"] = (count: number): void => {
        for (let one = 1; one <= count; one += 1)
          void kept["store"].create({ description: "d", tool: "t" });
      };
    },
    { dir, deadlineMs },
  );
  return host;
};

/** Ignores the answer that a process that exits cannot give. */
const last = (run: Promise<unknown>): Promise<void> =>
  run.then(
    () => {},
    () => {},
  );

test.each([
  ["at once", 0],
  ["while they are being written", 1],
  ["while the last batch is being marked as idle", 52],
])(
  "process.exit() right after calls that nobody awaits loses none of them: %s",
  async (_, idleMs) => {
    const dir = scratch();
    const host = await opened(dir);
    void last(
      host.run(async ({ kept }, idleMs) => {
        await kept["store"].create({ description: "d", tool: "t" });
        if (idleMs > 1) await new Promise((resolve) => setTimeout(resolve, idleMs));
        kept["create"](300);
        if (idleMs > 0) await new Promise((resolve) => setImmediate(resolve));
        kept["create"](200);
        process.exit(3);
      }, idleMs),
    );
    expect(await host.end()).toEqual({ code: 3, signal: null });
    expect(await found(dir)).toEqual({ count: 501, before: "crashed", lost: 0 });
  },
);

test.each(["SIGTERM", "SIGINT"] as const)(
  "%s closes the store, and then ends the process as it would have without it",
  async (signal) => {
    const dir = scratch();
    const host = await opened(dir);
    await host.run(({ kept }) => kept["create"](200), undefined);
    expect(await host.end(signal)).toEqual({ code: null, signal });
    expect(await found(dir)).toEqual({ count: 200, before: "closed", lost: 0 });
  },
);

test("a host that has nothing more to do closes the store", async () => {
  const dir = scratch();
  const host = await opened(dir);
  await host.run(({ kept }) => {
    kept["create"](200);
    process.channel?.unref();
  }, undefined);
  expect(await host.end()).toEqual({ code: 0, signal: null });
  expect(await found(dir)).toEqual({ count: 200, before: "closed", lost: 0 });
});

// The handler of the store had begun to close, and what waited was lost with it.
test("a host's own handler that calls process.exit() while the store is closing loses nothing", async () => {
  const dir = scratch();
  const host = await opened(dir);
  await host.run(({ kept }) => {
    process.on("SIGTERM", () => {
      setImmediate(() => process.exit(7));
    });
    process.prependListener("SIGTERM", () => kept["create"](4_500));
  }, undefined);
  expect(await host.end("SIGTERM")).toEqual({ code: 7, signal: null });
  expect((await found(dir)).count).toBe(4_500);
});

test("with a handler of the host's own, the store is closed and the process is the host's to end", async () => {
  const dir = scratch();
  const host = await opened(dir);
  await host.run(({ kept }) => {
    process.on("SIGTERM", () => (kept["heard"] = true));
    kept["create"](10);
  }, undefined);
  host.signal("SIGTERM");
  await expect
    .poll(() => found(dir).catch(() => undefined), { timeout: 10_000 })
    .toMatchObject({ count: 10 });
  expect(await host.run(({ kept }) => kept["heard"] as boolean, undefined)).toBe(true);
});

test("closing that takes longer than the deadline does not keep the process", async () => {
  const host = await startProcess();
  await host.run(({ closeOnExit }) => {
    closeOnExit({ close: () => new Promise(() => {}), flushSync: () => {} }, { deadlineMs: 200 });
  }, undefined);
  const start = performance.now();
  expect(await host.end("SIGTERM")).toEqual({ code: null, signal: "SIGTERM" });
  expect(performance.now() - start).toBeGreaterThan(195);
});

test("what closeOnExit installed is gone when it is removed", async () => {
  const dir = scratch();
  const host = await opened(dir);
  const counts = await host.run(({ kept }) => {
    const names = ["SIGTERM", "SIGINT", "beforeExit", "exit"];
    const before = names.map((name) => process.listenerCount(name));
    kept["remove"]();
    return [before, names.map((name) => process.listenerCount(name))];
  }, undefined);
  expect(counts[0]?.map((count, at) => count - (counts[1]?.[at] ?? 0))).toEqual([1, 1, 1, 1]);
  expect(await host.end("SIGTERM")).toEqual({ code: null, signal: "SIGTERM" });
  expect((await found(dir)).before).toBe("crashed");
});
