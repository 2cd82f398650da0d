/**
 * What `--redact` and $TASKWAL_REDACT hide, of every verb and every format, however the path is written.
 *
 * Method: the command as a process, on a store whose every value of its own begins with SECRET; what is printed is searched.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openTaskStore } from "taskwal";
import { afterAll, beforeAll, expect, it } from "vitest";
import { repository } from "./documents.ts";

const root = mkdtempSync(join(tmpdir(), "taskwal-redaction-"));
afterAll(() => rmSync(root, { recursive: true }));
const command = join(repository, "packages/taskwal/bin/taskwal.js");
const env = { PATH: process.env["PATH"] ?? "", HOME: root };
const dir = join(root, "tasks");
const run = (words: readonly string[], more: Record<string, string> = {}) =>
  spawnSync(process.execPath, [command, ...words], {
    encoding: "utf8",
    cwd: root,
    env: { ...env, STATE_PATH: dir, ...more },
  });

/** Where something stands that is not to leave the machine, and what it says there. */
const secrets = {
  description: "SECRETdescription",
  result: "SECRETresult",
  error: "SECRETerror",
  message: "SECRETmessage",
  name: "SECRETname",
};

beforeAll(async () => {
  const store = await openTaskStore({ dir });
  const { description, error, message, name } = secrets;
  await store.create({ id: "6f", description, tool: "T", metadata: { [name]: { on: 1 } } });
  await store.update("6f", { status: "in_progress", result: { said: secrets.result } });
  await store.log("6f", { level: "info", type: "output", message });
  await store.update("6f", { status: "failed", error, metadata: { [name]: { on: 2 } } });
  await store.close();
});

const verbs = [
  "log",
  "tail",
  "state",
  "state 6f",
  "show 2",
  "show 4",
  "show 5",
  "report",
  "info",
  "diff @0..@last",
  "diff 2..5",
  "blame 6f",
  "trace 6f",
  "verify",
].flatMap((words) => [words, `${words} --json`]);
const exports = ["ndjson", "csv", "perfetto", "otlp", "mermaid"].map(
  (name) => `export --format ${name}`,
);
const all = [...verbs, ...exports].map((words) => words.split(" "));

/** Each row names all that is secret, each time in other words. */
it.each([
  [["tasks.description", "task.error", "task.result.said", "task.logs", "task.metadata"]],
  [['*["description"]', "task.error", "tasks.result", "task.logs[0].message", "task.metadata"]],
])(
  "%j is kept by every verb and every format",
  (paths) => {
    const hide = paths.flatMap((path) => ["--redact", path]);
    for (const words of all) {
      const hidden = run([...words, ...hide]).stdout;
      expect(hidden, words.join(" ")).not.toContain("SECRET");
      expect(hidden, words.join(" ")).not.toBe("");
    }
  },
  300_000,
);

it("without --redact all of it is shown", () => {
  const said = `${run(["state", "--json"]).stdout}${run(["export"]).stdout}`;
  for (const secret of Object.values(secrets)) expect(said).toContain(secret);
});

it("what the environment names is hidden as by --redact, and a file says so", () => {
  const more = { TASKWAL_REDACT: "task.description, task.error" };
  for (const words of all) {
    const { stdout, stderr } = run(words, more);
    expect(stdout).not.toMatch(/SECRET(desc|err)/);
    expect(stderr).toBe("");
  }
  const out = join(root, "out.ndjson");
  const told = JSON.parse(run(["export", "--out", out, "--json"], more).stdout) as object;
  expect(told).toMatchObject({ redacted: ["task.description", "task.error"] });
  expect(readFileSync(out, "utf8")).toContain('"redacted":["task.description","task.error"]');
});

it("a path that names no field is refused before anything is shown", () => {
  const { status, stdout, stderr } = run(["state", "--redact", "description"]);
  expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
  expect(stderr).toContain("such as task.description");
});

it("a path that hid nothing is told on stderr, and one that did is not", () => {
  const words = ["state", "6f", "--redact", "task.descripton", "--redact", "task.error"];
  expect(run(words).stderr).toBe("taskwal: --redact task.descripton hid nothing in this answer\n");
});
