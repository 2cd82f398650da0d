/**
 * Mirrors after a crash or a failed write: files for people must not stay old because nobody changes their task again.
 *
 * Method: the simulated disk; the power fails at a moment at which the log has what the file has not.
 */
import { createSimDisk, type SimDisk } from "@taskwal/disk/sim";
import { openTaskStore, type TaskStore } from "taskwal";
import { expect, test } from "vitest";

const open = (sim: SimDisk): Promise<TaskStore> =>
  openTaskStore({ dir: "/data", disk: sim.process(), autosaveMs: Number.POSITIVE_INFINITY });

/** Turns of the event loop and of the clock until what is written behind is written. */
const settle = async (sim: SimDisk): Promise<void> => {
  for (let turn = 0; turn < 20; turn += 1) {
    await new Promise<void>((resolve) => void setImmediate(resolve));
    sim.clock.advance(500);
  }
};

const mirrorOf = (sim: SimDisk, id: string): { status?: string; logs?: unknown[] } | undefined => {
  const path = `/data/tasks/${id}.json`;
  if (!sim.listRaw().includes(path)) return undefined;
  return JSON.parse(Buffer.from(sim.readRaw(path)).toString("utf8")) as { status?: string };
};

test("a task that was changed just before a crash has its file after the next opening", async () => {
  const sim = createSimDisk({ seed: 1 });
  const store = await open(sim);
  await store.create({ id: "t", description: "d", tool: "T" });
  sim.powerCut("random");
  expect(mirrorOf(sim, "t")).toBeUndefined();

  const again = await open(sim);
  await settle(sim);
  expect(mirrorOf(sim, "t")).toMatchObject({ status: "pending" });
  await again.close();
});

test("a task that was deleted just before a crash has no file after the next opening", async () => {
  const sim = createSimDisk({ seed: 2 });
  const store = await open(sim);
  await store.create({ id: "t", description: "d", tool: "T" });
  await store.close();
  expect(mirrorOf(sim, "t")).toBeDefined();
  await (await open(sim)).delete("t");
  sim.powerCut("random");
  expect(mirrorOf(sim, "t")).toBeDefined();

  const again = await open(sim);
  await settle(sim);
  expect(mirrorOf(sim, "t")).toBeUndefined();
  await again.close();
});

test("a snapshot in between leaves no file behind: its files come first", async () => {
  const sim = createSimDisk({ seed: 3 });
  const store = await open(sim);
  await store.create({ id: "t", description: "d", tool: "T" });
  await store.update("t", { status: "completed" });
  await store.snapshot();
  sim.powerCut("random");

  const again = await open(sim);
  expect(again.recovery.snapshot?.sequence).toBeGreaterThan(2);
  await settle(sim);
  expect(mirrorOf(sim, "t")).toMatchObject({ status: "completed" });
  await again.close();
});

// A file took what a power cut took back, and the snapshot below it kept every opening from looking.
test("what is written and not durable is in no file, also while a snapshot is taken", async () => {
  const sim = createSimDisk({ seed: 4 });
  const store = await open(sim);
  await store.create({ id: "a", description: "d", tool: "T" });
  await store.create({ id: "t", description: "d", tool: "T" });
  const saved = store.snapshot();
  // Visible at once, and the power fails before anything has synced it.
  await store.update("t", { status: "completed" }, { durability: "written" });
  await saved;
  expect(store.get("t")).toMatchObject({ status: "completed" });
  expect(mirrorOf(sim, "t")).toMatchObject({ status: "pending" });
  sim.powerCut("none");

  const again = await open(sim);
  await settle(sim);
  expect(again.get("t")).toMatchObject({ status: "pending" });
  expect(mirrorOf(sim, "t")).toMatchObject({ status: "pending" });
  await again.close();
});

test("a task whose file had no room has it once there is room, by the next snapshot or the end", async () => {
  // Nobody changed the task again, so its file stayed old for good.
  for (const by of ["snapshot", "close"] as const) {
    const sim = createSimDisk({ seed: 3 });
    const store = await open(sim);
    await store.create({ id: "t", description: "d", tool: "T" });
    await settle(sim);
    const isMirror = (path: string): boolean => path.startsWith("/data/tasks/");
    const repair = sim.fail(({ kind, path }) => kind === "write" && isMirror(path), "ENOSPC", {
      times: "forever",
    });
    await store.update("t", { status: "completed" });
    await settle(sim);
    expect(mirrorOf(sim, "t")).toMatchObject({ status: "pending" });
    repair();
    await store[by]();
    expect(mirrorOf(sim, "t")).toMatchObject({ status: "completed" });
    if (by === "snapshot") await store.close();
  }
});

test("a file that a full disk cut short is taken away, and so is one that is not put in place: neither takes the room that lacks", async () => {
  // Ten of them stood in tasks/ after a disk was full, a temporary file beside each task's own.
  const sim = createSimDisk({ seed: 8 });
  const store = await open(sim);
  await store.create({ id: "t", description: "d".repeat(20_000), tool: "T" });
  await store.writeReport("r", { a: 1 });
  await settle(sim);
  const left = (): string[] => sim.listRaw().filter((path) => path.endsWith(".tmp"));
  const isBeside = (path: string): boolean => /\/(tasks|reports)\//.test(path);
  for (const [kind, errno] of [
    ["write", "ENOSPC"],
    ["sync", "ENOSPC"],
    ["rename", "EACCES"],
  ] as const) {
    const repair = sim.fail((call) => call.kind === kind && isBeside(call.path), errno, {
      times: "forever",
    });
    await store.update("t", { description: `${kind}${"e".repeat(20_000)}` });
    await settle(sim);
    await expect(store.writeReport("r", { kind })).rejects.toThrow();
    expect(left(), kind).toEqual([]);
    repair();
  }
  await store.writeReport("r", { a: 2 });
  await store.close();
  expect(left()).toEqual([]);
  expect(mirrorOf(sim, "t")).toMatchObject({ description: expect.stringContaining("rename") });
});
