/**
 * What a host may rely on while it goes about its own work: order, a free event loop, a clean stdout.
 *
 *     host ── thousands of calls, not awaited ──> store ──> one order, in receipts, events and the log
 *      └ timers, signals, stdout (perhaps an MCP channel): all its own
 */
import { expect, test } from "vitest";
import { scratchDirectories } from "./world/scratch.ts";
import { show } from "./world/show.ts";
import { startProcess } from "./world/store-process.ts";

const scratch = scratchDirectories();

test("10,000 calls that nobody awaits keep their order: in receipts, in events, in the log, after reopening", async () => {
  const child = await startProcess();
  const found = await child.run(async ({ openTaskStore }, dir) => {
    // oxlint-disable-next-line unicorn/consistent-function-scoping -- it travels with the function
    const inOrder = (list: readonly number[]): boolean =>
      list.every((one, at) => at === 0 || (list[at - 1] ?? 0) < one);
    const store = await openTaskStore({ dir, mirrors: false });
    await store.create({ id: "t", description: "d", tool: "t" });
    const settled: number[] = [];
    const told: number[] = [];
    store.on("task:log", ({ log }) => told.push(Number(log.message)));
    const start = performance.now();
    for (let count = 1; count <= 10_000; count += 1) {
      const receipt = store.log("t", { level: "info", type: "output", message: String(count) });
      if (count % 10 === 0) void receipt.then(() => settled.push(count));
    }
    await store.flush();
    const ms = performance.now() - start;
    const recorded: number[] = [];
    for await (const { type, data } of store.records()) {
      if (type === "task.logs.appended" || type.includes("log"))
        recorded.push(Number((data as { message: string }).message));
    }
    const dates = store.logs("t").map(({ message }) => Number(message));
    await store.close();
    const next = await openTaskStore({ dir });
    const again = next.logs("t").map(({ message }) => Number(message));
    const version = next.version("t");
    await next.close();
    return [settled, told, recorded, dates, again]
      .map((list) => [list.length, inOrder(list)])
      .concat([
        [version, true],
        [ms, true],
      ]);
  }, scratch());
  const [ms] = found.pop() ?? [];
  expect(found).toEqual([
    [1_000, true],
    [10_000, true],
    [10_000, true],
    [10_000, true],
    [10_000, true],
    [10_001, true],
  ]);
  show(`10,000 calls, not awaited: durable after ${Number(ms).toFixed(0)} ms`);
});

test("a loop that awaits one mutation after the other lets timers run at each turn, and hears a signal", async () => {
  const child = await startProcess();
  const { most, timers, heardAt } = await child.run(
    async ({ openTaskStore }, { dir, count }) => {
      const store = await openTaskStore({ dir });
      await store.create({ id: "t", description: "d", tool: "t" });
      const turn = { mutations: 0, most: 0, timers: 0 };
      const timer = setInterval(() => {
        turn.timers += 1;
        turn.most = Math.max(turn.most, turn.mutations);
        turn.mutations = 0;
      }, 1);
      let [done, heardAt] = [0, Number.NaN];
      process.once("SIGTERM", () => (heardAt = done));
      while (done < count) {
        await store.log("t", { level: "info", type: "output", message: String((done += 1)) });
        turn.mutations += 1;
        if (done === count / 2) process.kill(process.pid, "SIGTERM");
      }
      clearInterval(timer);
      await store.close();
      return { most: turn.most, timers: turn.timers, heardAt };
    },
    { dir: scratch(), count: 2_000 },
  );
  show(
    `in a loop of 2,000 awaited mutations a timer of 1 ms fired ${timers} times, after ${most} mutations at most; a signal sent at 1,000 was heard at ${heardAt}`,
  );
  // How long a turn takes is the machine's affair; a loop that never came to its end would let through all 2,000.
  expect(most).toBeLessThan(100);
  expect(heardAt).toBeLessThan(1_200);
});

test("nothing is ever written to stdout or stderr: through opening, mutating, salvage, poison, reopening and close", async () => {
  const dir = scratch();
  const child = await startProcess();
  const end = await child.run(async ({ openTaskStore, closeOnExit, fs }, dir) => {
    const options = { dir, autosaveMs: 20, segmentBytesMax: 2_000 };
    const first = await openTaskStore(options);
    closeOnExit(first)();
    for (let count = 1; count <= 50; count += 1) {
      await first.create({ id: `t-${count}`, description: "d", tool: "t" });
    }
    await first.log("none", { level: "info", type: "output", message: "m" }).catch(() => {});
    await first.snapshot();
    await first.close();
    // Damage in the middle of the log, and no snapshot to stand on.
    for (const name of fs.readdirSync(dir))
      if (name.startsWith("state")) fs.rmSync(`${dir}/${name}`);
    const segments = fs
      .readdirSync(`${dir}/wal`)
      .filter((name) => name.endsWith(".jsonl"))
      .sort();
    const victim = `${dir}/wal/${segments[1]}`;
    const bytes = fs.readFileSync(victim);
    bytes.fill(0x58, 600, 700);
    fs.writeFileSync(victim, bytes);
    const second = await openTaskStore(options);
    const salvaged = second.recovery.lost.length;
    const reader = await openTaskStore({ dir, readOnly: true });
    await reader.close();
    // Poison, with rejections that nobody awaits.
    fs.rmSync(`${dir}/LOCK`);
    for (let count = 1; count <= 100; count += 1) {
      void second.create({ id: `u-${count}`, description: "d", tool: "t" });
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
    void second.create({ id: "later", description: "d", tool: "t" });
    void second.transact((tx) => tx.tasks.mutate("t-1", "task.updated", { status: "failed" }));
    await new Promise((resolve) => setTimeout(resolve, 20));
    const poisoned = second.poisoned !== undefined;
    const code = await second.flush().then(
      () => "none",
      (error: { code: string }) => error.code,
    );
    await second.reopen();
    await second.create({ id: "after", description: "d", tool: "t" });
    await second.close();
    return { salvaged, poisoned, code, after: second.get("after")?.id };
  }, dir);
  expect(end).toEqual({ salvaged: 1, poisoned: true, code: "DISK_FAILED", after: "after" });
  await child.run(() => process.channel?.unref(), undefined);
  expect(await child.end(), "and the host lives on to its own end").toEqual({
    code: 0,
    signal: null,
  });
  expect({ stdout: child.stdout, stderr: child.stderr }).toEqual({ stdout: "", stderr: "" });
});
