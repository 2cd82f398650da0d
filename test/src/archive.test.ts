/**
 * Old tasks leave memory and state.json for `archive/`, and come back as they were.
 *
 * Method: the simulated disk; its clock makes tasks old.
 */
import { createSimDisk, type SimDisk } from "@taskwal/disk/sim";
import {
  ClosedError,
  ConflictError,
  CorruptError,
  InvalidMutationError,
  openTaskStore,
  type OpenTaskStoreOptions,
  type TaskStore,
} from "taskwal";
import { describe, expect, it } from "vitest";

const dir = "/data";
const dayMs = 86_400_000;
const open = (disk: SimDisk, options: OpenTaskStoreOptions = {}): Promise<TaskStore> =>
  openTaskStore({ dir, disk: disk.process(), autosaveMs: Infinity, ...options });
const textOf = (disk: SimDisk, name: string): string =>
  Buffer.from(disk.readRaw(`${dir}/${name}`)).toString("utf8");

/** One task of each status, 40 days old, with two log entries each. */
const statuses = ["pending", "in_progress", "waiting", "completed", "failed", "cancelled"] as const;
const withTasks = async (): Promise<{ disk: SimDisk; store: TaskStore }> => {
  const disk = createSimDisk({ seed: 1 });
  const store = await open(disk);
  for (const status of statuses) {
    await store.create({ id: status, description: `is ${status}`, tool: "T" });
    await store.log(status, { level: "info", type: "output", message: "one" });
    await store.log(status, { level: "info", type: "output", message: "two" });
    await store.update(status, { status });
  }
  disk.clock.advance(40 * dayMs);
  return { disk, store };
};

describe("archiving", () => {
  it("takes tasks that are over out of memory and state.json, keeps the younger and the unfinished, and tells which went", async () => {
    const { disk, store } = await withTasks();
    await store.create({ id: "young", description: "x", tool: "T", status: "completed" });
    const report = await store.archive({ olderThanMs: 30 * dayMs });
    expect([...report.archived].toSorted()).toEqual(["cancelled", "completed", "failed"]);
    expect(report.kept).toEqual([]);
    const left = ["pending", "in_progress", "waiting", "young"];
    expect(store.list().map(({ id }) => id)).toEqual(left);
    await store.close();
    const state = JSON.parse(textOf(disk, "state.json")) as { tasks: { id: string }[] };
    expect(state.tasks.map(({ id }) => id)).toEqual(left);
    expect(disk.listRaw().filter((path) => path.startsWith(`${dir}/tasks/`))).toHaveLength(4);
    expect(disk.listRaw().filter((path) => path.startsWith(`${dir}/archive/`))).toHaveLength(3);
    expect(JSON.parse(textOf(disk, "archive/completed.json"))).toMatchObject({
      id: "completed",
      logs: [{ message: "one" }, { message: "two" }],
    });
  });

  it("is undone by restoreArchived: the task, its log, and its file stays", async () => {
    const { disk, store } = await withTasks();
    const before = { task: store.get("failed"), logs: store.logs("failed") };
    await store.archive({ olderThanMs: 0 });
    const file = textOf(disk, "archive/failed.json");
    expect(await store.restoreArchived("failed")).toEqual(before.task);
    expect(store.logs("failed")).toEqual(before.logs);
    // Again is no second task and no second log.
    await store.restoreArchived("failed");
    expect(store.logs("failed")).toEqual(before.logs);
    expect(textOf(disk, "archive/failed.json")).toBe(file);
    await store.close();
    const again = await open(disk);
    expect(again.get("failed")).toEqual(before.task);
    await again.close();
  });

  it("stays in the history of the log", async () => {
    const { store } = await withTasks();
    await store.archive({ olderThanMs: 0 });
    await store.restoreArchived("completed");
    const types: string[] = [];
    for await (const record of store.records())
      if (record.id === "completed") types.push(record.type);
    expect(types).toEqual([
      "task.created",
      "task.logs.appended",
      "task.logs.appended",
      "task.updated",
      "task.archived",
      "task.restored",
      "task.logs.appended",
      "task.logs.appended",
    ]);
    await store.close();
  });

  it("replaces a file only by one that holds its whole log, else the task stays and that is told", async () => {
    const { disk, store } = await withTasks();
    await store.archive({ olderThanMs: 0 });
    const file = textOf(disk, "archive/completed.json");
    // Another task of the same id, with another log.
    await store.create({ id: "completed", description: "again", tool: "T", status: "completed" });
    expect(await store.archive({ olderThanMs: 0 })).toEqual({
      archived: [],
      kept: [
        {
          id: "completed",
          reason:
            "archive/completed.json has log entries that the task does not have, and is not replaced",
        },
      ],
    });
    expect(store.get("completed")?.description).toBe("again");
    expect(textOf(disk, "archive/completed.json")).toBe(file);
    await store.close();
  });

  it("brings nothing back from a file that was edited or is not there, nor over a task that is", async () => {
    const { disk, store } = await withTasks();
    await store.archive({ olderThanMs: 0 });
    await expect(store.restoreArchived("pending")).rejects.toThrow(InvalidMutationError);
    const edited = textOf(disk, "archive/failed.json").replace("is failed", "is fine");
    disk.writeRaw(`${dir}/archive/failed.json`, Buffer.from(edited));
    await expect(store.restoreArchived("failed")).rejects.toThrow(CorruptError);
    expect(textOf(disk, "archive/failed.json")).toBe(edited);
    await store.create({ id: "completed", description: "another", tool: "T" });
    await expect(store.restoreArchived("completed")).rejects.toThrow(ConflictError);
    expect(store.get("completed")?.description).toBe("another");
    await store.close();
  });

  it("writes no file for a store that is closed, read-only or poisoned", async () => {
    const { disk, store } = await withTasks();
    const reader = await open(disk, { readOnly: true });
    await expect(reader.archive({ olderThanMs: 0 })).rejects.toThrow(ClosedError);
    await reader.close();
    await store.close();
    await expect(store.archive({ olderThanMs: 0 })).rejects.toThrow(ClosedError);
    const poisoned = await open(disk);
    disk.fail(({ kind, path }) => kind === "write" && path.includes("/wal/"), "EIO");
    await expect(poisoned.update("pending", { description: "x" })).rejects.toThrow();
    disk.clearFaults();
    await expect(poisoned.archive({ olderThanMs: 0 })).rejects.toThrow();
    expect(disk.listRaw().filter((path) => path.includes("/archive"))).toEqual([]);
    await poisoned.close().catch(() => {});
  });
});
