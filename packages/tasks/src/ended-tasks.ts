/**
 * Which tasks are over, and since when.
 *
 * The rule: a task is over once it is completed, failed or cancelled; its age is counted from
 * `completed_at`, else from `updated_at`. One whose times say nothing is not old.
 */
import { timeOf } from "./task-copy.ts";
import type { Task } from "./task-schemas.ts";

const ended: ReadonlySet<string> = new Set(["completed", "failed", "cancelled"]);

export interface EndedTask {
  readonly task: Readonly<Task>;
  /** Milliseconds since the epoch. */
  readonly endedAt: number;
}

/** Those that were over for at least `olderThanMs` at `now`, the oldest first. */
export const endedTasks = (
  tasks: Iterable<Readonly<Task>>,
  now: number,
  olderThanMs: number,
): readonly EndedTask[] => {
  const found: EndedTask[] = [];
  for (const task of tasks) {
    if (!ended.has(task.status)) continue;
    const endedAt = Math.max(timeOf(task.completed_at), ownTime(task));
    if (endedAt > -Infinity && now - endedAt >= olderThanMs) found.push({ task, endedAt });
  }
  return found.toSorted((a, b) => a.endedAt - b.endedAt);
};

const ownTime = ({ completed_at, updated_at }: Readonly<Task>): number =>
  timeOf(completed_at) > -Infinity ? -Infinity : timeOf(updated_at);
