/**
 * Two directories compared: a store beside what was made of it, entity by entity and field by field.
 *
 * Method: of one log, every pair of points is compared both ways, by its records (`diff`) and by its states (`diffStates`): the
 * same has to come out. Then the command, as a process, on the bundled example and a store that went on.
 */
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openTaskStore } from "taskwal";
import { diffStates, open, type EntityRef, type FieldChange } from "taskwal/offline";
import { afterAll, beforeAll, expect, it } from "vitest";
import { repository } from "./documents.ts";

const root = mkdtempSync(join(tmpdir(), "taskwal-diff-"));
afterAll(() => rmSync(root, { recursive: true }));
const example = join(repository, "packages/taskwal/example-crashed");
const [one, other] = [join(root, "one"), join(root, "other")];
const run = (words: string) =>
  spawnSync(
    process.execPath,
    [join(repository, "packages/taskwal/bin/taskwal.js"), ...words.split(" ")],
    { encoding: "utf8", cwd: root, env: { PATH: process.env["PATH"] ?? "", HOME: root } },
  );

beforeAll(async () => {
  const store = await openTaskStore({ dir: one });
  await store.create({ id: "6f", description: "as it was", tool: "T", metadata: { a: { b: 1 } } });
  await store.create({ id: "70", description: "goes", tool: "T" });
  await store.log("6f", { level: "info", type: "output", message: "first" });
  await store.close();
  cpSync(one, other, { recursive: true });
  const copy = await openTaskStore({ dir: other });
  await copy.update("6f", { status: "in_progress", metadata: { a: { b: 2 } } });
  await copy.log("6f", { level: "info", type: "output", message: "second" });
  await copy.delete("70");
  await copy.create({ id: "81", description: "comes", tool: "T" });
  await copy.close();
});

/** In an order that does not depend on how the two sides were put together. */
const sorted = (
  entities: readonly { readonly ref: EntityRef; readonly changes: readonly FieldChange[] }[],
): unknown[] =>
  entities
    .map(({ ref, changes }) => ({
      ref,
      changes: changes
        .map(({ path, old, new: now }) => ({ path, old, new: now }))
        .toSorted((one, other) => (one.path.join() < other.path.join() ? -1 : 1)),
    }))
    .toSorted((one, other) => (one.ref.id < other.ref.id ? -1 : 1));

it("says of two states what the records between them did, whichever points they are", async () => {
  for (const dir of [example, other]) {
    const offline = await open(dir, { cacheDir: false });
    const last = await offline.point("@last");
    let compared = 0;
    for (let a = 0; a <= last; a += 1) {
      for (let b = 0; b <= last; b += 1) {
        const byStates = [];
        for await (const each of diffStates(await offline.stateAt(a), await offline.stateAt(b)))
          byStates.push(each);
        expect(sorted(byStates)).toEqual(sorted((await offline.diff(a, b)).entities));
        compared += byStates.length;
      }
    }
    expect(compared).toBeGreaterThan(10);
    await offline.close();
  }
});

it("prints what differs, with where each side comes from, and exit code 1", () => {
  const { status, stdout, stderr } = run("diff one --against other --redact task.metadata");
  expect({ status, stderr }).toEqual({ status: 1, stderr: "" });
  const lines = stdout.split("\n").map((line) => line.replaceAll(/"20[^"]*"|20\d\d-\S+Z/g, "TIME"));
  expect(lines).toEqual([
    "a  one · after @5 · TIME · boot 1 · 5 records · verified",
    "b  other · after @11 · TIME · boot 2 · 11 records · verified",
    'task.6f.status  "pending" → "in_progress"',
    "task.6f.updated_at  TIME → TIME",
    'task.6f.metadata  "[redacted]" → "[redacted]"',
    "task.6f.started_at  ∅ → TIME",
    expect.stringMatching(/^task\.6f\.logs\[1\] {2}∅ → \{"timestamp":/),
    expect.stringMatching(/^task\.70 {2}\{.* → ∅$/),
    'task.81.status  ∅ → "pending"',
    "task.81.created_at  ∅ → TIME",
    "task.81.updated_at  ∅ → TIME",
    'task.81.description  ∅ → "comes"',
    'task.81.tool  ∅ → "T"',
    'task.81.id  ∅ → "81"',
    "3 entities differ, 12 fields",
    "",
  ]);
  for (const line of stdout.split("\n")) expect(line.length).toBeLessThanOrEqual(80);
});

it("takes the first point from the one and the second from the other, and --at for both", () => {
  expect(run("diff one --against other --at 5").status).toBe(0);
  expect(run("diff 5..5 one --against other").status).toBe(0);
  expect(run("diff ..2 one --against other --only 6f").status).toBe(1);
  const wrong = run("diff 6..6 one --against other");
  expect([wrong.status, wrong.stderr]).toEqual([2, expect.stringContaining("@0 to @5")]);
  const shown = JSON.parse(run("diff 5..11 one --against other --only 70 --json").stdout) as object;
  expect(shown).toMatchObject({
    v: 1,
    kind: "diff",
    directories: ["one", "other"],
    a: { sequence: 5, trust: "verified" },
    b: { sequence: 11, trust: "verified" },
    entities: [{ entity: "task", id: "70", changes: [{ path: [], old: { id: "70" } }] }],
  });
});

it("of directories of which one is none has exit code 3, without any of the two has 2; none is made or changed", () => {
  const before = readdirSync(root, { recursive: true, encoding: "utf8" }).toSorted();
  expect(run("diff one --against nowhere").status).toBe(3);
  expect(run("diff one").status).toBe(2);
  expect(run("diff one other").stderr).toContain("--against");
  const after = readdirSync(root, { recursive: true, encoding: "utf8" }).toSorted();
  expect(after).toEqual(before);
});
