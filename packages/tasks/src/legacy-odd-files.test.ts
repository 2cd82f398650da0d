import { readdirSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, test } from "vitest";

import {
  cancelledId,
  changedId,
  goodTask,
  pendingId,
  root,
  within,
} from "../../../test/src/systemprompt-fixtures.ts";
import type { LegacyTask } from "./legacy-choice.ts";
import { readLegacyDirectory, type LegacyReading } from "./legacy-directory.ts";
import type { LegacyProblemKind } from "./legacy-problem.ts";
import { isLegacyDirectory } from "./directory-kind.ts";
import { logEntrySchema, taskSchema } from "./task-schemas.ts";

const readFixture = (name: string): Promise<LegacyReading> =>
  within(join(root, name), readLegacyDirectory);
const taskOf = ({ tasks }: LegacyReading, id: string): LegacyTask => {
  const found = tasks.find(({ task }) => task.id === id);
  if (found === undefined) throw new Error(`no task ${id}`);
  return found;
};
const joined = ({ task, logs }: LegacyTask): unknown => ({ ...task, logs });
const kindsOf = ({ problems }: LegacyReading): [string, LegacyProblemKind][] =>
  problems.map(({ file, kind }) => [file, kind]);

/** The problems that each hand-made variant has: the file (of the changed task if "") and the kind. */
const variants: Record<string, [string, LegacyProblemKind][]> = {
  "task-null": [["", "not-a-task"]],
  "task-zero-bytes": [["", "empty-file"]],
  "task-nul-filled": [["", "nul-filled"]],
  "task-last-block-nul": [["", "nul-hole"]],
  "task-bom": [["", "bom"]],
  "task-crlf": [],
  "task-utf16": [["", "utf-16"]],
  "task-invalid-utf8": [["", "invalid-utf-8"]],
  "task-unknown-status": [["", "unknown-status"]],
  "task-missing-logs": [["", "missing-field"]],
  "task-newer-version": [
    ["state.json", "newer-version"],
    ["", "newer-version"],
  ],
  "task-duplicate-id": [
    [`tasks/${changedId} (1).json`, "id-differs"],
    ["", "duplicate-id"],
  ],
  "task-id-not-uuid": [],
  "task-id-differs-from-file-name": [
    ["tasks/11111111-2222-4333-8444-555555555555.json", "id-differs"],
  ],
  "task-deep-nesting-2000": [],
  "task-deep-nesting-20000": [["", "too-deep"]],
  "task-huge-numbers": Array.from({ length: 5 }, () => ["", "number-changed"]),
  "task-lone-surrogates": [],
  "task-odd-keys": [
    ["", "duplicate-key"],
    ["", "forbidden-key"],
  ],
  "task-odd-times": Array.from({ length: 3 }, () => ["", "odd-time"]),
  "task-array-number-string": [
    ["tasks/22222222-2222-4222-8222-222222222222.json", "not-a-task"],
    ["tasks/33333333-3333-4333-8333-333333333333.json", "not-a-task"],
    ["", "not-a-task"],
    ["tasks/44444444-4444-4444-8444-444444444444.json", "not-a-task"],
  ],
  "foreign-files": [
    ["notes.txt", "foreign"],
    ["state.backup.1.json.bak", "foreign"],
    ["state.backup.a.json", "foreign"],
    ["state.json~", "foreign"],
    [`tasks/.${changedId}.json.swp`, "foreign"],
    ["tasks/archive.json", "foreign"],
    ["tasks/notes.txt", "foreign"],
    ["tasks/package.json", "not-a-task"],
  ],
  "state-null-and-no-backups": [["state.json", "not-a-snapshot"]],
  "state-knows-more-than-files": [["", "missing-file"]],
  "only-backups": [
    ["state.backup.1795170000000.json", "empty-file"],
    ["state.json", "empty-file"],
    ["", "missing-file"],
    [`tasks/${pendingId}.json`, "missing-file"],
    [`tasks/${cancelledId}.json`, "missing-file"],
  ],
};

