/**
 * `taskwal export` as a shell runs it: the same bytes for the same range, nothing that was to stay, nothing written where
 * nothing may be, and nothing left of what failed. What is in the files: export-readers.test.ts.
 */
import { spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeRuns } from "./export/make-runs.ts";
import { command, exampleCrashed, runIn } from "./export/run-export.ts";

const root = mkdtempSync(join(tmpdir(), "taskwal-export-"));
afterAll(() => rmSync(root, { recursive: true }));
const run = runIn(root);
const runs = join(root, "runs");
beforeAll(() => makeRuns(runs));

const formats = ["ndjson", "csv", "perfetto", "otlp", "mermaid"] as const;
const exported = (...words: readonly string[]): string => {
  const { stdout, stderr } = run(["export", ...words]);
  expect(stderr).toBe("");
  return stdout;
};
const linesOf = (text: string): Record<string, unknown>[] =>
  text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);

describe.each(formats)("an export as %s", (format) => {
  it("of the same range has the same bytes, and writes nothing in the directory", () => {
    const tree = (): string[] =>
      readdirSync(runs, { recursive: true, encoding: "utf8" })
        .toSorted()
        .map((name) => `${name} ${statSync(join(runs, name)).mtimeMs}`);
    const before = tree();
    const text = exported(runs, "--format", format);
    expect(text).not.toBe("");
    expect(exported(runs, "--format", format)).toBe(text);
    expect(tree()).toEqual(before);
  });

  it("tells the gap of a damaged log, and that what it says has crossed it", () => {
    const text = exported(exampleCrashed, "--format", format);
    expect(text).toContain("no line verifies here");
    if (format !== "csv") expect(text).toContain("crossed-gap");
    // And does not where the range does not have it.
    expect(exported(exampleCrashed, "--format", format, "--to", "9")).not.toContain("no line");
  });

  it("holds nothing of a redacted field, and says what is left out", () => {
    const hide = ["task.description", "task.logs.message", "session.status", "task.status"];
    const words = hide.flatMap((path) => ["--redact", path]);
    const text = exported(runs, "--format", format, ...words);
    for (const secret of ["SECRET", "pending", "in_progress"]) expect(text).not.toContain(secret);
    if (format !== "csv") expect(text).toContain("session.status");
    expect(exported(runs, "--format", format)).toContain("in_progress");
  });

  it("has nothing in it that a terminal acts on", () => {
    for (const line of exported(runs, "--format", format).split(/\r?\n/))
      expect(line).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u);
  });

  it("takes a closed pipe for the end, silently", () => {
    const script = `"${process.execPath}" "${command}" export "${runs}" --format ${format} | head -1; exit "\${PIPESTATUS[0]}"`;
    const { status, stdout, stderr } = spawnSync("bash", ["-c", script], {
      encoding: "utf8",
      env: { PATH: process.env["PATH"], HOME: root, NO_COLOR: "1" },
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout.split(/\r?\n/)).toHaveLength(2);
  });

  it("is the same of a log whose line ends some tool turned into those of Windows", () => {
    const dir = join(root, `crlf-${format}`);
    cpSync(runs, dir, { recursive: true });
    for (const name of readdirSync(join(dir, "wal")).filter((one) => one.endsWith(".jsonl"))) {
      const text = readFileSync(join(dir, "wal", name), "utf8");
      writeFileSync(join(dir, "wal", name), text.replaceAll("\n", "\r\n"));
    }
    expect(exported(dir, "--format", format)).toBe(exported(runs, "--format", format));
  });

  it("into a file is what stdout gets, for nobody else to read", () => {
    const file = join(root, `out.${format}`);
    const { stdout, stderr, status } = run(["export", runs, "--format", format, "--out", file]);
    expect({ stderr, status }).toEqual({ stderr: "", status: 0 });
    expect(readFileSync(file, "utf8")).toBe(exported(runs, "--format", format));
    expect(statSync(file).mode & 0o777).toBe(0o600);
    for (const line of stdout.split("\n")) expect(line.length).toBeLessThanOrEqual(80);
    expect(stdout).not.toContain("\u001B");
  });
});

