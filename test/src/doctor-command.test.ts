/**
 * `taskwal doctor` as a person runs it: exit codes, 80 columns, JSON for machines; nothing is written and no
 * content is printed.
 *
 * Method: the command as a process, real directories.
 */
import { spawnSync } from "node:child_process";
import {
  closeSync,
  ftruncateSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import stringWidth from "string-width";
import { afterAll, describe, expect, it } from "vitest";
import { diagnosed } from "./doctor/planted.ts";
import { repository } from "./documents.ts";
import { directoryWith, removeMade, root } from "./systemprompt-fixtures.ts";

afterAll(removeMade);

const command = join(repository, "packages/taskwal/bin/taskwal.js");
const run = (words: readonly string[], flags: readonly string[] = []) =>
  spawnSync(process.execPath, [...flags, command, "doctor", ...words], {
    encoding: "utf8",
    maxBuffer: 2 ** 26,
  });
const jsonOf = (dir: string): Record<string, unknown>[] =>
  run([dir, "--json"])
    .stdout.trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);

const tree = (dir: string): string[] =>
  readdirSync(dir, { recursive: true, encoding: "utf8" })
    .toSorted()
    .map((name) => {
      const stat = statSync(join(dir, name));
      const content = stat.isFile() ? readFileSync(join(dir, name)).toString("base64") : "";
      return `${name} ${stat.mtimeMs} ${stat.ctimeMs} ${stat.size} ${content}`;
    });

const record = (n: number, text = "hi"): string =>
  JSON.stringify({ uuid: `u${n}`, parentUuid: null, sessionId: "s", message: { text } });

