/**
 * Console examples of a document: each `$ taskwal …` of a ```console block, and what it prints.
 *
 * The rule: a shell runs them as they stand, and all that a reader sees is compared, byte for byte.
 */
import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { repository } from "./documents.ts";

const block = /```console\n([^]*?)```/g;

const commandsOf = (text: string): string[] =>
  text
    .split("\n")
    .filter((line) => line.startsWith("$ "))
    .map((line) => line.slice(2));

export interface ConsoleExamples {
  /** Those of a text, in its order. */
  readonly commandsOf: (text: string) => readonly string[];
  /** What the command printed, from its first run on. */
  readonly printed: (command: string) => string;
  /** The text with what each of its examples prints. */
  readonly filled: (text: string) => string;
  readonly close: () => void;
}

export const consoleExamples = (
  cwd: string,
  environment: Readonly<Record<string, string>> = {},
): ConsoleExamples => {
  const bin = mkdtempSync(join(tmpdir(), "taskwal-doc-"));
  const command = join(repository, "packages/taskwal/bin/taskwal.js");
  writeFileSync(join(bin, "taskwal"), `#!/bin/sh\nexec "${process.execPath}" "${command}" "$@"\n`);
  chmodSync(join(bin, "taskwal"), 0o755);
  const known = new Map<string, string>();
  const run = (words: string): string => {
    const { stdout, stderr } = spawnSync("/bin/sh", ["-c", words], {
      encoding: "utf8",
      cwd,
      env: {
        PATH: `${bin}:${process.env["PATH"]}`,
        HOME: bin,
        ...environment,
      },
    });
    return stdout + stderr;
  };
  const printed = (words: string): string => {
    const text = known.get(words) ?? run(words);
    known.set(words, text);
    return text;
  };
  return {
    printed,
    commandsOf: (text) => [...text.matchAll(block)].flatMap(([, body = ""]) => commandsOf(body)),
    filled: (text) =>
      text.replaceAll(block, (_, body: string) => {
        const parts = commandsOf(body).map((words) => `$ ${words}\n${printed(words)}`);
        return `\`\`\`console\n${parts.join("")}\`\`\``;
      }),
    close: () => rmSync(bin, { recursive: true }),
  };
};
