import { cpSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { afterAll, describe, expect, test } from "vitest";

import {
  directoryWith,
  fixtures,
  removeMade,
  root,
  within,
} from "../../../test/src/systemprompt-fixtures.ts";
import { classifyDirectory, isLegacyDirectory } from "./directory-kind.ts";
import { readLegacyDirectory } from "./legacy-directory.ts";

afterAll(removeMade);

describe("whose directory it is", () => {
  const agentapi = readFileSync(join(fixtures, "agentapi", "states", "turns-01.json"));
  const header = `{"version":"1.0.0","format":1,"store":"ab","tasks":[]}`;

  test.each(["healthy", "after-sigkill", "after-full-disk"])(
    "%s is a legacy directory",
    async (name) => {
      expect(await within(join(root, name), isLegacyDirectory)).toBe(true);
    },
  );

  test.each<[string, Record<string, string | Uint8Array>]>([
    ["empty", {}],
    ["empty", { "tasks/": "", "sessions/": "", LOCK: "{}" }],
    ["agentapi", { "state.json": agentapi }],
    ["agentapi", { "agentapi-state.json": agentapi }],
    ["foreign", { "notes.txt": "hello" }],
    ["foreign", { "state.json": `{"name":"x"}` }],
    ["foreign", { "tasks/build.json": `{"version":"2.0.0","tasks":[]}` }],
    ["taskwal", { "wal/": "", "state.json": header }],
    ["taskwal", { "state.json": header }],
    ["legacy", { "state.json": "" }],
    ["legacy", { "state.backup.1.json": new Uint8Array(4_096) }],
    ["legacy", { "tasks/task_123.json": JSON.stringify({ id: "task_123", description: "x" }) }],
    ["legacy", { "state.json": `{"tasks":[{"id":"x","descr` }],
  ])("is told by content: %s", async (kind, files) => {
    expect(await within(directoryWith(files), classifyDirectory)).toBe(kind);
  });

  test("the states of agentapi are never read as tasks", async () => {
    expect(await within(join(fixtures, "agentapi", "states"), classifyDirectory)).toBe("agentapi");
    const reading = await within(directoryWith({ "state.json": agentapi }), readLegacyDirectory);
    expect(reading).toEqual({
      kind: "agentapi",
      tasks: [],
      deleted: [],
      sessions: [],
      problems: [],
    });
  });

  test("an agentapi state among tasks is foreign, and the tasks are read", async () => {
    const path = directoryWith({ "state.json": agentapi });
    cpSync(join(root, "healthy", "tasks"), join(path, "tasks"), { recursive: true });
    const reading = await within(path, readLegacyDirectory);
    expect(reading.tasks).toHaveLength(25);
    expect(reading.problems.map(({ file, kind }) => [file, kind])).toEqual([
      ["state.json", "foreign"],
    ]);
  });
});
