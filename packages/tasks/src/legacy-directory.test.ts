import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { openNodeDisk } from "@taskwal/disk";
import { describe, expect, test } from "vitest";

import {
  changedId,
  parsed,
  readOnly,
  root,
  taskFiles,
  within,
  type FileTask,
} from "../../../test/src/systemprompt-fixtures.ts";
import type { LegacyTask } from "./legacy-choice.ts";
import { readLegacyDirectory, type LegacyReading } from "./legacy-directory.ts";
import type { LegacyProblemKind } from "./legacy-problem.ts";

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

describe("a directory after a normal life", () => {
  test("gives all 25 tasks and 411 log entries, exactly as in the files, and no problem", async () => {
    const reading = await readFixture("healthy");
    expect(reading.kind).toBe("legacy");
    expect(reading.problems).toEqual([]);
    expect(reading.deleted).toEqual([]);
    expect(reading.tasks).toHaveLength(25);
    expect(reading.tasks.flatMap(({ logs }) => logs)).toHaveLength(411);
    for (const task of taskFiles("healthy")) expect(joined(taskOf(reading, task.id))).toEqual(task);
  });

  test("log lines that state.json does not have yet come from the task files", async () => {
    const reading = await readFixture("healthy");
    const logsOf = (start: string): number | undefined =>
      reading.tasks.find(({ task }) => task.id.startsWith(start))?.logs.length;
    expect([logsOf("bb22c733"), logsOf("d57e0969")]).toEqual([23, 6]);
  });

  test("log entries of type error are kept as they are", async () => {
    const { tasks } = await readFixture("healthy");
    expect(tasks.flatMap(({ logs }) => logs).filter(({ type }) => type === "error")).toHaveLength(
      4,
    );
  });

  test("reads the same twice", async () => {
    expect(await readFixture("after-sigkill")).toEqual(await readFixture("after-sigkill"));
  });
});

interface Facts {
  readonly acknowledged_tasks: {
    readonly id: string;
    readonly logs_in_task_file: number | null;
    readonly logs_in_that_snapshot: number | null;
  }[];
}

describe("a directory after SIGKILL", () => {
  test("gives all 18 acknowledged tasks, with at least the log that the facts name", async () => {
    const reading = await readFixture("after-sigkill");
    const { acknowledged_tasks: facts } = parsed("after-sigkill.facts.json") as Facts;
    expect(facts).toHaveLength(18);
    expect(reading.tasks).toHaveLength(18);
    for (const fact of facts) {
      const known = Math.max(fact.logs_in_task_file ?? 0, fact.logs_in_that_snapshot ?? 0);
      expect(taskOf(reading, fact.id).logs.length, fact.id).toBeGreaterThanOrEqual(known);
    }
  });

  test("takes from the whole first value of state.json the task that no valid file has", async () => {
    const reading = await readFixture("after-sigkill");
    const bytes = readFileSync(join(root, "after-sigkill", "state.json"));
    const { tasks } = JSON.parse(bytes.toString("utf8", 0, 87_332)) as { tasks: FileTask[] };
    for (const start of ["a4c98241", "a2e29d25"]) {
      const expected = tasks.find(({ id }) => id.startsWith(start));
      const found = taskOf(reading, expected?.id ?? "");
      expect(joined(found)).toEqual(expected);
      expect(found).toMatchObject({ file: "state.json", partial: false });
    }
  });

  test("takes from the file that is cut at 512 KiB the 41 log entries before the cut", async () => {
    const reading = await readFixture("after-sigkill");
    const found = taskOf(reading, "328e05b6-7956-42d7-bed3-87ae233f0ef4");
    expect(found.partial).toBe(true);
    expect(found.logs).toHaveLength(41);
  });

  test("gives each task whose file is readable exactly as it stands there", async () => {
    const reading = await readFixture("after-sigkill");
    const damaged = new Set(reading.problems.map(({ file }) => file));
    const names = readdirSync(join(root, "after-sigkill", "tasks"));
    const good = names.filter((name) => !damaged.has(`tasks/${name}`));
    expect(good).toHaveLength(15);
    for (const name of good) {
      const task = parsed("after-sigkill", "tasks", name) as FileTask;
      expect(joined(taskOf(reading, task.id))).toEqual(task);
    }
  });

  test("names all ten damaged files, and no other", async () => {
    const reading = await readFixture("after-sigkill");
    expect(kindsOf(reading)).toEqual([
      ["state.backup.1795315903648.json", "empty-file"],
      ["state.backup.1795315903693.json", "empty-file"],
      ["state.backup.1795315903721.json", "stale-tail"],
      ["state.backup.1795315903724.json", "stale-tail"],
      ["state.backup.1795315903820.json", "stale-tail"],
      ["state.backup.1795315903827.json", "stale-tail"],
      ["state.json", "stale-tail"],
      ["tasks/328e05b6-7956-42d7-bed3-87ae233f0ef4.json", "cut"],
      ["tasks/a2e29d25-4fdf-40af-9982-62cc0c37eae9.json", "empty-file"],
      ["tasks/a4c98241-f0cf-4f8e-92ff-42c60408ea0c.json", "empty-file"],
    ]);
  });
});

