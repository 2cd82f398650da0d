/**
 * salvage, restore and fork as a shell runs them: exit codes, what is refused, and a source that nothing happens to.
 *
 * Method: the command as a process, on the bundled crashed example.
 */
import { spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { openStore, openTaskStore } from "taskwal";
import { describe, expect, it } from "vitest";
import { repository } from "./documents.ts";
import type { noteModel } from "./world/note-model.ts";
import { scratchDirectories, treeOf } from "./world/scratch.ts";

const command = join(repository, "packages/taskwal/bin/taskwal.js");
const example = join(repository, "packages/taskwal/example-crashed");
const scratch = scratchDirectories();
const home = scratch();

const run = (...words: readonly string[]) =>
  spawnSync(process.execPath, [command, ...words], {
    encoding: "utf8",
    env: { PATH: process.env["PATH"] ?? "", HOME: home },
  });

const times = (dir: string): string[] =>
  readdirSync(dir, { recursive: true, encoding: "utf8" })
    .toSorted()
    .map((name) => {
      const { mtimeMs, ino } = statSync(join(dir, name));
      return `${name} ${mtimeMs} ${ino}`;
    });

const damaged = (): string => {
  const dir = join(scratch(), "state");
  cpSync(example, dir, { recursive: true });
  return dir;
};

const whole = async (): Promise<string> => {
  const dir = join(scratch(), "state");
  const store = await openTaskStore({ dir });
  await store.create({ id: "a", description: "one", tool: "T" });
  await store.update("a", { status: "completed" });
  await store.close();
  return dir;
};

const verbs = ["salvage", "restore", "fork"] as const;

describe.each(verbs)("taskwal %s", (verb) => {
  it("answers 0 of a whole store, 1 of one that lost something, and changes nothing of either", async () => {
    for (const [dir, code] of [
      [await whole(), 0],
      [damaged(), 1],
    ] as const) {
      const before = [treeOf(dir), times(dir)];
      const to = join(scratch(), "new");
      const { status, stderr } = run(verb, dir, "--to", to, "--apply");
      expect([status, stderr]).toEqual([code, ""]);
      expect([treeOf(dir), times(dir)]).toEqual(before);
      const verified = run("verify", to);
      // A fork has the damage that its parent has in the files that both have; here it is in none of them.
      expect([verified.status, verified.stderr]).toEqual([0, ""]);
      const store = await openTaskStore({ dir: to });
      expect(store.list().length).toBeGreaterThan(0);
      await store.close();
      expect([treeOf(dir), times(dir)]).toEqual(before);
    }
  });

  it("refuses, with nothing written: a target in use, one within the store, none, and what is no store", async () => {
    const dir = await whole();
    const taken = scratch();
    writeFileSync(join(taken, "file"), "somebody's");
    const before = treeOf(dir);
    for (const to of [taken, join(dir, "new")]) {
      const { status, stderr } = run(verb, dir, "--to", to, "--apply");
      expect([to, status]).toEqual([to, 3]);
      expect(stderr).toMatch(/holds files already|lies in/);
    }
    const calls = [
      [verb, dir, "--apply"],
      [verb, join(dir, "missing"), "--to", join(scratch(), "new")],
      [verb, scratch(), "--to", join(scratch(), "new")],
    ];
    for (const call of calls) expect([call, run(...call).status]).toEqual([call, 2]);
    expect(treeOf(dir)).toEqual(before);
    expect(readdirSync(taken)).toEqual(["file"]);
  });

  it("takes an empty directory for its target, and leaves nothing beside it", async () => {
    const beside = scratch();
    const to = join(beside, "new");
    mkdirSync(to);
    expect(run(verb, await whole(), "--to", to, "--apply").status).toBe(0);
    expect(readdirSync(beside)).toEqual(["new"]);
    expect(existsSync(join(to, "state.json"))).toBe(true);
  });

  it("answers 4 of a store of which nothing reads", async () => {
    const dir = await whole();
    for (const name of readdirSync(join(dir, "wal")))
      if (name !== "LOCK") writeFileSync(join(dir, "wal", name), "x".repeat(500));
    for (const name of readdirSync(dir).filter((one) => /^(state\.|LOCK)/.test(one)))
      writeFileSync(join(dir, name), "x");
    const to = join(scratch(), "new");
    const { status, stderr } = run(verb, dir, "--to", to, "--apply");
    expect([status, stderr]).toEqual([4, expect.stringMatching(/^taskwal: /)]);
    expect(existsSync(to)).toBe(false);
  });

  it("answers 5 where the model does not replay the log", async () => {
    const dir = damaged();
    for (const name of readdirSync(dir).filter((one) => one.startsWith("state.")))
      writeFileSync(join(dir, name), "x");
    const model = join(scratch(), "model.mjs");
    const url = JSON.stringify(join(repository, "packages/taskwal/dist/index.js"));
    const source = readFileSync(join(repository, "packages/taskwal/package.json"), "utf8");
    expect(source).toContain("dist/index.js");
    writeFileSync(
      model,
      `import { defineEntity, defineModel } from ${url};
const any = { "~standard": { version: 1, vendor: "test", validate: (value) => ({ value }) } };
const fails = () => { throw new Error("no"); };
const task = defineEntity({
  name: "task", collection: "tasks", version: 1, schema: any,
  create: { "task.created": { payload: any, reduce: fails } }, change: {},
});
export const model = defineModel({ entities: { tasks: task } });
`,
    );
    const to = join(scratch(), "new");
    const { status, stderr } = run(verb, dir, "--to", to, "--model", model, "--apply");
    expect([status, stderr]).toEqual([5, expect.stringContaining("reducer threw")]);
    expect(existsSync(to)).toBe(false);
  });
});

describe.each(verbs)("taskwal %s that is interrupted", (verb) => {
  it.each(["SIGINT", "SIGTERM"])(
    "by %s takes back what it has begun, says so in one sentence, and answers 130",
    async (signal) => {
      const dir = damaged();
      const before = [treeOf(dir), times(dir)];
      const beside = scratch();
      const to = join(beside, "new");
      // It sends the signal to itself, once it has begun.
      const model = join(scratch(), "model.mjs");
      const door = JSON.stringify(join(repository, "packages/taskwal/dist/index.js"));
      writeFileSync(
        model,
        `import { readdirSync } from "node:fs";
export { taskModel as model } from ${door};
const timer = setInterval(() => {
  if (readdirSync(${JSON.stringify(beside)}).length === 0) return;
  clearInterval(timer);
  process.kill(process.pid, "${signal}");
}, 0);
timer.unref();
`,
      );
      const { status, stdout, stderr } = run(verb, dir, "--to", to, "--model", model, "--apply");
      expect([status, stdout, stderr]).toEqual([
        130,
        "",
        `taskwal: interrupted: ${to} was not made\n`,
      ]);
      expect(readdirSync(beside)).toEqual([]);
      expect([treeOf(dir), times(dir)]).toEqual(before);
    },
  );
});

describe("the verbs that make a new store", () => {
  it.each(["bash", "zsh", "fish"])("are named by the completion for %s", (shell) => {
    const script = run("completion", shell).stdout;
    for (const verb of verbs) expect(script).toContain(verb);
  });

  it("have help, and stand in that of the command", () => {
    for (const verb of verbs) {
      expect(run(verb, "--help").stdout).toContain("--to <dir>");
      expect(run("--help").stdout).toContain(`  ${verb} <dir>`);
    }
  });
});

describe.each(["restore", "fork"])("taskwal %s without --apply", (verb) => {
  it("says what would be in it and what that lacks, and writes nothing, there or beside it", () => {
    const dir = damaged();
    const before = [treeOf(dir), times(dir)];
    const beside = scratch();
    const words = [verb, dir, "--at", "12"];
    const to = join(beside, "new");
    const planned = run(...words, "--to", to, "--json");
    const plan = JSON.parse(planned.stdout) as Record<string, unknown>;
    expect(plan).toMatchObject({ v: 1, kind: verb, applied: false, to, sequence: 12 });
    expect(plan).toMatchObject({
      lost: [[10, 10]],
      provenance: { trust: "crossed-gap" },
      entities: [{ entity: "task", count: 2 }, {}],
    });
    const said = run(...words).stdout.replaceAll(/\s+/g, " ");
    expect(said).toContain("after @12: 2 tasks, 0 sessions lost before it: @10 … @10");
    expect(said).toContain("Nothing was written");
    expect([readdirSync(beside), treeOf(dir), times(dir)]).toEqual([[], ...before]);
    const done = run(...words, "--to", to, "--json", "--apply");
    expect([done.status, planned.status]).toEqual([1, 1]);
    expect(JSON.parse(done.stdout)).toMatchObject({ applied: true, to, sequence: 12 });
    expect(existsSync(to)).toBe(true);
  });
});

describe("taskwal salvage without --apply", () => {
  it("plans the same and writes nothing", () => {
    const dir = damaged();
    const to = join(scratch(), "new");
    const planned = run("salvage", dir, "--to", to, "--json");
    expect(existsSync(to)).toBe(false);
    const plan = JSON.parse(planned.stdout) as Record<string, unknown>;
    expect(plan).toMatchObject({ v: 1, kind: "salvage", applied: false, to, records: 16 });
    const done = JSON.parse(run("salvage", dir, "--to", to, "--json", "--apply").stdout) as object;
    expect(done).toEqual({ ...plan, applied: true });
  });
});

it.each(["restore", "fork"])("taskwal %s that is interrupted as it plans says so", async (verb) => {
  const path = join(scratch(), "model.mjs");
  const door = JSON.stringify(join(repository, "packages/taskwal/dist/index.js"));
  const count = 10_000;
  // It sends the signal to itself as it begins to read the records for the second time; there are so many that it is
  // still reading when the signal comes.
  writeFileSync(
    path,
    `import { defineEntity, defineModel } from ${door};
const any = { "~standard": { version: 1, vendor: "test", validate: (value) => ({ value }) } };
let calls = 0;
const reduce = (payload, { id }) => {
  calls += 1;
  if (calls === ${count + 1} && process.argv.includes("${verb}")) process.kill(process.pid, "SIGINT");
  return { ...payload, id };
};
const note = defineEntity({
  name: "note", collection: "notes", version: 1, schema: any,
  create: { "note.created": { payload: any, reduce } }, change: {},
});
export const model = defineModel({ entities: { notes: note } });
`,
  );
  const { model } = (await import(path)) as { model: typeof noteModel };
  const dir = scratch();
  const store = await openStore({ dir, model, mirrors: false });
  for (let id = 0; id < count; id += 1)
    void store.notes.mutate(String(id), "note.created", { text: "one" });
  await store.close();
  const before = treeOf(dir);
  const { status, stdout, stderr } = run(verb, dir, "--model", path);
  expect([status, stdout, stderr]).toEqual([
    130,
    "",
    "taskwal: interrupted: nothing was written\n",
  ]);
  expect(treeOf(dir)).toEqual(before);
});
