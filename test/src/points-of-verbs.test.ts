/**
 * `--at` as a person writes it: every kind of point, of every verb that has one.
 *
 * Method: the command as a process, on the bundled example and on a store with a mark.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openTaskStore } from "taskwal";
import { afterAll, expect, it } from "vitest";
import { repository } from "./documents.ts";

const root = mkdtempSync(join(tmpdir(), "taskwal-points-"));
afterAll(() => rmSync(root, { recursive: true }));
const example = join(repository, "packages/taskwal/example-crashed");
const run = (...words: readonly string[]) =>
  spawnSync(process.execPath, [join(repository, "packages/taskwal/bin/taskwal.js"), ...words], {
    encoding: "utf8",
    cwd: root,
    env: { PATH: process.env["PATH"] ?? "", HOME: root },
  });

it.each([
  ["12", 12],
  ["@12", 12],
  ["@last~2", 15],
  ["2026-01-01T12:02:17Z", 12],
  ["12:02:17", 12],
  ["2 minutes ago", 13],
  ["30 secs ago", 13],
  ["-2m", 13],
  ["-30s", 13],
  ["boot:2", 8],
  ["boot:-1/end", 17],
  ["close", 7],
])('--at "%s" is @%i', (point, sequence) => {
  for (const words of [["--at", point], [`--at=${point}`]]) {
    const { status, stdout, stderr } = run("state", "--json", "-C", example, ...words);
    expect([status, stderr]).toEqual([0, ""]);
    expect(JSON.parse(stdout.split("\n")[0] ?? "")).toMatchObject({ provenance: { sequence } });
  }
});

it("a mark is a point", async () => {
  const dir = join(root, "marked");
  const store = await openTaskStore({ dir });
  await store.create({ id: "a", description: "one", tool: "T" });
  const sequence = await store.mark("before-upgrade");
  await store.create({ id: "b", description: "two", tool: "T" });
  await store.close();
  const { stdout } = run("info", dir, "--at", "mark:before-upgrade", "--json");
  expect(JSON.parse(stdout)).toMatchObject({
    provenance: { sequence },
    entities: [
      { entity: "task", count: 1 },
      { entity: "session", count: 0 },
    ],
  });
});

it("what has no past refuses a point, and what has one goes by it", () => {
  for (const verb of ["ls", "verify", "replay"])
    expect(run(verb, "-C", example, "--at", "3")).toMatchObject({ status: 2, stdout: "" });
  for (const words of [
    ["6f", "--when", "n"],
    ["--expensive", "true"],
  ])
    expect(run("bisect", ...words, "-C", example, "--from", "9", "--at", "3")).toMatchObject({
      status: 2,
      stderr: expect.stringContaining("--from is @9, behind @3") as string,
    });
  expect(run("boots", example, "--at", "9").stdout).not.toContain("1003");
  expect(run("diff", "2..", example, "--at", "3").stdout).toContain("\n1 entity changed, 6 fields");
  expect(run("log", example, "--since", "-5s").stdout).toContain("-- 2 records of @15..@17 --");
});
