import { afterAll, describe, expect, test } from "vitest";

import {
  changedId,
  directoryWith,
  goodTask,
  pendingId,
  removeMade,
  within,
} from "../../../test/src/systemprompt-fixtures.ts";
import type { LegacyTask } from "./legacy-choice.ts";
import { readLegacyDirectory, type LegacyReading } from "./legacy-directory.ts";
import type { LegacyProblemKind } from "./legacy-problem.ts";
import { logEntrySchema, sessionSchema } from "./task-schemas.ts";

afterAll(removeMade);
const readAt = (path: string): Promise<LegacyReading> => within(path, readLegacyDirectory);
const taskOf = ({ tasks }: LegacyReading, id: string): LegacyTask => {
  const found = tasks.find(({ task }) => task.id === id);
  if (found === undefined) throw new Error(`no task ${id}`);
  return found;
};
const joined = ({ task, logs }: LegacyTask): unknown => ({ ...task, logs });
const kindsOf = ({ problems }: LegacyReading): [string, LegacyProblemKind][] =>
  problems.map(({ file, kind }) => [file, kind]);

const state = (savedAt: string, ...ids: string[]): string =>
  JSON.stringify({ tasks: ids.map(goodTask), sessions: [], metrics: {}, last_saved: savedAt });

describe("tasks that were deleted", () => {
  test("do not come back from an older backup, but are listed apart", async () => {
    const path = directoryWith({
      "state.json": state("2026-01-02T00:00:00.000Z", pendingId),
      "state.backup.1700000000000.json": state("2026-01-01T00:00:00.000Z", pendingId, changedId),
      [`tasks/${pendingId}.json`]: JSON.stringify(goodTask(pendingId)),
    });
    const reading = await readAt(path);
    expect(reading.tasks.map(({ task }) => task.id)).toEqual([pendingId]);
    expect(reading.deleted.map(joined)).toEqual([goodTask(changedId)]);
    expect(kindsOf(reading)).toEqual([["state.backup.1700000000000.json", "presumed-deleted"]]);
  });

  test("a file of their name, however damaged, says that they were not", async () => {
    const path = directoryWith({
      "state.json": state("2026-01-02T00:00:00.000Z", pendingId),
      "state.backup.1700000000000.json": state("2026-01-01T00:00:00.000Z", pendingId, changedId),
      [`tasks/${changedId}.json`]: "",
    });
    const reading = await readAt(path);
    expect(reading.tasks.map(({ task }) => task.id).sort()).toEqual([changedId, pendingId].sort());
    expect(reading.deleted).toEqual([]);
  });

  test("a cut newer snapshot proves nothing", async () => {
    const path = directoryWith({
      "state.json": state("2026-01-02T00:00:00.000Z", pendingId).slice(0, -40),
      "state.backup.1700000000000.json": state("2026-01-01T00:00:00.000Z", pendingId, changedId),
    });
    expect((await readAt(path)).tasks).toHaveLength(2);
  });
});

describe("values of another shape", () => {
  test("move to legacy_ fields, become messages, and are all named", async () => {
    const task = {
      ...goodTask(pendingId),
      error: { code: 1 },
      logs: ["a line", { message: "m", level: "fatal", type: "stdout", timestamp: 0 }, 7],
    };
    const reading = await readAt(
      directoryWith({ [`tasks/${pendingId}.json`]: JSON.stringify(task) }),
    );
    const { task: found, logs } = taskOf(reading, pendingId);
    expect(found).toMatchObject({ legacy_error: { code: 1 } });
    expect(found).not.toHaveProperty("error");
    expect(logs).toEqual([
      { timestamp: "", level: "info", type: "system", message: "a line" },
      {
        message: "m",
        level: "info",
        legacy_level: "fatal",
        type: "system",
        legacy_type: "stdout",
        timestamp: "1970-01-01T00:00:00.000Z",
      },
      { timestamp: "", level: "info", type: "system", message: "7" },
    ]);
    for (const entry of logs) expect(logEntrySchema.safeParse(entry).success).toBe(true);
    expect(reading.problems.map(({ kind }) => kind).sort()).toEqual(
      ["odd-field", "odd-field", "odd-field", "odd-log-entry", "odd-time"].sort(),
    );
  });

  test("sessions come from the newest snapshot; one without an id is named", async () => {
    const session = {
      id: "s1",
      type: "claude",
      status: "active",
      created_at: "2026-01-01",
      task_id: pendingId,
    };
    const state = { tasks: [], sessions: [session, { type: "claude" }], last_saved: "2026-01-01" };
    const reading = await readAt(directoryWith({ "state.json": JSON.stringify(state) }));
    expect(reading.sessions).toEqual([session]);
    expect(reading.sessions.map((found) => sessionSchema.parse(found))).toEqual([session]);
    expect(kindsOf(reading)).toEqual([["state.json", "no-id"]]);
  });

  test("a task without an id takes that of its file name, if that is one", async () => {
    const { id: _, ...nameless } = goodTask(pendingId);
    const content = JSON.stringify(nameless);
    const files = { [`tasks/${pendingId}.json`]: content, "tasks/notes.json": content };
    const reading = await readAt(directoryWith(files));
    expect(reading.tasks.map(joined)).toEqual([goodTask(pendingId)]);
    expect(kindsOf(reading)).toEqual([
      [`tasks/${pendingId}.json`, "no-id"],
      ["tasks/notes.json", "no-id"],
    ]);
  });
});
