/**
 * The documents tell the truth: what can be compared with the code is compared here.
 *
 *     README's example ─ run      links ─ followed      errors, events ─ against their sources
 *     promises ─ each names a test that exists          (docs-format.test.ts: every byte of format.md)
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { campaigns } from "./campaign/campaigns.ts";
import { readResults } from "./campaign/results.ts";
import { tableOf } from "./campaign/table.ts";
import {
  codeBlock,
  codeSpans,
  markdownFiles,
  repository,
  section,
  tableRows,
  textOf,
} from "./documents.ts";

describe("README.md", () => {
  const example = codeBlock(textOf("README.md"), "ts");

  test("its example runs as printed, and again on the same directory", () => {
    const folder = mkdtempSync(join(tmpdir(), "taskwal-readme-"));
    const run = (): string[] =>
      execFileSync(process.execPath, ["--input-type=module"], {
        // Where "taskwal" is an installed package, as for any user.
        cwd: join(repository, "test"),
        input: example,
        encoding: "utf8",
        env: { ...process.env, STATE_PATH: join(folder, "state") },
        timeout: 30_000,
      })
        .trimEnd()
        .split("\n");
    try {
      expect(run()).toEqual([
        "@3 is now in_progress",
        "@7 is now completed",
        "[ 'editing', 'testing' ] 1",
      ]);
      // The same key makes no second task, and the old version is a conflict.
      expect(run()).toEqual(["it was moved before: now version 6", "[ 'editing', 'testing' ] 1"]);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  test("its example has at most 40 lines, and is the one that is type-checked", () => {
    expect(example.trimEnd().split("\n").length).toBeLessThanOrEqual(40);
    expect(textOf("test/src/readme-example.ts").endsWith(`*/\n${example}`)).toBe(true);
  });
});

test.each(["README.md", "CONTRIBUTING.md"])("the scripts that %s names exist", (path) => {
  const { scripts } = JSON.parse(textOf("package.json")) as { scripts: Record<string, string> };
  const named = [...textOf(path).matchAll(/pnpm(?:@\S+)? (\w+)/g)].map(([, name = ""]) => name);
  expect(named).toEqual(expect.arrayContaining(["demo", "test"]));
  for (const name of named) {
    if (!["install", "exec", "from"].includes(name)) expect(scripts).toHaveProperty(name);
  }
});

test("the files that ARCHITECTURE.md names are where it says", () => {
  const rows = tableRows(section(textOf("ARCHITECTURE.md"), "## Where things are"));
  expect(rows.map(([name]) => name)).toContain("core");
  for (const [name = "", files = ""] of rows) {
    for (const file of codeSpans(files).filter((code) => code.endsWith(".ts"))) {
      expect(existsSync(join(repository, "packages", name, "src", file)), `${name}: ${file}`).toBe(
        true,
      );
    }
  }
});

/** Where a heading is found: as GitHub spells it. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replaceAll(/[^\w\s-]/g, "")
    .trim()
    .replaceAll(/\s/g, "-");

test.each(markdownFiles())("every relative link of %s leads somewhere", (path) => {
  const text = textOf(path).replaceAll(/```[\s\S]*?```/g, "");
  for (const [, target = ""] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
    if (/^[a-z]+:/.test(target)) continue;
    const [file = "", anchor] = target.split("#");
    const resolved = file === "" ? path : join(dirname(path), file);
    expect(existsSync(join(repository, resolved)), `${path}: ${target}`).toBe(true);
    if (anchor === undefined) continue;
    const headings = [...textOf(resolved).matchAll(/^#+ (.*)$/gm)].map(([, one = ""]) => one);
    expect(headings.map(anchorOf), `${path}: ${target}`).toContain(anchor);
  }
});

describe("docs/errors.md", () => {
  const source = textOf("packages/errors/src/index.ts");
  const document = textOf("docs/errors.md");

  /** As the source declares them: code, class, the fields of its instances. */
  const classes = [
    ...source.matchAll(/export class (\w+) extends StoreError \{([\s\S]*?)\n\}/g),
  ].map(([, name = "", body = ""]) => ({
    name,
    code: /readonly code = "(\w+)"/.exec(body)?.[1] ?? "",
    fields: [...body.matchAll(/^ {2}readonly (\w+):/gm)].map(([, field = ""]) => field),
  }));

  test("its table is the source's: every code, its class and its fields", () => {
    const codes = [
      ...(/type StoreErrorCode =([^;]*);/.exec(source)?.[1] ?? "").matchAll(/"(\w+)"/g),
    ];
    expect(classes.map(({ code }) => code)).toEqual(codes.map(([, code]) => code));
    const [table = ""] = document.split("\nAll extend");
    const rows = tableRows(table).map(([code = "", name = "", , fields = ""]) => ({
      name: codeSpans(name)[0],
      code: codeSpans(code)[0],
      fields: codeSpans(fields),
    }));
    expect(rows).toEqual(classes);
  });

  test("every code has an entry that says when, what became of the data, and what to do; and no other", () => {
    const headings = [...document.matchAll(/^## ([A-Z_]+)$/gm)].map(([, code]) => code);
    expect(headings).toEqual(classes.map(({ code }) => code));
    for (const { code } of classes) {
      const entry = section(document, `## ${code}`);
      for (const part of ["**When.**", "**The data.**", "**Do.**"])
        expect(entry, code).toContain(part);
    }
  });

  test("every remedy of its table is the source's", () => {
    const header = /what the caller does next[\s\S]*?\*\n/.exec(source)?.[0] ?? "";
    for (const [, name = "", remedy = ""] of tableRows(document.split("\nAll extend")[0] ?? "")) {
      const line = header.split("\n").find((one) => one.endsWith(` ${codeSpans(name)[0] ?? "?"}`));
      expect(line?.replace(/^ \*\s+/, "").split(/\s{2,}/)[0], name).toBe(remedy);
    }
  });
});

