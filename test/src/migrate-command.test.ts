/** `taskwal migrate` as a person or a script calls it: a real process, a real directory, a model of the caller's. */
import { spawnSync } from "node:child_process";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openStore } from "taskwal";
import { afterAll, describe, expect, test } from "vitest";
import { firstModel } from "./world/migrating-model.ts";

const root = mkdtempSync(join(tmpdir(), "taskwal-migrate-"));
afterAll(() => rmSync(root, { recursive: true }));
const command = join(import.meta.dirname, "../../packages/taskwal/bin/taskwal.js");

const run = (...words: string[]): { status: number | null; stdout: string; stderr: string } =>
  spawnSync(process.execPath, [command, "migrate", ...words], { encoding: "utf8" });

const treeOf = (dir: string): Record<string, string> =>
  Object.fromEntries(
    readdirSync(dir, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => join(parentPath, name))
      .map((path) => [path, readFileSync(path).toString("hex")]),
  );

/** Without who was there: LOCK and claims. */
const kept = (tree: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(tree).filter(([name]) => !/LOCK$|\.claim$/.test(name)));

const makeStore = async (name: string): Promise<string> => {
  const dir = join(root, name);
  const store = await openStore({ dir, model: firstModel });
  await store.notes.mutate("a", "note.created", { name: "a" });
  await store.notes.append("a", "lines", { text: "first" });
  await store.snapshot();
  await store.notes.mutate("b", "note.created", { name: "b" });
  await store.close();
  return dir;
};

/** A program of the second version, in one file. */
const modelFile = (name: string, pinned = "false"): string => {
  const taskwal = join(import.meta.dirname, "../../packages/taskwal/dist/index.js");
  const any = `{ "~standard": { version: 1, vendor: "test", validate: (value) => ({ value }) } }`;
  const schema = `{ "~standard": { version: 1, vendor: "test", validate: (value) =>
    typeof value.pinned === "boolean" ? { value } : { issues: [{ message: "not a boolean", path: ["pinned"] }] } } }`;
  const path = join(root, name);
  writeFileSync(
    path,
    `import { defineEntity, defineModel } from ${JSON.stringify(taskwal)};
    const upcast = { 1: ({ name }) => ({ title: name }) };
    const change = { version: 2, payload: ${any}, upcast, reduce: (note, { title }) => ({ ...note, title }) };
    export const model = defineModel({ entities: { notes: defineEntity({
      name: "note", collection: "notes", version: 2, schema: ${schema}, lists: { lines: ${any} },
      migrate: { 1: ({ id, name }) => ({ id, title: name, pinned: ${pinned} }) },
      create: { "note.created": { ...change, reduce: ({ title }, { id }) => ({ id, title, pinned: false }) } },
      change: { "note.renamed": change },
    }) } });`,
  );
  return path;
};

