/**
 * What docs/manual-recovery.md has a person type comes to what the document says.
 *
 * Method: its shell blocks, run by bash, in a directory that was lived in; an editor is `sed`.
 */
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openTaskStore, type TaskStore } from "taskwal";
import { afterAll, describe, expect, it } from "vitest";
import { repository, section } from "./documents.ts";

const root = mkdtempSync(join(tmpdir(), "taskwal-by-hand-"));
afterAll(() => rmSync(root, { recursive: true }));
const document = readFileSync(join(repository, "docs/manual-recovery.md"), "utf8");
const bin = join(root, "bin");
execFileSync("mkdir", [bin]);
const command = join(repository, "packages/taskwal/bin/taskwal.js");
chmodSync(command, 0o755);
symlinkSync(command, join(bin, "taskwal"));

const commandsOf = (heading: string): readonly string[] => {
  const blocks = [...section(document, heading).matchAll(/```sh\n([^]*?)```/g)];
  const lines = blocks.flatMap(([, block = ""]) => block.trim().split("\n"));
  expect(lines.length).toBeGreaterThan(0);
  return lines;
};

const sh = (dir: string, line: string): string => {
  const PATH = `${bin}:${process.env["PATH"] ?? ""}`;
  return execFileSync("bash", ["-c", line], {
    cwd: dir,
    encoding: "utf8",
    env: { ...process.env, PATH },
  });
};

const lived = async (): Promise<string> => {
  const dir = mkdtempSync(join(root, "state-"));
  for (const [at, id] of ["task_123", "task_124"].entries()) {
    const store = await openTaskStore({ dir, autosaveMs: Infinity });
    await store.create({ id, description: `task ${at}`, tool: "T" });
    await store.log(id, { level: "info", type: "output", message: "one" });
    await store.close();
  }
  return dir;
};

const opened = async (
  dir: string,
): Promise<{ digest: string; notes: readonly string[]; store: TaskStore }> => {
  const store = await openTaskStore({ dir, readOnly: true });
  await store.close();
  return { digest: store.digest(), notes: store.recovery.notes, store };
};

describe("docs/manual-recovery.md", () => {
  it("Looking: every command shows what it says", async () => {
    const dir = await lived();
    const [list = "", file = "", metrics = "", log = ""] = commandsOf("## Looking");
    expect(sh(dir, list)).toBe("task_123.json\ntask_124.json\n");
    expect(sh(dir, file)).toContain('"description": "task 0"');
    // jq is not everywhere; the field that it asks for is.
    expect(metrics).toBe("jq '.metrics' state.json");
    expect(JSON.parse(readFileSync(join(dir, "state.json"), "utf8"))).toHaveProperty("metrics");
    expect(sh(dir, log)).toContain('"seq"');
  });

  it("Editing a task: the edit is shown, and then adopted", async () => {
    const dir = await lived();
    const [nano = "", plan = "", apply = ""] = commandsOf("## Editing a task");
    sh(dir, nano.replace("nano", "sed -i 's/task 0/by hand/'"));
    expect(sh(dir, plan)).toContain('description: "task 0" -> "by hand"');
    expect((await opened(dir)).store.get("task_123")?.description).toBe("task 0");
    sh(dir, apply);
    expect((await opened(dir)).store.get("task_123")?.description).toBe("by hand");
  });

  it("A backup over state.json: nothing is taken back, and the opening says what it found", async () => {
    const dir = await lived();
    const { digest } = await opened(dir);
    const [copy = ""] = commandsOf("## A backup over state.json");
    const oldest = readdirSync(dir)
      .filter((name) => name.startsWith("state.backup."))
      .toSorted()[0];
    sh(dir, copy.replace(/state\.backup\.\S+/, oldest ?? ""));
    const after = await opened(dir);
    expect(after.digest).toBe(digest);
    expect(after.notes).toEqual([
      expect.stringMatching(
        /^state\.json is the backup @\d+, the log continued to @\d+ and wins/,
      ) as string,
    ]);
  });

  it("No state.json: it is rebuilt, and the opening says from what", async () => {
    const dir = await lived();
    const { digest } = await opened(dir);
    const [remove = ""] = commandsOf("## No state.json");
    sh(dir, remove);
    const after = await opened(dir);
    expect(after.digest).toBe(digest);
    expect(after.notes).toEqual([expect.stringMatching(/^state\.json is missing/) as string]);
    await (await openTaskStore({ dir })).close();
    expect(existsSync(join(dir, "state.json"))).toBe(true);
  });

  it("Old tasks: they are listed, leave, and one comes back", async () => {
    const dir = await lived();
    const store = await openTaskStore({ dir });
    await store.update("task_123", {
      status: "completed",
      completed_at: "2020-01-01T00:00:00.000Z",
    });
    await store.close();
    const [plan = "", apply = "", restore = ""] = commandsOf("## Old tasks");
    expect(sh(dir, plan)).toContain("task_123");
    sh(dir, apply);
    expect((await opened(dir)).store.get("task_123")).toBeUndefined();
    sh(dir, restore);
    expect((await opened(dir)).store.get("task_123")?.description).toBe("task 0");
  });

  it("A backup elsewhere: the copy opens to the same state", async () => {
    const dir = await lived();
    const { digest } = await opened(dir);
    const [backup = ""] = commandsOf("## A backup elsewhere");
    sh(dir, backup.replace("/mnt/backup/tasks", "../copy"));
    expect((await opened(join(root, "copy"))).digest).toBe(digest);
  });

  it("A full disk: what makes room leaves the state as it is", async () => {
    const dir = await lived();
    const { digest } = await opened(dir);
    for (const line of commandsOf("## A full disk")) sh(dir, line);
    expect((await opened(dir)).digest).toBe(digest);
  });
});