describe("a directory after a full disk", () => {
  test("gives all 16 acknowledged tasks with every log entry they had before", async () => {
    const reading = await readFixture("after-full-disk");
    expect(reading.tasks).toHaveLength(16);
    for (const before of taskFiles("after-full-disk.before")) {
      const { logs, updated_at: updatedBefore, ...fields } = before;
      const { task, logs: found } = taskOf(reading, before.id);
      expect(found).toEqual(logs);
      expect(task).toMatchObject(fields);
      expect(task.updated_at >= String(updatedBefore)).toBe(true);
    }
  });

  test("marks the ten destroyed tasks as partial, for the cut files were newer", async () => {
    const reading = await readFixture("after-full-disk");
    expect(reading.tasks.filter(({ partial }) => partial)).toHaveLength(10);
    const cut = reading.problems.filter(
      ({ file, kind }) => file.startsWith("tasks/") && kind === "cut",
    );
    expect(cut).toHaveLength(10);
    for (const { recovered } of cut) {
      expect(recovered).toBe("6 fields and 4 log entries; the rest was taken from state.json");
    }
  });

  test("makes up no task for the file whose creation was refused", async () => {
    const reading = await readFixture("after-full-disk");
    expect(reading.problems).toContainEqual({
      file: "tasks/9485d4b0-bbf2-4ca2-bad3-e1333d31806e.json",
      kind: "empty-file",
      reason: "the file has zero bytes",
      recovered: "nothing",
    });
  });

  test("takes the complete tasks of a cut state.json", async () => {
    const { problems } = await readFixture("after-full-disk");
    expect(problems.find(({ file }) => file === "state.json")).toMatchObject({
      kind: "cut",
      startBytes: 40_960,
      recovered: "15 whole tasks",
    });
  });
});

describe("every directory of the fixtures", () => {
  interface Observed {
    readonly ids_loaded: readonly unknown[];
  }
  const observed = parsed("observed-load.json") as Record<string, Observed>;

  test.each(Object.entries(observed))(
    "%s: gives every task that the original program itself loads from it",
    async (name, { ids_loaded: ids }) => {
      const reading = await readFixture(name);
      const found = new Set<unknown>(reading.tasks.map(({ task }) => task.id));
      expect(ids.filter((id) => typeof id === "string" && !found.has(id))).toEqual([]);
    },
  );
});

describe("a disk that refuses one file", () => {
  test("hides no other task", async () => {
    const directory = await openNodeDisk().openDirectory(join(root, "healthy"));
    const failing = new Proxy(readOnly(directory), {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name);
        if (name !== "open" || typeof member !== "function") return member;
        return async (file: string, access: string): Promise<unknown> => {
          if (file.includes(changedId)) throw Object.assign(new Error("EIO"), { code: "EIO" });
          return member(file, access) as unknown;
        };
      },
    });
    const reading = await readLegacyDirectory(failing);
    await directory.close();
    expect(reading.tasks).toHaveLength(25);
    expect(reading.problems).toEqual([
      {
        file: `tasks/${changedId}.json`,
        kind: "read-error",
        reason: "it cannot be read: EIO",
        recovered: "nothing; the task was taken from state.json",
      },
    ]);
  });
});