describe("taskwal doctor", () => {
  it.each<[string, number, () => string]>([
    ["a healthy directory", 0, () => join(root, "healthy")],
    ["only hidden tasks", 1, () => join(root, "odd/task-bom")],
    ["only missing files", 1, () => join(root, "odd/state-knows-more-than-files")],
    ["torn, glued and empty files", 4, () => join(root, "after-sigkill")],
    ["nothing that it knows", 1, () => directoryWith({ "a.txt": "x" })],
    ["no directory", 2, () => join(root, "not-there")],
    ["a file", 2, () => join(root, "observed-load.json")],
    ["a store of taskwal", 2, () => join(repository, "packages/taskwal/example-crashed")],
  ])(
    "of %s ends with exit code %i, for people and for machines, and writes nothing",
    (_, status, at) => {
      const dir = at();
      const isFolder = status !== 2;
      const before = isFolder ? tree(dir) : [];
      const text = run([dir]);
      const json = run([dir, "--json"]);
      expect([text.status, json.status]).toEqual([status, status]);
      if (!isFolder) {
        expect(text.stderr).toMatch(/^taskwal: .*\nSee taskwal --help\.\n$/);
        expect(text.stdout).toBe("");
        return;
      }
      expect(text.stderr).toBe("");
      expect(tree(dir)).toEqual(before);
      for (const line of text.stdout.split("\n")) expect(stringWidth(line)).toBeLessThanOrEqual(80);
      const last = jsonOf(dir).at(-1);
      expect(last).toMatchObject({ v: 1, kind: "doctor", exitCode: status });
    },
  );

  it("tells a machine every finding, every file, and what it comes to", () => {
    const answers = jsonOf(join(root, "after-sigkill"));
    const findings = answers.filter(({ kind }) => kind === "finding");
    const files = answers.filter(({ kind }) => kind === "file");
    expect(answers.length).toBe(findings.length + files.length + 1);
    expect(findings).toContainEqual({
      v: 1,
      kind: "finding",
      found: "torn",
      file: "tasks/328e05b6-7956-42d7-bed3-87ae233f0ef4.json",
      reason: "is cut inside a string at byte 524288",
      startBytes: 524_288,
      copyIn: "state.json",
    });
    expect(answers.at(-1)).toMatchObject({
      files: files.length,
      filesWell: files.length - findings.length,
      found: { zeroed: 4, glued: 5, torn: 1 },
      readable: [{ program: "systemprompt", unit: "log entries" }],
    });
  });

  it("counts findings beyond those that it shows, and its exit code is of all of them", () => {
    // Twenty are shown of each file; the torn record comes behind them.
    const lines = Array.from({ length: 30 }, () => record(1)).join("\n");
    const dir = directoryWith({ "s.jsonl": `${lines}\n{"uuid":"u` });
    const { status, stdout } = run([dir]);
    expect(status).toBe(4);
    expect(stdout).toContain("and 10 more findings");
    expect(stdout).toContain("found: 1 torn, 29 hidden");
  });

  it("names tasks that only older backups have, and finds nothing in that", () => {
    const state = (...ids: string[]): string =>
      JSON.stringify({ tasks: ids.map((id) => ({ id, logs: [] })), last_saved: "x" });
    const { status, stdout } = run([
      directoryWith({
        "state.json": state("a"),
        "state.backup.1.json": state("a", "old"),
        "tasks/a.json": '{"id":"a","logs":[]}',
      }),
    ]);
    expect(stdout).toContain(
      "1 task in older backups only, deleted or lost:\n  old in state.backup.1.json\n",
    );
    expect(status).toBe(0);
  });

  it("prints names and ids, and nothing that a task or a message says, whatever the damage", async () => {
    const secret = "hunter2";
    const task = JSON.stringify({
      id: "t1",
      description: secret,
      result: { [secret]: secret },
      logs: [{ timestamp: "2026-05-01T10:00:00.000Z", message: secret, type: secret }],
      last_saved: secret,
    });
    const state = JSON.stringify({
      last_saved: secret,
      sessions: [secret],
      tasks: [JSON.parse(task)],
    });
    const lines = `${record(1, secret)}\n${record(2, secret)}${record(3, secret)}\n`;
    const damaged = (text: string): string[] => [
      text,
      text.slice(0, text.lastIndexOf(secret) + 4),
      text + text.slice(-20),
      text.replace(secret, `${secret}\u0000`),
      `\uFEFF${text}`,
      text.replaceAll('"', ""),
    ];
    for (const [index] of damaged(task).entries()) {
      const files = {
        "state.json": damaged(state)[index] ?? "",
        "tasks/t1.json": damaged(task)[index] ?? "",
        "p/s.jsonl": damaged(lines)[index] ?? "",
        "logs/a.log": `${secret}\u0000`,
        "other.json": damaged(`{"id":"${index}","a":"${secret}"}`)[index] ?? "",
      };
      const diagnosis = JSON.stringify(await diagnosed(files));
      expect(diagnosis).toContain("t1");
      expect(diagnosis).not.toContain("hunter");
      if (index !== 1) continue;
      const dir = directoryWith(files);
      for (const words of [[dir], [dir, "--json"]]) {
        const { stdout, stderr } = run(words);
        expect(stdout + stderr).toContain("t1");
        expect(stdout + stderr).not.toContain("hunter");
      }
    }
  });

  it("sends no escape code of a file's name or id to a terminal", () => {
    const dir = directoryWith({
      "\u001b[31mred.json": "{",
      "s.jsonl": `${JSON.stringify({ uuid: "\u001b]0;x\u0007", sessionId: "s" })}\n{"`,
    });
    for (const words of [[dir], [dir, "--json"]]) {
      const { stdout } = run(words);
      expect(stdout).toContain(String.raw`\u001b`);
      // oxlint-disable-next-line no-control-regex -- escape codes begin with one
      expect(stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/);
    }
  });

  it("never speaks of removing anything", () => {
    const texts = ["after-full-disk", "odd/only-backups"].map(
      (name) => run([join(root, name)]).stdout,
    );
    for (const text of [...texts, run(["--help"]).stdout])
      expect(text).not.toMatch(/\b(rm|delete|remove|reset|erase|wipe|truncate)\b/i);
  });

  it("is completed by every shell, with its options", () => {
    for (const shell of ["bash", "zsh", "fish"]) {
      const { stdout } = spawnSync(process.execPath, [command, "completion", shell], {
        encoding: "utf8",
      });
      expect(stdout).toMatch(/doctor.*(?:--json|-l json)/);
    }
  });

  it("is no error where nobody reads on, as in `taskwal doctor | head -1`", () => {
    const { status, stdout, stderr } = spawnSync(
      "/bin/sh",
      [
        "-c",
        `"${process.execPath}" "${command}" doctor "${join(root, "after-sigkill")}" | head -1`,
      ],
      { encoding: "utf8" },
    );
    expect(status).toBe(0);
    expect(stderr).toBe("");
    expect(stdout).toContain("after-sigkill");
  });

  it("looks through hundreds of megabytes in memory that does not grow with them", () => {
    const dir = directoryWith({ "hole.jsonl": "", "one.json": "", "lines.jsonl": "" });
    const hole = openSync(join(dir, "hole.jsonl"), "r+");
    writeSync(hole, `${record(1)}\n`);
    ftruncateSync(hole, 400 * 2 ** 20);
    closeSync(hole);
    const one = openSync(join(dir, "one.json"), "r+");
    writeSync(one, `{"text":"`);
    const page = "x".repeat(2 ** 20);
    for (let count = 0; count < 100; count += 1) writeSync(one, page);
    writeSync(one, `"}`);
    closeSync(one);
    const lines = openSync(join(dir, "lines.jsonl"), "r+");
    for (let count = 0; count < 100; count += 1) writeSync(lines, `${record(count, page)}\n`);
    closeSync(lines);
    const tellMemory = `process.on("exit",()=>console.error(process.resourceUsage().maxRSS))`;
    const { status, stdout, stderr } = run(
      [dir],
      ["--import", `data:text/javascript,${tellMemory}`],
    );
    expect(status).toBe(4);
    expect(Number(stderr) * 1024).toBeLessThan(256 * 2 ** 20);
    expect(stdout).toContain("101 records");
    expect(stdout).toContain(`is ${400 * 2 ** 20 - record(1).length - 1} NUL bytes`);
  });
});
