/**
 * docs/salvage-and-export.md is true of salvage, restore and fork: each of their examples prints what it shows, byte for
 * byte, and fits 80 columns.
 *
 * Method: every `$ taskwal …` of their sections is run by a shell beside a copy of the bundled example. After a wanted
 * change, TASKWAL_WRITE_DOCS=1 writes what is printed into the document, to be read in the diff.
 */
import { cpSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import stringWidth from "string-width";
import { afterAll, describe, expect, it } from "vitest";
import { consoleExamples, type ConsoleExamples } from "./console-examples.ts";
import { repository, textOf } from "./documents.ts";
import { scratchDirectories, treeOf } from "./world/scratch.ts";

const file = "docs/salvage-and-export.md";
const example = join(repository, "packages/taskwal/example-crashed");
const scratch = scratchDirectories();
const opened: ConsoleExamples[] = [];
afterAll(() => opened.forEach(({ close }) => close()));

/** Beside a copy of the bundled example. */
const examplesIn = (cwd: string): ConsoleExamples => {
  cpSync(example, join(cwd, "example-crashed"), { recursive: true });
  const examples = consoleExamples(cwd);
  opened.push(examples);
  return examples;
};

describe(file, () => {
  const sections = textOf(file).split(/^(?=## )/m);
  const isOurs = (section: string): boolean => /^## (Salvage|Restore|Fork)/.test(section);
  const text = sections.filter(isOurs).join("");

  it("shows what each example of salvage, restore and fork prints, byte for byte, and none changes what it reads", () => {
    const cwd = scratch();
    const examples = examplesIn(cwd);
    const now = sections.map((one) => (isOurs(one) ? examples.filled(one) : one)).join("");
    if (process.env["TASKWAL_WRITE_DOCS"]) writeFileSync(join(repository, file), now);
    expect(now).toBe(textOf(file));
    expect(examples.commandsOf(text).length).toBeGreaterThan(10);
    expect(treeOf(join(cwd, "example-crashed"))).toEqual(treeOf(example));
  }, 60_000);

  it("has examples that fit 80 columns, and answers for machines that are one object with v and kind", () => {
    const [people, machines] = [examplesIn(scratch()), examplesIn(scratch())];
    for (const command of people.commandsOf(text)) {
      for (const line of people.printed(command).split("\n"))
        expect(stringWidth(line), `${command}: ${line}`).toBeLessThanOrEqual(80);
      const [, verb = ""] = command.split(" ");
      if (!["salvage", "restore", "fork"].includes(verb)) continue;
      const printed = machines.printed(`${command} --json`);
      if (printed.startsWith("taskwal: ")) continue;
      expect(JSON.parse(printed), command).toMatchObject({ v: 1, kind: verb });
    }
  }, 60_000);
});