/** The keys of an interface, in the order of its source. */
const eventsOf = (path: string, name: string): string[] => {
  const body = new RegExp(`export interface ${name}[^{]*\\{\n([\\s\\S]*?)\n\\}`).exec(
    textOf(path),
  )?.[1];
  return [...(body ?? "").matchAll(/^ {2}"?([\w:-]+)"?: \[/gm)].map(([, event = ""]) => event);
};
const listed = (heading: string): (string | undefined)[] =>
  tableRows(section(textOf("docs/events.md"), heading)).map(([name = ""]) => codeSpans(name)[0]);

test("docs/state-persistence.md lists the events of the drop-in, and no other", () => {
  const source = textOf("packages/adapters/src/persistence-events.ts");
  const passedOn = /passedOn = \[([^\]]*)\]/.exec(source)?.[1] ?? "";
  const events = [
    ...eventsOf("packages/adapters/src/persistence-events.ts", "PersistenceEvents"),
    ...[...passedOn.matchAll(/"([^"]+)"/g)].map(([, name = ""]) => name),
  ];
  expect(events).toContain("backup:created");
  const rows = tableRows(section(textOf("docs/state-persistence.md"), "## Events"));
  const names = rows.flatMap(([cell = ""]) => codeSpans(cell));
  expect(names.toSorted()).toEqual(events.toSorted());
});

describe("docs/events.md", () => {
  test("lists the events of every store, and no other", () => {
    const events = eventsOf("packages/core/src/events.ts", "StoreEvents");
    expect(events).toContain("recovered");
    expect(listed("## Of every store")).toEqual(events);
  });

  test("lists the events of a task store, and no other", () => {
    const events = eventsOf("packages/tasks/src/task-store.ts", "TaskStoreEvents");
    expect(events).toContain("task:log");
    expect(listed("## Of a task store, besides")).toEqual(events);
  });

  test("names the fields of each payload as the source does", () => {
    const source =
      textOf("packages/core/src/events.ts") + textOf("packages/tasks/src/task-store.ts");
    for (const [name = "", payload = ""] of tableRows(textOf("docs/events.md"))) {
      const event = codeSpans(name)[0] ?? "";
      const declared =
        new RegExp(`^ {2}"?${event}"?: \\[([\\s\\S]*?)\\];`, "m").exec(source)?.[1] ?? "?";
      const type = /^\w+: (\w+)/.exec(declared)?.[1];
      const body =
        type && new RegExp(`export interface ${type} \\{([\\s\\S]*?)\n\\}`).exec(source)?.[1];
      const fields = [...(body ?? declared).matchAll(/readonly (\w+):/g)].map(([, field]) => field);
      const told = [...(/\{ ([^}]*) \}/.exec(payload)?.[1] ?? "").matchAll(/\w+/g)].map(
        ([field]) => field,
      );
      expect(told, event).toEqual(fields);
    }
  });
});

