/**
 * `verify` looks at what lies beside the log too: HEAD, mirrors, archived tasks.
 *
 * Method: one store with an archived task on the real disk, one file of it harmed at a time.
 */
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openTaskStore } from "taskwal";
import { open } from "taskwal/offline";
import { afterAll, beforeAll, expect, it } from "vitest";

const root = mkdtempSync(join(tmpdir(), "taskwal-beside-"));
afterAll(() => rmSync(root, { recursive: true }));
const whole = join(root, "whole");

beforeAll(async () => {
  const store = await openTaskStore({ dir: whole });
  await store.create({ id: "stays", description: "one", tool: "T" });
  await store.create({ id: "goes", description: "two", tool: "T" });
  await store.update("goes", { status: "completed" });
  const { archived } = await store.archive({ olderThanMs: 0 });
  expect(archived).toEqual(["goes"]);
  await store.close();
});

const verified = async (name: string, harm: (file: string) => void) => {
  const dir = mkdtempSync(join(root, "harmed-"));
  cpSync(whole, dir, { recursive: true });
  harm(join(dir, name));
  const offline = await open(dir, { cacheDir: false });
  const { findings, exitCode, files } = await offline.verify();
  await offline.close();
  return {
    told: findings.map(({ level, check, file }) => ({ level, check, file })),
    exitCode,
    files,
  };
};
const edit = (file: string): void =>
  writeFileSync(file, readFileSync(file, "utf8").replace("two", "twx").replace("one", "onx"));

it("a store that is well has nothing to tell, and every file is counted", async () => {
  const { told, exitCode, files } = await verified("", () => {});
  expect({ told, exitCode }).toEqual({ told: [], exitCode: 0 });
  // A segment, state.json, HEAD, a mirror and an archived task.
  expect(files).toBe(5);
});

it.each([
  ["tasks/stays.json", "warning", "mirror", 0],
  ["archive/goes.json", "error", "archive", 4],
] as const)("%s that is not as it was written is a %s", async (file, level, check, exitCode) => {
  expect(await verified(file, edit)).toMatchObject({ told: [{ level, check, file }], exitCode });
});

it.each([
  ["tasks", "warning", "mirror", 0],
  ["archive", "error", "archive", 4],
  ["tasks/stays.json", "warning", "mirror", 0],
] as const)("where %s is something else, that is told", async (name, level, check, exitCode) => {
  const replaced = (path: string): void => {
    const isFile = statSync(path).isFile();
    rmSync(path, { recursive: true });
    if (isFile) mkdirSync(path);
    else writeFileSync(path, "");
  };
  const told = [{ level, check, file: name }];
  expect(await verified(name, replaced)).toMatchObject({ told, exitCode });
});

it("a HEAD of which no slot verifies is told, and takes nothing from the log", async () => {
  const zeroed = (file: string): void => writeFileSync(file, Buffer.alloc(statSync(file).size));
  const { told, exitCode } = await verified("wal/HEAD", zeroed);
  expect(told).toEqual([{ level: "warning", check: "head", file: "wal/HEAD" }]);
  expect(exitCode).toBe(0);
});
