/**
 * Tasks that wait for a newer program, and tasks that are frozen by a loss: what is done with all tasks goes on without them,
 * and says so.
 */
import { createSimDisk, type SimDisk } from "@taskwal/disk/sim";
import { defineEntity, defineModel, openStore, openTaskStore, type TaskStore } from "taskwal";
import { describe, expect, test } from "vitest";
import { z } from "zod";

const dir = "/state";
const at = "2025-01-01T00:00:00.000Z";

const taskSchema = z.looseObject({ id: z.string(), status: z.string() });

/** A task store of a day that knows more. */
const newerModel = defineModel({
  entities: {
    tasks: defineEntity({
      name: "task",
      collection: "tasks",
      version: 1,
      schema: taskSchema,
      create: { "task.imported": { payload: taskSchema, reduce: (payload) => payload } },
      change: { "task.starred": { payload: z.object({}), reduce: (task) => task } },
    }),
  },
});

const given = (id: string, status: "completed" | "in_progress") => ({
  id,
  description: id,
  status,
  tool: "T",
  created_at: at,
  updated_at: at,
  ...(status === "completed" ? { completed_at: at } : {}),
});

const open = (
  sim: SimDisk,
  options: Parameters<typeof openTaskStore>[0] = {},
): Promise<TaskStore> =>
  openTaskStore({ dir, disk: sim.process(), autosaveMs: Infinity, ...options });

/** Four tasks; the newer program starred one that is over and one that is not. */
const starred = async (): Promise<SimDisk> => {
  const sim = createSimDisk({ startMs: Date.UTC(2026, 0, 2) });
  const store = await openStore({ dir, model: newerModel, disk: sim.process() });
  for (const id of ["over", "over and starred"])
    await store.tasks.mutate(id, "task.imported", given(id, "completed"));
  for (const id of ["on", "on and starred"])
    await store.tasks.mutate(id, "task.imported", given(id, "in_progress"));
  for (const id of ["over and starred", "on and starred"])
    await store.tasks.mutate(id, "task.starred", {});
  await store.close();
  for (const path of sim.listRaw()) if (/state\.[^/]*json$/.test(path)) sim.removeRaw(path);
  return sim;
};

describe("a task that waits for a newer program", () => {
  test("stays where the others are archived, and says for which type it waits", async () => {
    const sim = await starred();
    const store = await open(sim);
    expect(store.held.map(({ id, type }) => [id, type])).toEqual([
      ["over and starred", "task.starred"],
      ["on and starred", "task.starred"],
    ]);
    expect(await store.archive({ olderThanMs: 1 })).toEqual({
      archived: ["over"],
      kept: [{ id: "over and starred", reason: "it waits for a program that knows task.starred" }],
    });
    await store.close();
    expect(sim.listRaw().filter((path) => path.includes("/archive/"))).toHaveLength(1);
  });

  test("has its edit refused with the reason, and the others' adopted", async () => {
    const sim = await starred();
    await (await open(sim)).close();
    for (const id of ["over", "over%20and%20starred"]) {
      const path = `${dir}/tasks/${id}.json`;
      const text = Buffer.from(sim.readRaw(path)).toString();
      sim.writeRaw(
        path,
        Buffer.from(text.replace(/"description": "[^"]*"/, '"description": "edited"')),
      );
    }
    const store = await open(sim);
    const edits = await store.adoptEdits({ overNewer: true });
    expect(edits.map(({ id, verdict }) => [id, verdict])).toEqual([
      ["over and starred", "refused"],
      ["over", "adopted"],
    ]);
    expect(edits[0]?.reason).toContain("task.starred");
    expect(store.get("over")).toMatchObject({ description: "edited" });
    await store.close();
  });

  test("is not marked as interrupted, and keeps no store from being opened", async () => {
    // The refusal of one task ended the opening, and left the directory locked.
    const sim = await starred();
    const asked: string[] = [];
    const store = await open(sim, {
      onInterrupted: ({ id }) => {
        asked.push(id);
        return { status: "failed" };
      },
    });
    expect(asked).toEqual(["on"]);
    expect(store.get("on")).toMatchObject({ status: "failed" });
    expect(store.get("on and starred")).toMatchObject({ status: "in_progress" });
    await store.close();
  });
});

test("a task that is frozen by a loss keeps no store from being opened by who marks what was interrupted", async () => {
  const sim = createSimDisk();
  const first = sim.process();
  const store = await openTaskStore({ dir, disk: first, autosaveMs: Infinity, mirrors: false });
  await store.create({ id: "a", description: "d", tool: "T", status: "in_progress" });
  await store.update("a", { description: "lost" });
  await store.delete("a");
  await store.create({ id: "a", description: "again", tool: "T", status: "in_progress" });
  await store.update("a", { description: "last" });
  await store.create({ id: "b", description: "b", tool: "T", status: "in_progress" });
  await store.flush();
  first.kill();
  const path = sim.listRaw().find((name) => name.endsWith(".jsonl")) ?? "";
  const text = Buffer.from(sim.readRaw(path)).toString();
  // The task was there, so that making it anew cannot be replayed.
  sim.writeRaw(path, Buffer.from(text.replace(/.*task\.deleted.*/, "rotten")));
  const again = await open(sim, { onInterrupted: () => ({ status: "failed" }) });
  expect(again.damaged).toMatchObject([{ id: "a", frozen: true }]);
  expect(again.get("b")).toMatchObject({ status: "failed" });
  await again.close();
});

test("an opening whose hook for interrupted tasks throws leaves the directory free", async () => {
  const sim = createSimDisk();
  const first = await open(sim);
  await first.create({ id: "a", description: "d", tool: "T", status: "in_progress" });
  await first.close();
  const throws = (): never => {
    throw new Error("the host is wrong");
  };
  await expect(open(sim, { onInterrupted: throws })).rejects.toThrow("the host is wrong");
  await expect(open(sim, { onInterrupted: () => ({ status: 7 as never }) })).rejects.toMatchObject({
    code: "INVALID_MUTATION",
  });
  const next = await open(sim, { onInterrupted: () => ({ status: "failed" }) });
  expect(next.get("a")).toMatchObject({ status: "failed" });
  await next.close();
});
