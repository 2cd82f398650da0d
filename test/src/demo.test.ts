/**
 * The command, as a person and as a machine run it.
 *
 * Method: child processes of what is built, with a pipe where a terminal would be.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";

const root = mkdtempSync(join(tmpdir(), "taskwal-demo-test-"));
afterAll(() => rmSync(root, { recursive: true }));
const command = join(import.meta.dirname, "../../packages/taskwal/bin/taskwal.js");
const run = (...words: string[]) =>
  spawnSync(process.execPath, [command, ...words], { encoding: "utf8", maxBuffer: 1 << 26 });

describe("taskwal demo", () => {
  it("loses nothing that was acknowledged, tells all damage, and reads plainly at 80 columns", () => {
    const { status, stdout, stderr } = run("demo", "--seed", "7", "--dir", join(root, "plain"));
    expect(stderr).toBe("");
    expect(status).toBe(0);
    // oxlint-disable-next-line no-control-regex -- that none is there is what is tested
    expect(stdout).not.toMatch(/\u001B/);
    expect(stdout.split("\n").filter((line) => line.length > 80)).toEqual([]);
    expect(stdout).toContain("0 missing");
    expect(stdout).toMatch(/LOST: @\d+/);
    expect(stdout).toMatch(/\d+(\.\d)? s\. All of it is kept in /);
  }, 60_000);

  it("gives machines one object whose counts agree, and leaves a taken directory alone", () => {
    const dir = join(root, "json");
    const { status, stdout } = run("demo", "--seed", "8", "--json", "--dir", dir);
    expect(status).toBe(0);
    const result = JSON.parse(stdout) as {
      seed: number;
      imported: { tasks: number; problems: number };
      seconds: number;
      taskwal: { acknowledged: number; recovered: number; missing: number; unreadable: number };
      flip: { isTold: boolean };
      cut: { isTold: boolean };
    };
    expect(result.seed).toBe(8);
    expect(result.imported).toMatchObject({ tasks: 18, problems: 10 });
    expect(result.taskwal.acknowledged).toBeGreaterThan(0);
    expect(result.taskwal).toMatchObject({ missing: 0, unreadable: 0 });
    expect(result.taskwal.recovered).toBeGreaterThanOrEqual(result.taskwal.acknowledged);
    expect(result.seconds).toBeGreaterThan(0);
    expect([result.flip.isTold, result.cut.isTold]).toEqual([true, true]);
    const again = run("demo", "--dir", dir);
    expect(again.status).toBe(2);
    expect(again.stderr).toContain("works in a directory of its own");
  }, 60_000);
});

describe("the command", () => {
  it("answers --help and --version, and says of anything else that it is not a verb", () => {
    expect(run("--help")).toMatchObject({ status: 0 });
    expect(run("--help").stdout).toContain("demo");
    expect(run("--version").stdout).toMatch(/\d+\.\d+\.\d+/);
    expect(run("frobnicate")).toMatchObject({ status: 2, stdout: "" });
    expect(run()).toMatchObject({ status: 2, stdout: "" });
    expect(run("demo", "--nonsense")).toMatchObject({ status: 2, stdout: "" });
    expect(run("demo", "--seed", "x")).toMatchObject({ status: 2, stdout: "" });
    expect(run("import")).toMatchObject({ status: 2, stdout: "" });
  });
});
