/**
 * "## Export" and "## Marks" of docs/salvage-and-export.md are true: each example prints what it shows, within 80 columns.
 *
 * Method: as replay-doc.test.ts; TASKWAL_WRITE_DOCS=1 writes what is printed into the document.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import stringWidth from "string-width";
import { afterAll, describe, expect, it } from "vitest";
import { consoleExamples } from "./console-examples.ts";
import { repository, section, textOf } from "./documents.ts";

const page = "docs/salvage-and-export.md";
const examples = consoleExamples(join(repository, "packages/taskwal"), {
  STATE_PATH: "example-crashed",
});
afterAll(examples.close);

describe(page, () => {
  it("shows what each example of an export prints, byte for byte", () => {
    const text = textOf(page);
    const part = section(text, "## Export");
    const now = text.replace(part, () => examples.filled(part));
    if (process.env["TASKWAL_WRITE_DOCS"]) writeFileSync(join(repository, page), now);
    expect(now).toBe(textOf(page));
    expect(examples.commandsOf(part).length).toBeGreaterThan(7);
  }, 120_000);

  it("has examples of exports whose lines fit 80 columns, but for those for machines", () => {
    for (const command of examples.commandsOf(section(textOf(page), "## Export"))) {
      if (/--json|^taskwal export --from/.test(command)) continue;
      for (const line of examples.printed(command).split("\n"))
        expect(stringWidth(line), `${command}: ${line}`).toBeLessThanOrEqual(80);
    }
  }, 120_000);
});