test("docs/decisions/README.md lists every decision, and each has its four parts", () => {
  const index = textOf("docs/decisions/README.md");
  const decisions = markdownFiles(join(repository, "docs/decisions")).filter((path) =>
    /\/\d{4}-/.test(path),
  );
  expect(decisions.length).toBeGreaterThan(0);
  expect(tableRows(index).length).toBe(decisions.length);
  for (const path of decisions) {
    const text = textOf(path);
    const number = /\/(\d{4})-/.exec(path)?.[1] ?? "";
    expect(text.startsWith(`# ${number} `), path).toBe(true);
    expect(index).toContain(`(${path.slice("docs/decisions/".length)})`);
    for (const part of ["Context", "Options", "Decision", "Consequences"]) {
      expect(text, path).toContain(`**${part}.**`);
    }
  }
});

/** `file` › `name of a test` */
const citation = /`((?:test|packages)\/[^`]*\.test\.ts)` › `([^`]+)`/g;

const escaped = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);

describe.each(["docs/guarantees.md", "ARCHITECTURE.md"])("%s", (path) => {
  test("every test that it names exists and is not skipped", () => {
    const cited = [...textOf(path).matchAll(citation)];
    expect(cited.length).toBeGreaterThan(0);
    for (const [, file = "", name = ""] of cited) {
      expect(existsSync(join(repository, file)), file).toBe(true);
      // `test("…`, `it.each(…)("…`, also behind another argument of a function that makes tests.
      const title = new RegExp(
        `([\\w.]*)(\\([^]{0,2000}?\\))?[(,]\\s*["'\`]${escaped(name)}["'\`]`,
      );
      const found = title.exec(textOf(file));
      expect(found, `${file}: ${name}`).not.toBeNull();
      expect(found?.[0], `${file}: ${name}`).not.toMatch(/\.(skip|todo)\b/);
    }
  });

  test("every test file that it mentions is mentioned with a test", () => {
    const text = textOf(path);
    const mentioned = new Set(codeSpans(text).filter((code) => code.endsWith(".test.ts")));
    const cited = new Set([...text.matchAll(citation)].map(([, file]) => file));
    expect([...mentioned].filter((file) => !cited.has(file))).toEqual([]);
  });
});

describe("docs/guarantees.md", () => {
  const rows = tableRows(section(textOf("docs/guarantees.md"), "## Promised"));

  test("every promise has a number, in order, and a test that holds it", () => {
    expect(rows.length).toBeGreaterThan(0);
    expect(rows.map(([number]) => number)).toEqual(rows.map((_, index) => String(index + 1)));
    for (const [number, , held = ""] of rows) {
      expect([...held.matchAll(citation)].length, `promise ${number}`).toBeGreaterThan(0);
    }
  });
});

test("what was tried is in docs/guarantees.md as the results of the campaigns say", () => {
  const results = readResults(join(repository, "test/campaign/results.jsonl"));
  expect(textOf("docs/guarantees.md").endsWith(tableOf(campaigns, results))).toBe(true);
});

test("docs/planted-bugs.md is the list of what was planted and of the tests that saw it", async () => {
  // A program that is not compiled: its types are said here.
  const program = join(repository, "test/mutants/list.mjs");
  const { listOf } = (await import(program)) as {
    listOf: (mutants: unknown, results: unknown) => string;
  };
  const read = (name: string): unknown => JSON.parse(textOf(`test/mutants/${name}.json`));
  expect(textOf("docs/planted-bugs.md")).toBe(listOf(read("mutants"), read("results")));
});

test("docs/changed-expressions.md is the list of what no test sees, each with its reason", async () => {
  const program = join(repository, "test/mutants/survivor-list.mjs");
  const { survivorListOf, scoresOf, unexplained } = (await import(program)) as {
    survivorListOf: (records: unknown, explained: unknown) => string;
    scoresOf: (records: unknown) => readonly { readonly name: string; readonly score: number }[];
    unexplained: (records: unknown, explained: unknown) => readonly unknown[];
  };
  const read = (name: string): unknown => JSON.parse(textOf(`test/mutants/${name}.json`));
  const [records, explained] = [read("stryker"), read("survivors")];
  expect(textOf("docs/changed-expressions.md")).toBe(survivorListOf(records, explained));
  expect(unexplained(records, explained)).toEqual([]);
  expect(scoresOf(records).map(({ name }) => name)).toEqual(["format", "log", "snapshot"]);
  for (const { name, score } of scoresOf(records)) expect(score, name).toBeGreaterThanOrEqual(0.9);
});

test("a campaign names promises that docs/guarantees.md makes", () => {
  const rows = tableRows(section(textOf("docs/guarantees.md"), "## Promised"));
  const made = new Set(rows.map(([number]) => Number(number)));
  for (const { promises } of campaigns) for (const one of promises) expect(made).toContain(one);
});
