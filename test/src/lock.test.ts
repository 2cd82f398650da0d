/**
 * Two programs, one directory: the second is told who has it, and nobody writes beside an owner.
 *
 *     owner (a process of its own) <── LOCK ──> second (another one)
 *                      └ SIGKILL, SIGSTOP, a container that ends
 */
import { execFileSync } from "node:child_process";
import { openNodeDisk, type LockBackend } from "@taskwal/disk";
import { expect, test } from "vitest";
import { refusalOf } from "./world/note-model.ts";
import { scratchDirectories } from "./world/scratch.ts";
import { startProcess, type StoreProcess } from "./world/store-process.ts";

const scratch = scratchDirectories();
const backends = ["fs-ext", "flock(1)", "identity"] as const satisfies readonly LockBackend[];

interface Opening {
  readonly dir: string;
  readonly lockBackend?: LockBackend;
  readonly waitMs?: number;
  readonly onLocked?: "read-only";
}

/** Opens a task store there and keeps it; rejects with the facts of what it threw. */
const open = (process: StoreProcess, opening: Opening): Promise<void> =>
  process.run(
    async ({ openTaskStore, openNodeDisk, kept }, { dir, lockBackend, waitMs, onLocked }) => {
      kept["store"] = await openTaskStore({
        dir,
        mirrors: false,
        ...(lockBackend ? { disk: openNodeDisk({ lockBackend }) } : {}),
        ...(waitMs === undefined ? {} : { onLocked: { waitMs } }),
        ...(onLocked ? { onLocked } : {}),
      });
    },
    opening,
  );

const create = (process: StoreProcess, id: string): Promise<string> =>
  process.run(async ({ kept }, id) => {
    await kept["store"].create({ id, description: id, tool: "t" });
    return id;
  }, id);

const list = (process: StoreProcess): Promise<string[]> =>
  process.run(
    ({ kept }) => kept["store"].list().map(({ id }: { id: string }) => id) as string[],
    undefined,
  );

/** The backends that this machine has: pairs with others are skipped, and say so. */
const available = new Set<LockBackend>();
for (const lockBackend of backends) {
  const directory = await openNodeDisk({ lockBackend }).openDirectory(scratch());
  const file = await directory.create("probe");
  if ((await refusalOf(file.tryLock())) === undefined) available.add(lockBackend);
  await file.close();
}

test("the second process gets a LockedError that names the owner, and has the lock at its first attempt behind the owner's SIGKILL", async () => {
  const second = await startProcess();
  for (const isWaiting of [false, true]) {
    const dir = scratch();
    const owner = await startProcess();
    await open(owner, { dir });
    await create(owner, "a");
    await expect(open(second, { dir })).rejects.toMatchObject({
      name: "LockedError",
      code: "LOCKED",
      owner: { pid: owner.pid, host: expect.any(String), backend: expect.any(String), epoch: 1 },
    });
    // Whoever does not wait tries once: nothing has to run out first.
    const waiting = isWaiting ? open(second, { dir, waitMs: 60_000 }) : undefined;
    await owner.end("SIGKILL");
    await (waiting ?? open(second, { dir }));
    expect(await list(second)).toEqual(["a"]);
    await second.run(({ kept }) => kept["store"].close() as Promise<void>, undefined);
  }
});

for (const first of backends) {
  for (const second of backends) {
    test.skipIf(!available.has(first) || !available.has(second))(
      `an owner by ${first} keeps out a second by ${second}, until it is killed`,
      async () => {
        const dir = scratch();
        const [owner, other] = await Promise.all([startProcess(), startProcess()]);
        await open(owner, { dir, lockBackend: first });
        await create(owner, "a");
        await expect(open(other, { dir, lockBackend: second })).rejects.toMatchObject({
          code: "LOCKED",
          owner: { pid: owner.pid, backend: first },
        });
        await create(owner, "b");
        await owner.end("SIGKILL");
        await open(other, { dir, lockBackend: second });
        await create(other, "c");
        expect(await list(other)).toEqual(["a", "b", "c"]);
      },
    );
  }
}