describe("one odd file", () => {
  test("every variant of the fixture is listed here", () => {
    expect(Object.keys(variants).sort()).toEqual(readdirSync(join(root, "odd")).sort());
  });

  test.each(Object.entries(variants))(
    "%s: the other two tasks survive whole, and exactly these problems are named",
    async (variant, expected) => {
      const reading = await readFixture(join("odd", variant));
      for (const id of [pendingId, cancelledId]) {
        expect(joined(taskOf(reading, id))).toEqual(goodTask(id));
      }
      expect(kindsOf(reading)).toEqual(
        expected.map(([file, kind]) => [file || `tasks/${changedId}.json`, kind]),
      );
    },
  );

  test.each(Object.keys(variants))("%s: is a legacy directory", async (variant) => {
    expect(await within(join(root, "odd", variant), isLegacyDirectory)).toBe(true);
  });

  test.each(Object.keys(variants))(
    "%s: all three tasks come back, in the shape of the schemas",
    async (variant) => {
      const { tasks } = await readFixture(join("odd", variant));
      expect(tasks).toHaveLength(3);
      for (const { task, logs } of tasks) {
        expect(taskSchema.parse(task)).toEqual(task);
        for (const entry of logs) expect(logEntrySchema.parse(entry)).toEqual(entry);
        expect(JSON.parse(JSON.stringify({ task, logs }))).toEqual({ task, logs });
      }
    },
  );

  test.each([
    "task-null",
    "task-zero-bytes",
    "task-nul-filled",
    "task-last-block-nul",
    "task-bom",
    "task-crlf",
    "task-utf16",
    "task-array-number-string",
    "foreign-files",
    "only-backups",
    "state-null-and-no-backups",
    "state-knows-more-than-files",
    "task-id-differs-from-file-name",
  ])("%s: the changed task loses nothing", async (variant) => {
    const reading = await readFixture(join("odd", variant));
    expect(joined(taskOf(reading, changedId))).toEqual(goodTask(changedId));
  });

  test("an unknown status is kept beside the one that claims the least", async () => {
    const reading = await readFixture("odd/task-unknown-status");
    expect(taskOf(reading, changedId).task).toMatchObject({
      status: "pending",
      legacy_status: "paused",
    });
  });

  test("fields of a newer version are kept", async () => {
    const reading = await readFixture("odd/task-newer-version");
    expect(taskOf(reading, changedId).task).toMatchObject({
      version: 99,
      priority: { level: "high", by: "policy" },
    });
  });

  test("of two files with one id the newer counts", async () => {
    const reading = await readFixture("odd/task-duplicate-id");
    expect(taskOf(reading, changedId)).toMatchObject({
      task: { status: "completed" },
      file: `tasks/${changedId} (1).json`,
    });
  });

  test("numbers that JSON cannot hold stay as near as they can", async () => {
    const reading = await readFixture("odd/task-huge-numbers");
    expect(taskOf(reading, changedId).logs[0]?.metadata).toMatchObject({
      bytes: 9_007_199_254_740_992,
      tooBig: "1e400",
      negativeZero: 0,
      precise: 0.1,
    });
    expect(reading.problems.map(({ reason }) => reason)).toContain(
      "the number 1e400 became a string, for no JSON number can hold it, at $.logs[0].metadata.tooBig",
    );
  });

  test("2,000 levels are kept; of 20,000 only that field goes", async () => {
    const kept = taskOf(await readFixture("odd/task-deep-nesting-2000"), changedId);
    expect(kept.logs[0]?.metadata).toHaveProperty("toolOutput");
    const dropped = taskOf(await readFixture("odd/task-deep-nesting-20000"), changedId);
    expect(dropped.logs[0]?.metadata).toEqual(
      (goodTask(changedId).logs[0] as { metadata: unknown }).metadata,
    );
    expect(dropped.logs.slice(1)).toEqual(goodTask(changedId).logs.slice(1));
  });

  test("lone surrogates are kept", async () => {
    const { logs } = taskOf(await readFixture("odd/task-lone-surrogates"), changedId);
    expect(logs[0]?.metadata).toMatchObject({ high: "cut emoji \ud83d", "key \ud800": true });
  });

  test("keys of Object.prototype are data, and __proto__ pollutes nothing", async () => {
    const { task } = taskOf(await readFixture("odd/task-odd-keys"), changedId);
    expect(Object.getPrototypeOf(task)).toBe(Object.prototype);
    expect(Reflect.get({}, "polluted")).toBeUndefined();
    expect(task).toMatchObject({ status: "waiting", toString: "text", "": "empty key" });
  });

  test("times that are texts are kept; a number becomes a time", async () => {
    const { task } = taskOf(await readFixture("odd/task-odd-times"), changedId);
    expect(task).toMatchObject({
      created_at: "2026-13-45T99:00:00Z",
      updated_at: "2026-11-20T08:22:30.406Z",
      started_at: "",
      completed_at: "+275760-09-13T00:00:00.000Z",
    });
  });
});
