/**
 * docs/doctor.md is true: each of its examples prints what it shows, byte for byte, and its words are the command's.
 *
 * Method: every example is run by a shell, beside copies of the two directories. After a wanted change,
 * TASKWAL_WRITE_DOCS=1 writes what is printed into the document, to be read in the diff.
 */
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findingKinds } from "@taskwal/doctor";
import stringWidth from "string-width";
import { afterAll, describe, expect, it } from "vitest";
import { consoleExamples } from "./console-examples.ts";
import { codeSpans, repository, section, tableRows, textOf } from "./documents.ts";

const cwd = mkdtempSync(join(tmpdir(), "taskwal-doctor-"));
cpSync(join(repository, "packages/taskwal/example"), join(cwd, "example"), { recursive: true });
cpSync(join(repository, "test/fixtures/sessions"), join(cwd, "sessions"), { recursive: true });
const examples = consoleExamples(cwd);
afterAll(() => {
  examples.close();
  rmSync(cwd, { recursive: true });
});

describe("docs/doctor.md", () => {
  const text = textOf("docs/doctor.md");
  const commands = examples.commandsOf(text);

  it("shows what each of its examples prints, byte for byte", () => {
    const now = examples.filled(text);
    if (process.env["TASKWAL_WRITE_DOCS"]) writeFileSync(join(repository, "docs/doctor.md"), now);
    expect(now).toBe(textOf("docs/doctor.md"));
    expect(commands.length).toBeGreaterThanOrEqual(4);
  });

  it("has examples that fit 80 columns", () => {
    for (const command of commands.filter((one) => !one.includes("--json")))
      for (const line of examples.printed(command).split("\n"))
        expect(stringWidth(line), line).toBeLessThanOrEqual(80);
  });

  it("explains each kind of finding, and no other", () => {
    const rows = tableRows(section(text, "## What it says"));
    expect(rows.map(([word = ""]) => codeSpans(word)[0])).toEqual([...findingKinds]);
  });
});
