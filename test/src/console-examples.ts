/**
 * The examples of a document: every `$ taskwal …` of a console block, and what a shell prints of it.
 *
 * The rule: all that a reader sees of an example is compared, byte for byte.
 */
import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { repository } from "./documents.ts";

export interface Examples {
  /** What the command prints. */
  readonly run: (command: string) => string;
  /** The document, with what its examples print now. */
  readonly filled: (text: string) => string;
  readonly close: () => void;
}

export const openExamples = ({
  cwd,
  environment = {},
}: {
  readonly cwd: string;
  readonly environment?: Readonly<Record<string, string>>;
}): Examples => {
  const bin = mkdtempSync(join(tmpdir(), "taskwal-doc-"));
  const command = join(repository, "packages/taskwal/bin/taskwal.js");
  const script = `#!/bin/sh\nexec "${process.execPath}" "${command}" "$@"\n`;
  writeFileSync(join(bin, "taskwal"), script);
  chmodSync(join(bin, "taskwal"), 0o755);
  const run = (line: string): string => {
    const env = { PATH: `${bin}:${process.env["PATH"]}`, ...environment };
    const { stdout, stderr } = spawnSync("/bin/sh", ["-c", line], { encoding: "utf8", cwd, env });
    // Help begins with the version, which is no part of an example.
    return (stdout + stderr).replace(/^taskwal\/\S+\n\n/, "");
  };
  const filled = (text: string): string =>
    text.replaceAll(block, (_, body: string) => {
      const parts = linesOf(body).map((line) => `$ ${line}\n${run(line)}`);
      return `\`\`\`console\n${parts.join("")}\`\`\``;
    });
  return { run, filled, close: () => rmSync(bin, { recursive: true }) };
};

/** Every command of a document's examples. */
export const commandsOf = (text: string): string[] =>
  [...text.matchAll(block)].flatMap(([, body = ""]) => linesOf(body));

const block = /```console\n([^]*?)```/g;
const linesOf = (body: string): string[] =>
  body
    .split("\n")
    .filter((line) => line.startsWith("$ taskwal"))
    .map((line) => line.slice(2));
