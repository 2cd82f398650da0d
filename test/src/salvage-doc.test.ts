/**
 * docs/salvage-and-export.md is true of salvage, restore and fork: each of their examples prints what it shows, byte for
 * byte, and fits 80 columns.
 *
 * Method: every `$ taskwal …` of their sections is run by a shell beside a copy of the bundled example. After a wanted
 * change, TASKWAL_WRITE_DOCS=1 writes what is printed into the document, to be read in the diff.
 */
import { spawnSync } from "node:child_process";
import { chmodSync, cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import stringWidth from "string-width";
import { afterAll, describe, expect, it } from "vitest";
import { repository, textOf } from "./documents.ts";
import { treeOf } from "./world/scratch.ts";

const scratch = mkdtempSync(join(tmpdir(), "taskwal-doc-"));
afterAll(() => rmSync(scratch, { recursive: true }));
writeFileSync(
  join(scratch, "taskwal"),
  `#!/bin/sh\nexec "${process.execPath}" "${join(repository, "packages/taskwal/bin/taskwal.js")}" "$@"\n`,
);
chmodSync(join(scratch, "taskwal"), 0o755);
const example = join(repository, "packages/taskwal/example-crashed");

const place = (): string => {
  const cwd = mkdtempSync(join(scratch, "place-"));
  cpSync(example, join(cwd, "example-crashed"), { recursive: true });
  return cwd;
};

const run = (command: string, cwd: string): { printed: string; status: number | null } => {
  const { stdout, stderr, status } = spawnSync("/bin/sh", ["-c", command], {
    encoding: "utf8",
    cwd,
    env: { PATH: `${scratch}:${process.env["PATH"]}`, XDG_CACHE_HOME: join(scratch, "cache") },
  });
  return { printed: stdout + stderr, status };
};

const ours = /^## (Salvage|Restore|Fork)/;
const block = /```console\n([^]*?)```/g;
const commandsOf = (text: string): string[] =>
  text
    .split("\n")
    .filter((line) => line.startsWith("$ taskwal"))
    .map((line) => line.slice(2));

const filled = (text: string, cwd: string): string =>
  text.replaceAll(block, (_, body: string) => {
    const parts = commandsOf(body).map((command) => `$ ${command}\n${run(command, cwd).printed}`);
    return `\`\`\`console\n${parts.join("")}\`\`\``;
  });

describe("docs/salvage-and-export.md", () => {
  const text = textOf("docs/salvage-and-export.md");
  const sections = text.split(/^(?=## )/m);
  const commands = sections
    .filter((section) => ours.test(section))
    .flatMap((section) =>
      [...section.matchAll(block)].flatMap(([, body = ""]) => commandsOf(body)),
    );

  it("shows what each example of salvage, restore and fork prints, byte for byte, and none changes what it reads", () => {
    const cwd = place();
    const now = sections.map((one) => (ours.test(one) ? filled(one, cwd) : one)).join("");
    if (process.env["TASKWAL_WRITE_DOCS"])
      writeFileSync(join(repository, "docs/salvage-and-export.md"), now);
    expect(now).toBe(textOf("docs/salvage-and-export.md"));
    expect(commands.length).toBeGreaterThan(10);
    expect(treeOf(join(cwd, "example-crashed"))).toEqual(treeOf(example));
  });

  it("has examples that fit 80 columns, and answers for machines that are one object with v and kind", () => {
    const [people, machines] = [place(), place()];
    for (const command of commands) {
      for (const line of run(command, people).printed.split("\n"))
        expect(stringWidth(line), `${command}: ${line}`).toBeLessThanOrEqual(80);
      if (!/^taskwal (salvage|restore|fork) /.test(command)) continue;
      const { printed, status } = run(`${command} --json`, machines);
      if (status === 2) continue;
      expect(JSON.parse(printed), command).toMatchObject({
        v: 1,
        kind: command.split(" ")[1] as string,
      });
    }
  });
});
