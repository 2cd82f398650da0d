/**
 * docs/commands.md is what the command says of itself, and each of its examples does what it is there for.
 *
 * Method: the verbs are those that `taskwal --help` lists; the page is written from the help of each and compared; every
 * example is run by a shell beside three directories: the bundled crashed store, one that is well, and a legacy one.
 * After a wanted change, TASKWAL_WRITE_DOCS=1 writes the page, to be read in the diff.
 */
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { openStore, openTaskStore } from "taskwal";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { repository, textOf } from "./documents.ts";
import { firstModel, secondModel } from "./world/migrating-model.ts";

const page = "docs/commands.md";
const command = join(repository, "packages/taskwal/bin/taskwal.js");
const root = mkdtempSync(join(tmpdir(), "taskwal-commands-"));
afterAll(() => rmSync(root, { recursive: true }));

/** Parts of a help text by their headings. */
const helpOf = (...words: string[]): Readonly<Record<string, readonly string[]>> => {
  const { stdout } = spawnSync(process.execPath, [command, ...words, "--help"], {
    encoding: "utf8",
  });
  const parts = stdout.trimEnd().split("\n\n").slice(1);
  return Object.fromEntries(
    parts.map((part) => {
      const [heading = "", ...lines] = part.split("\n");
      return [heading.replace(/:$/, ""), lines];
    }),
  );
};

/** `  --at <point>   As it was (default: @last)`: flags, meaning, default. */
const columnsOf = (line: string): readonly string[] => {
  const [flags = "", text = ""] = line.trim().split(/ {2,}/);
  const byDefault = /^(.*?) \(default: (.*)\)\s*$/.exec(text);
  return [flags, byDefault?.[1] ?? text.trim(), byDefault?.[2] ?? ""];
};

const cell = (text: string): string => text.replaceAll("|", String.raw`\|`).replaceAll("<", "&lt;");

interface Verb {
  readonly name: string;
  readonly usage: string;
  readonly does: string;
  readonly options: readonly (readonly string[])[];
  readonly examples: readonly string[];
}

const readVerbs = (): readonly Verb[] =>
  (helpOf()["Commands"] ?? []).map((line) => {
    const [usage = "", does = ""] = columnsOf(line);
    const name = usage.split(" ")[0] ?? "";
    const { Options = [], Examples = [] } = helpOf(name);
    return {
      name,
      usage,
      does: line.trim().slice(usage.length).trim() || does,
      options: Options.map(columnsOf).filter(([flags]) => !flags?.startsWith("-h,")),
      examples: Examples.map((example) => example.replace(/^\$ /, "")),
    };
  });

const pageOf = (verbs: readonly Verb[]): string => `# The command \`taskwal\`

Every verb, with its words, options and defaults. This page is made from what \`taskwal VERB --help\` says, and each example on it is run by a
test. What the answers look like: [replay.md](replay.md) for reading, [salvage-and-export.md](salvage-and-export.md) for what goes elsewhere.

The directory is the one that is named, else \`STATE_PATH\`, else \`./coding-agent-state\`; the examples read that one. \`<word>\` is needed, \`[word]\` is not.

## Exit codes

The same number means the same of every verb.

| | |
|---|---|
${(helpOf()["Exit codes"] ?? [])
  .join("\n")
  // A meaning that is longer than a line goes on below it.
  .replaceAll(/\n {4,}/g, " ")
  .split("\n")
  .map((line) => `| ${line.trim().replace(/ {2,}/, " | ")} |`)
  .join("\n")}

${verbs.map(sectionOf).join("\n")}`;

const sectionOf = ({ usage, does, options, examples }: Verb): string => `## \`taskwal ${usage}\`

${cell(does)}.

${options.length === 0 ? "" : `| option | | default |\n|---|---|---|\n${options.map(([flags = "", text = "", byDefault = ""]) => `| \`${flags}\` | ${cell(text)} | ${cell(byDefault)} |`).join("\n")}\n\n`}\`\`\`sh
${examples.join("\n")}
\`\`\`
`;

describe("docs/commands.md", () => {
  let verbs: readonly Verb[] = [];
  beforeAll(() => {
    verbs = readVerbs();
  }, 120_000);

  it("is what every verb says of itself", () => {
    const now = pageOf(verbs);
    if (process.env["TASKWAL_WRITE_DOCS"]) writeFileSync(join(repository, page), now);
    expect(now).toBe(textOf(page));
    expect(verbs.length).toBeGreaterThan(25);
  });

  it("has an example of every verb, and no option that is not told what it does", () => {
    for (const { name, does, options, examples } of verbs) {
      expect(examples, name).not.toEqual([]);
      for (const example of examples) expect(example).toMatch(new RegExp(`^taskwal ${name}( |$)`));
      expect(does, name).not.toBe("");
      for (const [flags, text] of options) expect(text, `${name} ${flags}`).not.toBe("");
    }
  });

  it("has examples that all run as they stand", async () => {
    const bin = join(root, "bin");
    mkdirSync(bin);
    writeFileSync(
      join(bin, "taskwal"),
      `#!/bin/sh\nexec "${process.execPath}" "${command}" "$@"\n`,
    );
    chmodSync(join(bin, "taskwal"), 0o755);
    const made = join(root, "made");
    await makePlace(made);
    for (const { name, examples } of verbs) {
      for (const [index, example] of examples.entries()) {
        const cwd = join(root, `${name}-${index}`);
        cpSync(made, cwd, { recursive: true });
        // It follows for as long as nobody says that it is enough.
        const follows = example.includes("tail -f");
        const words = follows ? `timeout --preserve-status -s INT 5 ${example}` : example;
        const { status, stderr } = spawnSync("/bin/sh", ["-c", words], {
          cwd,
          encoding: "utf8",
          env: { PATH: `${bin}:${process.env["PATH"]}`, HOME: root },
          timeout: 120_000,
        });
        expect(stderr, example).toBe("");
        // 1 and 4 are answers: something was found.
        expect(follows ? [130] : [0, 1, 4], example).toContain(status);
        for (const file of /--out (\S+)|> (\S+)/.exec(example)?.slice(1).filter(Boolean) ?? [])
          expect(existsSync(join(cwd, file)), example).toBe(true);
      }
    }
  }, 300_000);
});

/** What the examples are run beside. */
const makePlace = async (dir: string): Promise<void> => {
  cpSync(join(repository, "packages/taskwal/example-crashed"), join(dir, "coding-agent-state"), {
    recursive: true,
  });
  cpSync(join(repository, "packages/taskwal/example"), join(dir, "old-state"), { recursive: true });
  mkdirSync(join(dir, "session"));
  const sessions = join(root, ".claude/projects");
  mkdirSync(sessions, { recursive: true });
  writeFileSync(join(sessions, "a.jsonl"), '{"type":"user","uuid":"u"}\n');
  const store = await openTaskStore({ dir: join(dir, "state") });
  await store.create({ id: "6f1c07a2", description: "Fix the login test", tool: "CLAUDECODE" });
  await store.close();
  for (const model of [firstModel, secondModel])
    await (await openStore({ dir: join(dir, "migrated"), model })).close();
  const library = pathToFileURL(join(repository, "packages/taskwal/dist/index.js")).href;
  writeFileSync(join(dir, "new-model.mjs"), `export { taskModel as model } from "${library}";\n`);
};
