/** What state.json and `store.metrics` tell of all tasks. The rule: derived from the tasks, so never stored for itself. */
import type { Task } from "./task-schemas.ts";

/** Times in milliseconds. */
export interface TaskMetrics {
  readonly total_tasks: number;
  readonly completed_tasks: number;
  readonly failed_tasks: number;
  /** From start (or creation) to completion, of completed tasks with both times; 0 if there is none. */
  readonly average_completion_time: number;
}

const tasksPerTurn = 1_000;

export const taskMetrics = (tasks: Iterable<Readonly<Task>>): TaskMetrics => {
  const run = metricsOf(tasks);
  for (;;) {
    const step = run.next();
    if (step.done) return step.value;
  }
};

/** The same; yields where the event loop may be left to others. */
export function* metricsOf(tasks: Iterable<Readonly<Task>>): Generator<void, TaskMetrics, void> {
  let total = 0;
  let failed = 0;
  let completed = 0;
  let timed = 0;
  let timeMs = 0;
  for (const task of tasks) {
    total += 1;
    if (total % tasksPerTurn === 0) yield;
    if (task.status === "failed") failed += 1;
    if (task.status !== "completed") continue;
    completed += 1;
    const durationMs =
      Date.parse(task.completed_at ?? "") - Date.parse(task.started_at ?? task.created_at);
    if (!(durationMs >= 0)) continue;
    timed += 1;
    timeMs += durationMs;
  }
  return {
    total_tasks: total,
    completed_tasks: completed,
    failed_tasks: failed,
    average_completion_time: timed === 0 ? 0 : Math.round(timeMs / timed),
  };
}
