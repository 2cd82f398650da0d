/**
 * docs/replay.md is true: each of its examples prints what it shows, byte for byte, and fits 80 columns.
 *
 * Method: every `$ taskwal …` of a console block is run by a shell on the bundled example. After a wanted change,
 * TASKWAL_WRITE_DOCS=1 writes what is printed into the document, to be read in the diff.
 */
import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import stringWidth from "string-width";
import { afterAll, describe, expect, it } from "vitest";
import { repository, textOf } from "./documents.ts";

const bin = mkdtempSync(join(tmpdir(), "taskwal-doc-"));
afterAll(() => rmSync(bin, { recursive: true }));
writeFileSync(
  join(bin, "taskwal"),
  `#!/bin/sh\nexec "${process.execPath}" "${join(repository, "packages/taskwal/bin/taskwal.js")}" "$@"\n`,
);
chmodSync(join(bin, "taskwal"), 0o755);

const run = (command: string): string => {
  const { stdout, stderr } = spawnSync("/bin/sh", ["-c", command], {
    encoding: "utf8",
    cwd: join(repository, "packages/taskwal"),
    env: { PATH: `${bin}:${process.env["PATH"]}`, STATE_PATH: "example-crashed" },
  });
  // Help begins with the version, which is no part of an example.
  return (stdout + stderr).replace(/^taskwal\/\S+\n\n/, "");
};

const block = /```console\n([^]*?)```/g;
const commandsOf = (text: string): string[] =>
  text
    .split("\n")
    .filter((line) => line.startsWith("$ taskwal"))
    .map((line) => line.slice(2));
const filled = (text: string): string =>
  text.replaceAll(block, (_, body: string) => {
    const parts = commandsOf(body).map((command) => `$ ${command}\n${run(command)}`);
    return `\`\`\`console\n${parts.join("")}\`\`\``;
  });

describe("docs/replay.md", () => {
  const text = textOf("docs/replay.md");
  const commands = [...text.matchAll(block)].flatMap(([, body = ""]) => commandsOf(body));

  it("shows what each of its examples prints, byte for byte", () => {
    const now = filled(text);
    if (process.env["TASKWAL_WRITE_DOCS"]) writeFileSync(join(repository, "docs/replay.md"), now);
    expect(now).toBe(textOf("docs/replay.md"));
    expect(commands.length).toBeGreaterThan(18);
  });

  it("has examples that fit 80 columns, and answers for machines that are JSON with v and kind", () => {
    for (const command of commands.filter((one) => !/--help/.test(one))) {
      if (!command.includes("--json")) {
        for (const line of run(command).split("\n"))
          expect(stringWidth(line), `${command}: ${line}`).toBeLessThanOrEqual(80);
      }
      const machine = run(command.includes("--json") ? command : `${command} --json`);
      for (const line of machine.trimEnd().split("\n")) {
        expect(JSON.parse(line), command).toMatchObject({
          v: 1,
          kind: expect.any(String) as string,
        });
      }
    }
  });
});
