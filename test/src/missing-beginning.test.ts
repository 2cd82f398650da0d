/**
 * A log whose beginning is gone, and no snapshot verifies: an opening refuses it, but what is left is told, behind a gap.
 *
 * Method: the bundled example without its first segment and without state.json, and verbs as a process.
 */
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { repository } from "./documents.ts";

const root = mkdtempSync(join(tmpdir(), "taskwal-beginning-"));
afterAll(() => rmSync(root, { recursive: true }));
const dir = join(root, "state");
cpSync(join(repository, "packages/taskwal/example-crashed"), dir, { recursive: true });
rmSync(join(dir, "state.json"));
rmSync(join(dir, "wal", readdirSync(join(dir, "wal")).toSorted()[0] ?? ""));
const run = (words: string) => {
  const { status, stdout } = spawnSync(
    process.execPath,
    [join(repository, "packages/taskwal/bin/taskwal.js"), ...words.split(" "), "-C", dir],
    { encoding: "utf8", cwd: root, env: { PATH: process.env["PATH"] ?? "", HOME: root } },
  );
  return { status, stdout: stdout.replaceAll(/\n +/g, " ") };
};

it("the records that are left are told, and the gap before them", () => {
  const { status, stdout } = run("log");
  expect(status).toBe(0);
  expect(stdout).toMatch(/^@1…@7 missing: .*\n-- 2026-01-01, boot 1 -- @8 /);
  expect(stdout).toContain("-- 9 records of @0..@17, 8 records missing --");
  expect(stdout).toMatch(/crossed-gap\n$/);
  expect(run("show 12").stdout).toContain("the database of the tests was not there");
});

it("verify says what is missing and for whom, and that an opening would refuse it", () => {
  const { status, stdout } = run("verify");
  expect(status).toBe(4);
  expect(stdout).toMatch(/@1…@7 7 records are lost/);
  // Once for each of the two gaps.
  expect(stdout.match(/task\.6f1c07a2 may lack what was lost/g)).toHaveLength(2);
  expect(stdout).toMatch(/An opening would: refuse, and change nothing: .*begins here/);
});

it("no state is made up: an entity whose creation is missing is not there, and that is said", () => {
  const { status, stdout } = run("state 6f");
  expect(status).toBe(1);
  expect(stdout).toMatch(/^task\.6f1c07a2 is not there: what made it is missing\n/);
  expect(stdout).toMatch(/crossed-gap\n$/);
});
