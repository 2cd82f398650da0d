/**
 * The verbs that read a directory, as a shell runs them: what goes where, with which exit code, and nothing written.
 *
 * Method: the command as a process; the bundled example, and a store whose content means harm. Damaged directories are in
 * verbs-harmed.test.ts.
 */
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openTaskStore } from "taskwal";
import { afterAll, describe, expect, it } from "vitest";
import { repository } from "./documents.ts";

const root = mkdtempSync(join(tmpdir(), "taskwal-reading-"));
afterAll(() => rmSync(root, { recursive: true }));
const example = join(repository, "packages/taskwal/example-crashed");
const command = join(repository, "packages/taskwal/bin/taskwal.js");
const env = { PATH: process.env["PATH"] ?? "", HOME: root };
const run = (words: readonly string[], more: Record<string, string> = {}) =>
  spawnSync(process.execPath, [command, ...words], {
    encoding: "utf8",
    cwd: root,
    env: { ...env, ...more },
    timeout: 30_000,
  });
const tree = (dir: string): string[] =>
  readdirSync(dir, { recursive: true, encoding: "utf8" })
    .toSorted()
    .map((name) => {
      const { mtimeMs, size } = statSync(join(dir, name));
      return `${name} ${mtimeMs} ${size}`;
    });

/** Each verb, with words that it takes of any task store. */
const verbs: readonly (readonly string[])[] = [
  ["info"],
  ["ls"],
  ["boots"],
  ["log"],
  ["show", "@last"],
  ["state"],
  ["state", "6f"],
  ["report"],
  ["diff", "@0..@last"],
  ["blame", "6f"],
  ["trace", "6f"],
  ["bisect", "6f", "--when", 'status == "failed"'],
  ["verify"],
  ["export"],
];
/** These answer in a format of their own, without --json. */
const exports = ["csv", "perfetto", "otlp", "mermaid"].map((name) => ["export", "--format", name]);

describe("a reading verb", () => {
  it.each([...verbs, ...exports].map((words) => [words.join(" "), words] as const))(
    "writes nothing in the directory: %s",
    (_, words) => {
      const before = tree(example);
      const { status, stderr } = run([...words, "-C", example]);
      expect(stderr).toBe("");
      expect([0, 1, 4]).toContain(status);
      expect(tree(example)).toEqual(before);
    },
  );

  it("takes a closed pipe for the end, silently", () => {
    const script = `"${process.execPath}" "${command}" log -C "${example}" | head -1; exit "\${PIPESTATUS[0]}"`;
    const { status, stdout, stderr } = spawnSync("bash", ["-c", script], { encoding: "utf8", env });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout.split("\n")).toHaveLength(2);
  });

  it("has no escape code without a terminal or with NO_COLOR, and colours with FORCE_COLOR", () => {
    expect(run(["verify", example]).stdout).not.toContain("\u001B");
    expect(run(["verify", example], { NO_COLOR: "1" }).stdout).not.toContain("\u001B");
    expect(run(["verify", example], { FORCE_COLOR: "1" }).stdout).toContain("\u001B[31merror");
  });

  it.each(["nonsense", "boot:9", "mark:none", "@99", "2026-13-45", "", "-1", "~"])(
    'refuses the point "%s" with exit code 2 and what there is',
    (point) => {
      const { status, stdout, stderr } = run(["state", `--at=${point}`, "--json", "-C", example]);
      expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
      expect(stderr).toMatch(/^taskwal: .*(point|boot|mark|missing)/);
    },
  );

  it("of a directory that is not there has exit code 3, and makes none", () => {
    const { status, stdout } = run(["info", join(root, "nowhere")]);
    expect({ status, stdout }).toEqual({ status: 3, stdout: "" });
    expect(readdirSync(root)).not.toContain("nowhere");
  });

  it("finds its directory by -C, the last word, or STATE_PATH", () => {
    const shown = run(["boots", "-C", example]).stdout;
    expect(shown).toContain("clean");
    expect(run(["boots", example]).stdout).toBe(shown);
    expect(run(["boots"], { STATE_PATH: example }).stdout).toBe(shown);
  });

  it("runs no code from the directory that it looks at", () => {
    const dir = join(root, "trap");
    cpSync(example, dir, { recursive: true });
    writeFileSync(join(dir, "model.mjs"), "console.log('ran'); process.exit(0);");
    const { status, stdout } = run(["replay", "--model", join(dir, "model.mjs"), "-C", dir]);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
  });
});

describe("what agents wrote", () => {
  it("reaches no terminal raw, and machines unchanged", async () => {
    const dir = join(root, "harm");
    const description = "\u001B]0;owned\u0007\u009B31m\u202Etxt.exe\u2066\r\nnext \uD800 end";
    const store = await openTaskStore({ dir });
    await store.create({ id: "evil\u001B[2J", description, tool: "T" }, { actor: "a\u0007" });
    await store.close();
    for (const words of [
      ["log"],
      ["state"],
      ["show", "2"],
      ["trace", "evil"],
      ["blame", "evil"],
      ["report", "--by", "actor"],
    ]) {
      for (const json of [[], ["--json"]]) {
        const { stdout, status } = run([...words, ...json, "-C", dir]);
        expect(status).toBe(0);
        expect(stdout.replaceAll("\n", "")).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}]/u);
      }
    }
    const { stdout } = run(["state", "evil", "--json", "-C", dir]);
    expect(JSON.parse(stdout)).toMatchObject({ value: { description } });
  });

  it("is left out of every answer where --redact names its field", async () => {
    const dir = join(root, "secret");
    const store = await openTaskStore({ dir });
    await store.create({ id: "6f", description: "SECRET one", tool: "T" });
    await store.update("6f", { description: "SECRET two", status: "failed" });
    await store.log("6f", { level: "info", type: "output", message: "SECRET three" });
    await store.close();
    const hide = ["--redact", "task.description", "--redact", "task.logs.message"];
    for (const words of verbs) {
      for (const json of [[], ["--json"]]) {
        const { stdout } = run([...words, ...json, ...hide, "-C", dir]);
        expect(stdout).not.toContain("SECRET");
        expect(stdout).not.toBe("");
      }
    }
    expect(run(["trace", "6f", "-C", dir]).stdout).toContain("SECRET");
  }, 300_000);
});

describe("taskwal completion", () => {
  it.each(["bash", "zsh", "fish"])("for %s names every verb, those that write too", (shell) => {
    const { stdout, status } = run(["completion", shell]);
    expect(status).toBe(0);
    for (const verb of ["log", "bisect", "export", "mark", "compact", "import"])
      expect(stdout).toContain(verb);
    expect(stdout).toContain(shell === "fish" ? "-l redact" : "--redact");
  });

  it("for bash is a script that bash takes, and completes", () => {
    const script = `${run(["completion", "bash"]).stdout}\nCOMP_WORDS=(taskwal bi); COMP_CWORD=1; _taskwal; echo "$COMPREPLY"`;
    expect(spawnSync("bash", ["-c", script], { encoding: "utf8" }).stdout).toBe("bisect\n");
  });
});
