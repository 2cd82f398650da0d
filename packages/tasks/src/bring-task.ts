/**
 * Brings a task and its log, as they stand somewhere else, into the store.
 *
 *     task + log ─ transaction: the task, entries ─ transaction: entries ─ …
 *
 * The rule: what of it is there already is its beginning, so whoever brings it again after a crash goes on
 * where the log ends.
 */
import type { StoreOf } from "@taskwal/core";
import { jsonBytes } from "./import-fit.ts";
import type { taskModel } from "./task-model.ts";
import type { LogEntry, Task } from "./task-schemas.ts";

/** Of one transaction: a longer log is brought in several. */
const chunkRecords = 1_000;
const chunkBytes = 4 * 1024 * 1024;

/** Durable on return. */
export const bringTask = async (
  store: StoreOf<typeof taskModel>,
  type: "task.imported" | "task.restored",
  { task, logs }: { readonly task: Task; readonly logs: readonly LogEntry[] },
): Promise<void> => {
  const { id } = task;
  for (let from = store.tasks.list(id, "logs").length; ;) {
    const missing = store.tasks.get(id) === undefined;
    if (!missing && from >= logs.length) return;
    const chunk = chunkOf(logs, from);
    await store.transact((tx) => {
      if (missing) tx.tasks.mutate(id, type, task);
      for (const entry of chunk) tx.tasks.append(id, "logs", entry);
    });
    from += chunk.length;
  }
};

/** The next entries, at least one if there is one. */
const chunkOf = (logs: readonly LogEntry[], from: number): readonly LogEntry[] => {
  let bytes = 0;
  let end = from;
  while (end < logs.length && end - from < chunkRecords && bytes < chunkBytes) {
    bytes += jsonBytes(logs[end]);
    end += 1;
  }
  return logs.slice(from, end);
};
