/**
 * The two programs that the API was made for run as they were written before it existed.
 *
 *     test/want/*.ts ── tsc -b (strict) ──> test/want/dist/*.js ── node, on the built packages
 *
 * The rule: the programs are not edited; if one of them stops compiling or running, the API is wrong.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { openTaskStore, type Task, type TaskStore } from "taskwal";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

const want = join(import.meta.dirname, "../want");

let folder: string;
let state: string;
const children: ChildProcess[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "taskwal-want-"));
  state = join(folder, "state");
});

afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
}

const start = (program: string, env: Readonly<Record<string, string>> = {}): Running => {
  const child = spawn(
    process.execPath,
    ["--import", join(want, "globals.mjs"), join(want, "dist", program)],
    {
      cwd: folder,
      env: { ...process.env, STATE_PATH: state, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  children.push(child);
  const text = { stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (more: string) => (text.stdout += more));
  child.stderr.setEncoding("utf8").on("data", (more: string) => (text.stderr += more));
  const ended = new Promise<Ended>((done) => {
    child.on("close", (code) => done({ code, ...text }));
  });
  return { child, ended };
};

const run = (program: string): Promise<Ended> => start(program).ended;

interface Said {
  readonly level: string;
  readonly facts: unknown;
  readonly message: string;
}

const saidBy = ({ stderr }: Ended): Said[] =>
  stderr
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Said);

const onlyTask = (store: TaskStore): Readonly<Task> => {
  const [task, ...more] = store.list();
  if (!task) throw new Error("there is no task");
  expect(more).toEqual([]);
  return task;
};

const until = async (holds: () => Promise<boolean>): Promise<void> => {
  while (!(await holds())) await delay(20);
};

describe("the programs", () => {
  it.each([
    ["1-embed.ts", "47b97af48a248186a70759e4d0729fe3969f07c61f55e000fbe77d791e977eb6"],
    ["2-own-entity.ts", "ca39ecc0b41f4706bfb82b19cb90675337c18c7c85673e095be0f09f6989e855"],
  ])("%s is what was written before the API was", (name, sha256) => {
    const hash = createHash("sha256").update(readFileSync(join(want, name)));
    expect(hash.digest("hex")).toBe(sha256);
  });
});

describe("an orchestrator that embeds the task store", () => {
  it("runs as written: a task made, worked on, logged and completed, and nothing on stdout", async () => {
    const ended = await run("1-embed.js");
    expect(ended).toMatchObject({ code: 0, stdout: "" });
    const said = saidBy(ended);
    expect(said.map(({ message }) => message)).toEqual(
      expect.arrayContaining(["now in_progress", "now completed", "1 done"]),
    );
    expect(said.filter(({ level }) => level === "error")).toEqual([]);

    await using store = await openTaskStore({ dir: state });
    const task = onlyTask(store);
    expect(task).toMatchObject({ status: "completed", result: { tests_passed: true } });
    expect(store.logs(task.id).map(({ message }) => message)).toEqual([
      "line 1",
      "line 2",
      "line 3",
    ]);
    expect(store.recovery).toMatchObject({ before: "closed", torn: [], lost: [], damaged: [] });
  });

  it("makes no second task when the client repeats its request, and hears that the task has moved", async () => {
    await run("1-embed.js");
    const again = await run("1-embed.js");
    expect(again).toMatchObject({ code: 0, stdout: "" });
    expect(saidBy(again)).toContainEqual({
      level: "warn",
      facts: "someone else moved it: now version 6",
      message: "",
    });
    await using store = await openTaskStore({ dir: state });
    expect(store.logs(onlyTask(store).id)).toHaveLength(6);
  });

  it("killed at work, it keeps every line it saw and marks the task as interrupted when it starts again", async () => {
    const { child, ended } = start("1-embed.js", { WANT_AGENT: "endless" });
    await until(async () => (await linesSeenBeside()).length >= 10);
    const seen = await linesSeenBeside();
    child.kill("SIGKILL");
    await ended;

    const again = await run("1-embed.js");
    expect(again).toMatchObject({ code: 0, stdout: "" });
    await using store = await openTaskStore({ dir: state });
    const task = onlyTask(store);
    const logs = store.logs(task.id).map(({ message }) => message);
    expect(logs.slice(0, seen.length)).toEqual(seen);
    expect(logs.slice(-3)).toEqual(["line 1", "line 2", "line 3"]);
    const patches: unknown[] = [];
    for await (const { type, data } of store.records()) {
      if (type === "task.updated") patches.push(data);
    }
    expect(patches).toContainEqual({ status: "failed", error: "interrupted by a restart" });
  });
});

describe("an orchestrator that starts before its predecessor is gone", () => {
  it("waits for it, with nothing else to do, and takes over what it left", async () => {
    const first = start("1-embed.js", { WANT_AGENT: "endless" });
    await until(async () => (await linesSeenBeside()).length > 0);
    const second = start("1-embed.js");
    await delay(500);
    expect(second.child.exitCode).toBe(null);
    first.child.kill("SIGTERM");
    expect(await second.ended).toMatchObject({ code: 0, stdout: "" });
    expect(await first.ended).toMatchObject({ stdout: "" });
    expect(first.child.signalCode).toBe("SIGTERM");
    await using store = await openTaskStore({ dir: state });
    expect(onlyTask(store)).toMatchObject({ status: "completed" });
  });
});

/** What a reader beside the running program is shown: durable, so a kill cannot take it back. */
const linesSeenBeside = async (): Promise<readonly string[]> => {
  try {
    await using beside = await openTaskStore({ dir: state, readOnly: true });
    const [task] = beside.list();
    return task ? beside.logs(task.id).map(({ message }) => message) : [];
  } catch {
    return []; // not yet there
  }
};

describe("a program with an entity of its own", () => {
  it("runs as written: what it wrote is told to its follower in order, and the follower ends with its signal", async () => {
    const ended = await run("2-own-entity.js");
    expect(ended).toMatchObject({ code: 0, stderr: "" });
    const sequences = ended.stdout.trimEnd().split("\n").map(Number);
    expect(sequences).toEqual(sequences.map((_, index) => index + 1));
    const saved: unknown = JSON.parse(readFileSync(join(folder, "data/state.json"), "utf8"));
    expect(saved).toMatchObject({
      notes: [
        { id: "a", text: "hello", pinned: true },
        { id: "b", text: "second", pinned: false },
      ],
      metrics: { pinned: 1 },
    });
  });
});
