/**
 * The verbs that tend a directory, as a person runs them: planned first, done with --apply, told by exit codes.
 *
 * Method: the command as a process, real directories.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openTaskStore } from "taskwal";
import { afterAll, describe, expect, it } from "vitest";

const root = mkdtempSync(join(tmpdir(), "taskwal-verbs-"));
afterAll(() => rmSync(root, { recursive: true }));
const command = join(import.meta.dirname, "../../packages/taskwal/bin/taskwal.js");
const run = (...words: string[]) =>
  spawnSync(process.execPath, [command, ...words], { encoding: "utf8" });
const tree = (dir: string): string[] =>
  readdirSync(dir, { recursive: true, encoding: "utf8" })
    .filter((name) => statSync(join(dir, name)).isFile())
    .toSorted()
    .map((name) => `${name} ${readFileSync(join(dir, name)).toString("base64")}`);

const lived = async (name: string): Promise<string> => {
  const dir = join(root, name);
  const store = await openTaskStore({ dir, autosaveMs: Infinity });
  for (const id of ["a", "b"]) await store.create({ id, description: `task ${id}`, tool: "T" });
  await store.update("b", { status: "completed" });
  await store.close();
  return dir;
};

const edit = (path: string, from: string, to: string): void => {
  const text = readFileSync(path, "utf8");
  expect(text).toContain(from);
  writeFileSync(path, text.replace(from, to));
};

describe("taskwal adopt", () => {
  it("shows an edit and writes nothing; with --apply it is a mutation", async () => {
    const dir = await lived("adopt");
    edit(join(dir, "tasks/a.json"), "task a", "by hand");
    const before = tree(dir);
    const plan = run("adopt", dir);
    expect(plan).toMatchObject({ status: 0, stderr: "" });
    expect(plan.stdout).toContain('description: "task a" -> "by hand"');
    expect(plan.stdout).toContain("--apply");
    expect(tree(dir)).toEqual(before);
    const applied = run("adopt", dir, "--apply", "--json");
    expect(applied.status).toBe(0);
    expect(JSON.parse(applied.stdout)).toMatchObject({
      applied: true,
      edits: [{ verdict: "adopted" }],
    });
    const store = await openTaskStore({ dir, readOnly: true });
    expect(store.get("a")?.description).toBe("by hand");
    await store.close();
    expect(run("adopt", dir).stdout).toContain("every task file is as the store wrote it");
  });

  it("tells a conflict and what cannot be adopted with exit code 1, and takes a conflict with --over-newer", async () => {
    const dir = await lived("conflict");
    edit(join(dir, "tasks/a.json"), '"pending"', '"done"');
    edit(join(dir, "tasks/b.json"), '"version":2', '"version":1');
    edit(join(dir, "tasks/b.json"), "task b", "by hand");
    const { status, stdout } = run("adopt", dir, "--apply");
    expect(status).toBe(1);
    expect(stdout).toMatch(/tasks\/a\.json: refused, at \$\.status:/);
    expect(stdout).toMatch(/tasks\/b\.json: conflict, the file was made of version 1/);
    const taken = run("adopt", dir, "b", "--over-newer", "--apply", "--json");
    expect(taken.status).toBe(0);
    expect(JSON.parse(taken.stdout)).toMatchObject({ edits: [{ id: "b", verdict: "adopted" }] });
  });
});

describe("taskwal archive", () => {
  it("lists what is over for so long and writes nothing; with --apply it leaves the state, and --restore brings it back", async () => {
    const dir = await lived("archive");
    const before = tree(dir);
    expect(run("archive", dir, "--json").stdout).toContain('"tasks":[]');
    expect(run("archive", dir, "--older-than", "0s").stdout).toContain("1 task would go");
    expect(tree(dir)).toEqual(before);
    expect(run("archive", dir, "--older-than", "0s", "--apply")).toMatchObject({ status: 0 });
    expect(readdirSync(join(dir, "archive"))).toEqual(["b.json"]);
    expect(readFileSync(join(dir, "state.json"), "utf8")).not.toContain("task b");
    expect(run("archive", dir, "--restore", "b")).toMatchObject({ status: 0 });
    expect(readFileSync(join(dir, "state.json"), "utf8")).toContain("task b");
    expect(run("archive", dir, "--older-than", "30")).toMatchObject({ status: 2, stdout: "" });
  });

  it("asked to bring back what is not in archive/ says so, and neither opens nor changes the store", async () => {
    const dir = await lived("archive-nobody");
    const before = tree(dir);
    for (const id of ["nobody", "a", "../a", "x\u001b[31m"]) {
      const { status, stdout, stderr } = run("archive", dir, "--restore", id);
      expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
      expect(stderr).toContain(`${dir} has no archived task ${JSON.stringify(id)}`);
    }
    expect(tree(dir)).toEqual(before);
  });
});

describe("taskwal backup", () => {
  it("copies a store beside its writer, and says what the copy holds", async () => {
    const dir = await lived("backup");
    const to = join(root, "backup-copy");
    const store = await openTaskStore({ dir });
    await store.create({ id: "c", description: "task c", tool: "T" });
    const { sequence } = store;
    const { status, stdout, stderr } = run("backup", dir, "--into", to, "--json");
    expect(stderr).toBe("");
    expect(status).toBe(0);
    const report = JSON.parse(stdout) as { sequence: number };
    expect(report).toMatchObject({ tasks: 3, isWhole: true });
    expect(report.sequence).toBeGreaterThanOrEqual(sequence);
    await store.close();
    const copy = await openTaskStore({ dir: to });
    expect(copy.digest()).toBe(store.digest());
    await copy.close();
    expect(run("backup", dir, "--into", to)).toMatchObject({ status: 3, stdout: "" });
    expect(run("backup", dir)).toMatchObject({ status: 2, stdout: "" });
  });

  it("of a store that lost something says so with exit code 4, and keeps the copy", async () => {
    const dir = await lived("damaged");
    const wal = readdirSync(join(dir, "wal")).filter((name) => name.endsWith(".jsonl"));
    for (const name of [...wal.map((file) => `wal/${file}`), "state.json"]) {
      const bytes = readFileSync(join(dir, name));
      const at = bytes.indexOf("task a");
      if (at >= 0) bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
      writeFileSync(join(dir, name), bytes);
    }
    for (const name of readdirSync(dir))
      if (name.startsWith("state.backup")) rmSync(join(dir, name));
    const to = join(root, "damaged-copy");
    const { status, stdout } = run("backup", dir, "--into", to);
    expect(status).toBe(4);
    expect(stdout).toContain("not whole");
    expect(readdirSync(to)).toContain("wal");
  });
});

describe("taskwal compact", () => {
  it("folds the log into state.json and says what it holds", async () => {
    const dir = await lived("compact");
    const { status, stdout } = run("compact", dir);
    expect(status).toBe(0);
    expect(stdout).toMatch(/state\.json holds everything up to @\d+/);
  });

  it("is refused while another process owns the directory, which is named", async () => {
    const dir = await lived("owned");
    const store = await openTaskStore({ dir });
    const { status, stdout, stderr } = run("compact", dir);
    expect({ status, stdout }).toEqual({ status: 3, stdout: "" });
    expect(stderr).toContain(`process ${process.pid}`);
    await store.close();
  });
});

describe("taskwal clean-state", () => {
  it("lists each file and removes none; with --apply exactly these", async () => {
    const dir = await lived("clean");
    writeFileSync(join(dir, "state.json.tmp"), "{");
    const before = tree(dir);
    const plan = run("clean-state", dir);
    expect(plan.status).toBe(0);
    expect(plan.stdout).toContain("state.json.tmp");
    expect(tree(dir)).toEqual(before);
    expect(run("clean-state", dir, "--apply").stdout).toContain("removed: 1 file, 1 B");
    expect(tree(dir)).toEqual(before.filter((line) => !line.startsWith("state.json.tmp")));
    expect(run("clean-state", dir, "--keep-backups", "1")).toMatchObject({ status: 2 });
  });
});

describe("every verb that tends a directory", () => {
  it.each(["adopt", "archive", "compact", "clean-state"])(
    "%s refuses what is no directory",
    (verb) => {
      const { status, stdout, stderr } = run(verb, join(root, "missing"));
      expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
      expect(stderr).toMatch(/^taskwal: .*\nSee taskwal --help\.\n$/);
    },
  );

  it.each(["adopt", "archive", "compact", "clean-state"])(
    "%s leaves a directory alone that is another program's",
    (verb) => {
      const dir = mkdtempSync(join(root, "foreign-"));
      writeFileSync(join(dir, "notes.txt"), "mine");
      expect(run(verb, dir, ...(verb === "compact" ? [] : ["--apply"])).status).toBe(2);
      expect(readdirSync(dir)).toEqual(["notes.txt"]);
    },
  );

  it.each(["adopt", "archive", "compact", "clean-state"])(
    "%s makes no store where there is none, and imports nothing that it was not asked to import",
    (verb) => {
      const words = verb === "compact" ? [] : ["--apply"];
      const empty = mkdtempSync(join(root, "empty-"));
      expect(run(verb, empty, ...words)).toMatchObject({ status: 2, stdout: "" });
      expect(readdirSync(empty)).toEqual([]);
      const legacy = mkdtempSync(join(root, "legacy-"));
      writeFileSync(join(legacy, "state.json"), '{"tasks": [], "sessions": []}');
      const before = tree(legacy);
      const { status, stderr } = run(verb, legacy, ...words);
      expect(status).toBe(2);
      expect(stderr).toContain(`taskwal import ${legacy}`);
      expect(tree(legacy)).toEqual(before);
    },
  );
});
