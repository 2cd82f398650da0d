/**
 * The example of README.md, word for word: it type-checks here, and docs.test.ts runs it from there.
 */
/* oxlint-disable no-console -- a program speaks */
import { closeOnExit, ConflictError, openTaskStore } from "taskwal";

// The directory is STATE_PATH, else ./coding-agent-state. taskwal itself never writes to stdout.
const tasks = await openTaskStore({
  onLocked: { waitMs: 3_000 }, // the host restarts us before the old process is gone
  onInterrupted: () => ({ status: "failed", error: "interrupted by a restart" }),
  on: {
    recovered: (report) => report.clean || console.error(report.toText()),
    "state:save-error": ({ error }) => console.error(error),
  },
});
closeOnExit(tasks, { signals: ["SIGTERM", "SIGINT"], deadlineMs: 4_000 });

tasks.on("task:updated", ({ before, after, sequence }) => {
  if (before?.status !== after?.status) console.log(`@${sequence} is now ${after?.status}`);
});

const { value: task, version } = await tasks.create(
  { description: "fix the flaky test", tool: "CLAUDECODE" },
  { key: "request-17" }, // a retry with the same key makes no second task
);

try {
  await tasks.update(task.id, { status: "in_progress" }, { expectedVersion: version });
} catch (error) {
  if (!(error instanceof ConflictError)) throw error;
  console.log(`it was moved before: now version ${error.current}`);
}

for (const message of ["reading", "editing", "testing"]) {
  // Not awaited: the order is kept, and a failure is an event, never the end of the process.
  void tasks.log(task.id, { level: "info", type: "output", message });
}
await tasks.flush(); // all of the above is durable, or this throws

await tasks.update(task.id, { status: "completed", result: { passed: true } });
const said = tasks.logs(task.id, { last: 2 }).map(({ message }) => message);
console.log(said, tasks.list({ status: "completed" }).length);
await tasks.close();