test("a process may wait for the lock, and gives up when the time is over", async () => {
  const dir = scratch();
  const owner = await startProcess();
  const second = await startProcess();
  await open(owner, { dir });
  const start = performance.now();
  await expect(open(second, { dir, waitMs: 300 })).rejects.toMatchObject({ code: "LOCKED" });
  expect(performance.now() - start).toBeGreaterThan(295);
  const waiting = open(second, { dir, waitMs: 20_000 });
  await create(owner, "a");
  await owner.run(({ kept }) => kept["store"].close() as Promise<void>, undefined);
  await waiting;
  expect(await list(second)).toEqual(["a"]);
});

test("a locked-out process may read, and follows the owner live and beyond its end", async () => {
  const dir = scratch();
  const owner = await startProcess();
  const reader = await startProcess();
  await open(owner, { dir });
  await create(owner, "a");
  await open(reader, { dir, onLocked: "read-only" });
  expect(await list(reader)).toEqual(["a"]);
  const write = reader.run(
    ({ kept }) => kept["store"].create({ description: "x", tool: "t" }),
    undefined,
  );
  await expect(write).rejects.toMatchObject({ code: "CLOSED" });
  await create(owner, "b");
  await expect.poll(() => list(reader), { timeout: 10_000 }).toEqual(["a", "b"]);
  await owner.end("SIGKILL");
  const next = await startProcess();
  await open(next, { dir });
  await create(next, "c");
  await expect.poll(() => list(reader), { timeout: 10_000 }).toEqual(["a", "b", "c"]);
});

test.for(["fs-ext", "flock(1)", "identity"] as const)(
  "an owner by %s that was stopped (SIGSTOP) while another took over gets nothing acknowledged that the other does not have",
  async (lockBackend, context) => {
    if (!available.has(lockBackend)) context.skip(`${lockBackend} is not there`);
    const dir = scratch();
    const owner = await startProcess();
    const other = await startProcess();
    await open(owner, { dir, lockBackend });
    await create(owner, "a");
    // It writes without pause, and notes what was acknowledged.
    await owner.run(({ kept }) => {
      kept["acknowledged"] = [];
      kept["loop"] = (async () => {
        for (let count = 1; ; count += 1) {
          try {
            const { value } = await kept["store"].create({
              id: `n-${count}`,
              description: "",
              tool: "t",
            });
            kept["acknowledged"].push(value.id);
          } catch (error) {
            return error as Error;
          }
        }
      })();
    }, undefined);
    await new Promise((resolve) => setTimeout(resolve, 100));
    owner.signal("SIGSTOP");
    // Its LOCK is removed: nothing tells of it any more.
    execFileSync("rm", [`${dir}/LOCK`]);
    await open(other, { dir, lockBackend });
    const taken = new Set(await list(other));
    owner.signal("SIGCONT");
    const { acknowledged, code, outcome } = await owner.run(async ({ kept }) => {
      const { code, outcome } = await kept["loop"];
      return { acknowledged: kept["acknowledged"] as string[], code, outcome };
    }, undefined);
    expect({ code, outcome }).toEqual({ code: "DISK_FAILED", outcome: "unknown" });
    expect(acknowledged.filter((id) => !taken.has(id))).toEqual([]);
    expect(acknowledged.length).toBeGreaterThan(0);
    await create(other, "z");
    expect(await list(other)).toEqual([...taken, "z"]);
  },
);

test("a container that restarts after SIGKILL is not locked out by its own earlier self", async (context) => {
  const under = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"];
  try {
    execFileSync("unshare", [...under.slice(1), "true"], { stdio: "pipe" });
  } catch (error) {
    context.skip(`no pid namespace of one's own here: ${String(error).split("\n")[0]}`);
  }
  if (!available.has("fs-ext") && !available.has("flock(1)")) context.skip("no kernel lock here");
  const dir = scratch();
  const owner = await startProcess({ under });
  const facts = await owner.run(() => process.pid, undefined);
  expect(facts, "it is the first process of its namespace").toBe(1);
  await open(owner, { dir });
  await create(owner, "a");
  const rival = await startProcess({ under });
  await expect(open(rival, { dir })).rejects.toMatchObject({ code: "LOCKED", owner: { pid: 1 } });
  await owner.end("SIGKILL");
  await open(rival, { dir, waitMs: 5_000 });
  await create(rival, "b");
  expect(await list(rival)).toEqual(["a", "b"]);
});