describe("taskwal migrate", () => {
  test("says what it would do and writes nothing, then does it with --apply, then has nothing to do", async () => {
    const dir = await makeStore("fit");
    const model = modelFile("second.mjs");
    const before = treeOf(dir);
    const dry = run(dir, "--model", model);
    expect([dry.status, dry.stderr]).toEqual([0, ""]);
    expect(dry.stdout).toContain("note: version 1 -> 2, 2 in the snapshot");
    expect(dry.stdout).toContain(
      "note.created: payload version 1 -> 2 at every reading, 2 records",
    );
    expect(dry.stdout).toContain("--apply migrates it");
    expect(treeOf(dir)).toEqual(before);
    const applied = run(dir, "--model", model, "--apply", "--json");
    expect(applied.status).toBe(0);
    expect(JSON.parse(applied.stdout)).toMatchObject({ opening: "migrate", applied: true });
    expect(readdirSync(dir)).toContain("state.pre-migration.backup.json");
    const again = run(dir, "--model", model, "--apply");
    expect([again.status, again.stdout.includes("nothing to migrate")]).toEqual([0, true]);
  });

  test("applies nothing where the plan finds what fails, and names it", async () => {
    const dir = await makeStore("unfit");
    const model = modelFile("unfit.mjs", '"no"');
    const before = treeOf(dir);
    const { status, stdout } = run(dir, "--model", model, "--apply");
    expect(status).toBe(1);
    expect(stdout).toContain("note does not migrate: 2");
    expect(stdout).toContain("at pinned: not a boolean");
    expect(stdout).toContain("Not applied");
    expect(treeOf(dir)).toEqual(before);
    const json = run(dir, "--model", model, "--json");
    expect([json.status, JSON.parse(json.stdout)]).toMatchObject([
      1,
      { opening: "refuse", applied: false, refusal: { type: "note", id: "a", path: "pinned" } },
    ]);
  });

  test("that is too large to be written down says so in one sentence, with exit code 3, and changes nothing", async () => {
    const dir = await makeStore("large");
    const log = join(dir, "state.migration-v1-to-v2.log");
    writeFileSync(log, "");
    truncateSync(log, 16 * 2 ** 20 + 1);
    const model = modelFile("large.mjs");
    const before = kept(treeOf(dir));
    for (const json of [[], ["--json"]]) {
      const { status, stdout, stderr } = run(dir, "--model", model, "--apply", ...json);
      expect([status, stdout]).toEqual([3, ""]);
      expect(stderr).toMatch(
        /^taskwal: .*state\.migration-v1-to-v2\.log has 16777217 bytes, over 16777216: .*\n$/,
      );
      expect(kept(treeOf(dir))).toEqual(before);
    }
    const words = ["verify", "-C", dir, "--model", model, "--json", "--no-cache"];
    const verified = spawnSync(process.execPath, [command, ...words], { encoding: "utf8" });
    expect(verified.stdout).toMatch(/refuse, and change nothing: .* 16777217 bytes, over 16777216/);
    rmSync(log);
    expect(run(dir, "--model", model, "--apply").status).toBe(0);
  });

  test("applies nothing where the snapshot and the log come to something else", async () => {
    const dir = await makeStore("unlike");
    const before = treeOf(dir);
    const { status, stdout } = run(dir, "--model", modelFile("unlike.mjs", "true"), "--apply");
    expect([status, stdout.includes("do not come to the same")]).toEqual([1, true]);
    expect(treeOf(dir)).toEqual(before);
  });

  test("runs no code from the directory that it looks at", async () => {
    const dir = await makeStore("hostile");
    const hostile = join(dir, "model.mjs");
    cpSync(modelFile("hostile.mjs"), hostile);
    writeFileSync(
      hostile,
      `import { writeFileSync } from "node:fs"; writeFileSync(${JSON.stringify(join(root, "ran"))}, "");`,
    );
    const { status, stderr } = run(dir, "--model", hostile);
    expect([status, stderr.includes("no code is run from there")]).toEqual([2, true]);
    expect(readdirSync(root)).not.toContain("ran");
  });

  test("is a wrong call without a store, without a model, and of a newer store than it knows", async () => {
    const dir = await makeStore("newer");
    mkdirSync(join(root, "empty"));
    writeFileSync(join(root, "none.mjs"), "export const other = 1;");
    expect(run(dir, "--model", join(root, "none.mjs"))).toMatchObject({ status: 2, stdout: "" });
    expect(run(dir, "--dry-run", "--apply").status).toBe(2);
    // The bundled model has no notes.
    const before = treeOf(dir);
    const foreign = run(dir, "--apply");
    expect([foreign.status, foreign.stderr.includes('the entity "note"')]).toEqual([2, true]);
    expect(treeOf(dir)).toEqual(before);
    expect(run(join(root, "missing")).status).toBe(2);
    expect(run(join(root, "empty"))).toMatchObject({ status: 2, stdout: "" });
    expect(readdirSync(join(root, "empty"))).toEqual([]);
    expect(readdirSync(root)).not.toContain("missing");
  });

  test("plans beside a writer, and is refused by its lock when it is to apply", async () => {
    const dir = await makeStore("owned");
    const model = modelFile("owned.mjs");
    const store = await openStore({ dir, model: firstModel });
    expect(run(dir, "--model", model).status).toBe(0);
    const { status, stderr } = run(dir, "--model", model, "--apply");
    expect([status, stderr.includes("taskwal: ")]).toEqual([3, true]);
    await store.notes.mutate("c", "note.created", { name: "c" });
    await store.close();
  });
});

describe("taskwal rollback", () => {
  const back = (...words: string[]): ReturnType<typeof run> =>
    spawnSync(process.execPath, [command, "rollback", ...words], { encoding: "utf8" });

  test("lists each record that it hides, then makes a directory that the older program opens, and leaves the other", async () => {
    const dir = await makeStore("back");
    run(dir, "--model", modelFile("back.mjs"), "--apply");
    const before = treeOf(dir);
    const into = join(root, "older");
    const { status, stdout } = back(dir);
    expect([status, stdout.includes("  $migrated\n")]).toEqual([0, true]);
    expect(stdout).toContain("Nothing was written");
    const facts = JSON.parse(back(dir, "--json").stdout) as { hides: unknown[]; hidden: object };
    expect(facts).toMatchObject({ applied: false, schema: { note: 1 }, unlisted: [] });
    expect(facts.hidden).toMatchObject({ records: facts.hides.length, mutations: 0 });
    const applied = back(dir, "--into", into, "--apply", "--json");
    expect([applied.status, JSON.parse(applied.stdout)]).toMatchObject([0, { applied: true }]);
    expect(treeOf(dir)).toEqual(before);
    const store = await openStore({ dir: into, model: firstModel });
    expect([...store.notes.all()].map(({ name }) => name)).toEqual(["a", "b"]);
    await store.close();
    expect(back(dir, "--into", into, "--apply").status).toBe(3);
  });

  test("is a wrong call without a migration to go back from, or with nowhere to go", async () => {
    const dir = await makeStore("unmigrated");
    const before = treeOf(dir);
    expect(back(dir)).toMatchObject({ status: 2, stdout: "" });
    expect(back(dir, "--apply")).toMatchObject({ status: 2, stdout: "" });
    expect(back(join(root, "missing")).status).toBe(2);
    expect(treeOf(dir)).toEqual(before);
  });
});
