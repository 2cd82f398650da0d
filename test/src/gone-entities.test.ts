/**
 * A task that is no longer there is what somebody most wants to know about: it is found by the beginning of its id, too.
 *
 * Method: the command as a process, on a store in which one task was deleted and another one was not there at first.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openTaskStore } from "taskwal";
import { open } from "taskwal/offline";
import { afterAll, beforeAll, expect, it } from "vitest";
import { repository } from "./documents.ts";

const root = mkdtempSync(join(tmpdir(), "taskwal-gone-"));
afterAll(() => rmSync(root, { recursive: true }));
const dir = join(root, "state");
const run = (...words: readonly string[]) => {
  const { status, stdout } = spawnSync(
    process.execPath,
    [join(repository, "packages/taskwal/bin/taskwal.js"), ...words, "-C", dir],
    { encoding: "utf8", cwd: root, env: { PATH: process.env["PATH"] ?? "", HOME: root } },
  );
  return { status, lines: stdout.split("\n") };
};

beforeAll(async () => {
  const store = await openTaskStore({ dir });
  await store.create({ id: "6f00", description: "goes", tool: "T" });
  await store.create({ id: "70aa", description: "stays", tool: "T" });
  const { sequence } = await store.update("6f00", { status: "failed" });
  await store.delete("6f00", { actor: "cleaner", cause: sequence });
  await store.close();
});

it("state and blame say which record took it away, or is still to bring it", () => {
  for (const verb of ["state", "blame"]) {
    const { status, lines } = run(verb, "6f");
    expect([status, lines[0]]).toEqual([1, "task.6f00 is gone: @5 task.deleted by cleaner"]);
    expect(run(verb, "70", "--at", "2").lines[0]).toBe(
      "task.70aa is not there yet: @3 task.created",
    );
    expect(run(verb, "99").lines[0]).toBe('nothing is at "99"');
    const told = JSON.parse(run(verb, "6f", "--json").lines[0] ?? "") as object;
    expect(told).toMatchObject({
      kind: "nothing",
      entity: "task",
      id: "6f00",
      gone: { sequence: 5, type: "task.deleted", actor: "cleaner" },
    });
  }
});

it("trace tells all of its life, and bisect each turn of it", () => {
  const { status, lines } = run("trace", "6f");
  expect([status, lines.filter((line) => line.startsWith("@")).length]).toEqual([0, 3]);
  expect(lines).toContainEqual(
    expect.stringMatching(/^@5 .* task\.deleted {2}by cleaner {2}because @4$/),
  );
  const bisected = run("bisect", "6f", "--when", 'status == "failed"');
  expect([bisected.status, bisected.lines[1]]).toEqual([0, "@0 false    @6 false"]);
  expect(bisected.lines.filter((line) => /^[▲▼]/.test(line)).length).toBe(2);
});

it("a program is told all that ever was", async () => {
  const offline = await open(dir, { cacheDir: false });
  expect(offline.known()).toEqual([
    { entity: "task", id: "6f00" },
    { entity: "task", id: "70aa" },
  ]);
  await offline.close();
});