describe("taskwal export", () => {
  it("as NDJSON is what `log --json` prints, with a line that says what it is", () => {
    const [head, ...rest] = linesOf(exported(exampleCrashed));
    expect(head).toMatchObject({ v: 1, kind: "export", after: 0, to: 17, gaps: 1, redacted: [] });
    expect(rest).toEqual(linesOf(run(["log", exampleCrashed, "--json"]).stdout));
  });

  it("takes a range from points: --from is not in it, --to is, and is --at by default", () => {
    const sequences = (...words: string[]): unknown[] =>
      linesOf(exported(exampleCrashed, ...words)).flatMap(({ kind, sequence }) =>
        kind === "record" ? [sequence] : [],
      );
    expect(sequences("--from", "12", "--to", "boot:3")).toEqual([13, 14]);
    expect(sequences("--from", "@last~2", "--at", "@last")).toEqual([16, 17]);
    expect(sequences("--at", "close", "--from=close~1")).toEqual([7]);
  });

  it("of one entity leaves the others out, and no gap", () => {
    const steps = linesOf(exported(exampleCrashed, "--entity", "70"));
    expect(steps.flatMap(({ kind, id }) => (kind === "record" ? [id] : []))).toEqual(
      Array.from({ length: 4 }, () => "70be9d41"),
    );
    expect(steps.some(({ kind }) => kind === "gap")).toBe(true);
  });

  it("of a range without a record has exit code 1, as a search that finds nothing", () => {
    for (const format of formats) {
      const { status, stderr } = run(["export", runs, "--format", format, "--entity", "nobody"]);
      expect({ status, stderr }, format).toEqual({ status: 1, stderr: "" });
    }
  });

  it.each([
    [["--format", "xml"], /--format is one of ndjson, csv, perfetto, otlp, mermaid, not "xml"/],
    [["--from", "9", "--to", "3"], /--from is @9, behind @3/],
    [["--from", "nonsense"], /no point/],
    [["--format", "csv", "--json"], /needs --out/],
    [["--out", join(exampleCrashed, "x.json")], /in which nothing is written/],
    [["--out", join(exampleCrashed, "wal/x.json")], /in which nothing is written/],
    [["--out", "/nowhere/at/all"], /cannot write \/nowhere\/at\/all: ENOENT/],
  ])("refuses %j with exit code 2 and says why", (words, why) => {
    const { status, stdout, stderr } = run(["export", exampleCrashed, ...words]);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toMatch(why);
  });

  it("writes no file over, and says in JSON what it wrote", () => {
    const file = join(root, "once.csv");
    const words = ["export", exampleCrashed, "--format", "csv", "--out", file];
    const { stdout } = run([...words, "--json", "--redact", "task.tool"]);
    expect(JSON.parse(stdout)).toEqual({
      v: 1,
      kind: "export",
      file,
      format: "csv",
      bytes: statSync(file).size,
      after: 0,
      to: 17,
      records: 16,
      lost: 1,
      trust: "crossed-gap",
      redacted: ["task.tool"],
    });
    const before = readFileSync(file, "utf8");
    const again = run(words);
    expect([again.status, again.stderr]).toEqual([2, expect.stringContaining("there already")]);
    expect(readFileSync(file, "utf8")).toBe(before);
  });

  it("leaves no file behind where the disk does not take it all", () => {
    const file = join(root, "half.ndjson");
    // Read once before: the cache is not to be what fails.
    exported(exampleCrashed);
    const script = `ulimit -f 1; exec "${process.execPath}" "${command}" export "${exampleCrashed}" --out "${file}"`;
    const { status, stderr } = spawnSync("bash", ["-c", script], {
      encoding: "utf8",
      env: { PATH: process.env["PATH"], HOME: root },
    });
    expect(status).toBe(3);
    expect(stderr).toMatch(/EFBIG/);
    expect(existsSync(file)).toBe(false);
  });
});

describe("a Mermaid diagram", () => {
  it("holds only what its own grammar has, whatever statuses there are", () => {
    const [rule, title, end, kind, ...lines] = exported(runs, "--format", "mermaid")
      .trimEnd()
      .split("\n");
    expect([rule, end, kind]).toEqual(["---", "---", "stateDiagram-v2"]);
    expect(title).toMatch(/^title: "\d+ entities, @0\.\.@\d+, verified"$/);
    const label = String.raw`[\p{L}\p{N} _.,:@/…#;-]*`;
    const node = String.raw`(\[\*\]|s\d+)`;
    for (const line of lines)
      expect(line).toMatch(
        new RegExp(`^  (state "${label}" as s\\d+|${node} --> ${node} : ${label})$`, "u"),
      );
    // A sign that is written as its number, and nothing else, has a "#".
    expect(lines.join("").replaceAll(/#\d+;/g, "")).not.toMatch(/[#;]/);
  });

  it("counts each step from one status to the next, those of a deleted task too", () => {
    const text = exported(runs, "--format", "mermaid", "--entity", "task.b");
    expect(text).toMatch(/\[\*\] --> s0 : @\d+\n {2}s0 --> s1 : @\d+\n {2}s1 --> \[\*\] : @\d+\n$/);
    expect(exported(runs, "--format", "mermaid", "--entity", "session")).toMatch(
      / --> s1 : 7 times, @\d+ … @\d+|s\d+ --> s1 : @\d+/,
    );
  });
});
