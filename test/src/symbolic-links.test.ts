/**
 * A directory that somebody sent is read and nothing else, whatever name it is reached by: no code comes out of it, no
 * file gets into it.
 *
 * Method: the command as a process, on a copy of the bundled example beside symbolic links that lead to it and into it.
 */
import { spawnSync } from "node:child_process";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { repository } from "./documents.ts";

const root = mkdtempSync(join(tmpdir(), "taskwal-links-"));
afterAll(() => rmSync(root, { recursive: true }));
const dir = join(root, "state");
cpSync(join(repository, "packages/taskwal/example-crashed"), dir, { recursive: true });
mkdirSync(join(dir, "empty"));
writeFileSync(join(dir, "model.mjs"), "console.log('ran');");
symlinkSync(dir, join(root, "link"));
symlinkSync(join(dir, "model.mjs"), join(root, "model.mjs"));
symlinkSync(join(dir, "empty"), join(root, "into"));
const run = (words: string, env: Record<string, string> = {}) =>
  spawnSync(
    process.execPath,
    [join(repository, "packages/taskwal/bin/taskwal.js"), ...words.split(" ")],
    { encoding: "utf8", cwd: root, env: { PATH: process.env["PATH"] ?? "", HOME: root, ...env } },
  );
const names = (): string[] => readdirSync(dir, { recursive: true, encoding: "utf8" }).toSorted();

it.each([
  "replay --model state/model.mjs -C link",
  "replay --model link/model.mjs -C state",
  "replay --model model.mjs -C state",
  "log --model link/model.mjs -C state",
  "migrate link --model state/model.mjs",
])("runs no code from it: %s", (words) => {
  const { status, stdout, stderr } = run(words);
  expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
  expect(stderr).toContain("no code is run from there");
});

it.each([
  "export --out link/new.json -C state",
  "export --out state/new.json -C link",
  "export --out into/new.json -C state",
  "salvage state --to into/new --apply",
  "backup state --into link/new",
])("writes nothing into it: %s", (words) => {
  const before = names();
  const { status, stderr } = run(words);
  expect([2, 3]).toContain(status);
  expect(stderr).toContain("lies in");
  expect(names()).toEqual(before);
});

it("keeps nothing in it where the cache leads there", () => {
  const before = names();
  expect(run("info state", { XDG_CACHE_HOME: join(root, "into") }).status).toBe(0);
  expect(names()).toEqual(before);
});
