/**
 * docs/replay.md is true: each of its examples prints what it shows, byte for byte, and fits 80 columns.
 *
 * Method: every `$ taskwal …` of a console block is run by a shell on the bundled example. After a wanted change,
 * TASKWAL_WRITE_DOCS=1 writes what is printed into the document, to be read in the diff.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import stringWidth from "string-width";
import { afterAll, describe, expect, it } from "vitest";
import { consoleExamples } from "./console-examples.ts";
import { repository, textOf } from "./documents.ts";

const examples = consoleExamples(join(repository, "packages/taskwal"), {
  STATE_PATH: "example-crashed",
});
afterAll(examples.close);

describe("docs/replay.md", () => {
  const text = textOf("docs/replay.md");
  const commands = examples.commandsOf(text);

  it("shows what each of its examples prints, byte for byte", () => {
    const now = examples.filled(text);
    if (process.env["TASKWAL_WRITE_DOCS"]) writeFileSync(join(repository, "docs/replay.md"), now);
    expect(now).toBe(textOf("docs/replay.md"));
    expect(commands.length).toBeGreaterThan(18);
  }, 120_000);

  it("has examples that fit 80 columns, and answers for machines that are JSON with v and kind", () => {
    for (const command of commands) {
      if (!command.includes("--json")) {
        for (const line of examples.printed(command).split("\n"))
          expect(stringWidth(line), `${command}: ${line}`).toBeLessThanOrEqual(80);
      }
      const machine = examples.printed(command.includes("--json") ? command : `${command} --json`);
      for (const line of machine.trimEnd().split("\n")) {
        expect(JSON.parse(line), command).toMatchObject({
          v: 1,
          kind: expect.any(String) as string,
        });
      }
    }
  }, 120_000);
});
