/**
 * Bisecting by a command: both ends are asked first, what it cannot tell is not guessed, and what may be hidden is said.
 *
 * Method: commands of a shell that answer by the sequence, on the bundled example of seventeen records.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { repository } from "./documents.ts";

const root = mkdtempSync(join(tmpdir(), "taskwal-bisect-"));
afterAll(() => rmSync(root, { recursive: true }));
const example = join(repository, "packages/taskwal/example-crashed");
const taskwal = join(repository, "packages/taskwal/bin/taskwal.js");
const bisect = (command: string, ...more: readonly string[]) => {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [taskwal, "bisect", "--expensive", command, "-C", example, ...more],
    { encoding: "utf8", cwd: root, env: { PATH: process.env["PATH"] ?? "", HOME: root } },
  );
  return { status, lines: stdout.trimEnd().split("\n"), stderr };
};
/** Code by sequence: 0 below the first, 1 from the second on, 125 between. */
const answers = (no: number, yes: number): string =>
  `cat > /dev/null; [ $TASKWAL_SEQUENCE -lt ${no} ] && exit 0; [ $TASKWAL_SEQUENCE -lt ${yes} ] && exit 125; exit 1`;

it("finds the one place where the answer turns, wherever it is, and says that others may be hidden", () => {
  for (const turn of [1, 2, 8, 13, 17]) {
    const { status, lines } = bisect(answers(turn, turn));
    expect([status, lines[0]]).toEqual([0, "@0 false    @17 true"]);
    expect(lines[1]).toMatch(new RegExp(`^▲ @${turn} .*false → true$`));
    expect(lines.join("\n")).toContain("others may differ: --when finds every flip");
  }
});

it("takes what cannot be told for a stretch in which it may have turned", () => {
  for (const [no, yes] of [
    [3, 12],
    [1, 17],
    [9, 11],
  ] as const) {
    const { status, lines } = bisect(answers(no, yes));
    expect([status, lines[1]]).toEqual([0, expect.stringContaining(`▲ @${yes} `)]);
    expect(lines[2]).toBe(`or earlier: the command cannot tell for @${no}…@${yes - 1}`);
  }
});

it("with both ends alike, or one that cannot be told, searches nothing and has exit code 1", () => {
  for (const [command, ends] of [
    ["exit 0", "@0 false    @17 false"],
    ["exit 3", "@0 true    @17 true"],
    [answers(4, 99), "@0 false    @17 cannot tell"],
  ] as const) {
    const { status, lines } = bisect(command);
    expect([status, lines[0]]).toEqual([1, ends]);
    expect(lines[1]).toMatch(/^-- 2 of 18 states were asked; others may differ/);
  }
});

it("a command that does not answer ends it, and says where", () => {
  for (const [command, what] of [
    ["exit 126", "126"],
    ["exit 200", "200"],
    ["kill -9 $$", "a signal"],
  ] as const)
    expect(bisect(command)).toMatchObject({
      status: 2,
      stderr: expect.stringContaining(`ended with ${what} at @0`) as string,
    });
});

it("the command is handed the state without what is redacted", () => {
  const command = "grep -q 'login.test.ts expects' && exit 1 || exit 0";
  expect(bisect(command).lines[0]).toBe("@0 false    @17 true");
  expect(bisect(command, "--redact", "task.error").lines[0]).toBe("@0 false    @17 false");
});
