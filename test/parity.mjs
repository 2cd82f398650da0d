/**
 * `pnpm parity`: what the documented persistence service promises, sentence by sentence, and what keeps it here.
 *
 *     parity/promises.json     the sentences                             ┐
 *     parity/<part>.json       where each is kept, and by which tests    ├─> docs/parity.md
 *     results of a test run    which of those tests ran, and passed      ┘
 *
 *     pnpm parity                     runs the tests that are named, then looks
 *     pnpm parity --results <file>    looks at a run that was recorded (vitest's json reporter)
 *     pnpm parity --write             writes docs/parity.md
 *
 * The rule: a sentence is answered by a test that ran and passed, or it is open and says what it waits for. Anything else
 * ends with 1, as does a document that is not what the rows say.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const root = fileURLToPath(new URL("..", import.meta.url));
const folder = join(root, "test/parity");
const document = join(root, "docs/parity.md");
const { values } = parseArgs({
  options: { results: { type: "string" }, write: { type: "boolean", default: false } },
});

const readJson = (path) => JSON.parse(readFileSync(path, "utf8"));
const promises = readJson(join(folder, "promises.json"));
const rows = readdirSync(folder)
  .filter((name) => name.endsWith(".json") && name !== "promises.json")
  .sort()
  .flatMap((name) => readJson(join(folder, name)).map((row) => ({ ...row, part: name })));

/** Rows of one sentence may stand in several parts. */
const answers = promises.map((promise) => {
  const own = rows.filter(({ id }) => id === promise.id);
  const all = (key) => [...new Set(own.flatMap((row) => row[key] ?? []))];
  return {
    ...promise,
    where: all("where"),
    tests: all("tests"),
    notes: all("note"),
    open: all("open"),
  };
});

const cell = (text) => text.replaceAll("|", "\\|");
const codes = (texts) => texts.map((text) => `\`${cell(text)}\``).join("<br>");
const heldBy = ({ tests, open }) =>
  [codes(tests), ...open.map((reason) => `**open:** ${cell(reason)}`)].filter(Boolean).join("<br>");

const table = (part) => [
  `## ${part}`,
  "",
  "| | promise | where | held by | note |",
  "|---|---|---|---|---|",
  ...answers
    .filter((answer) => answer.part === part)
    .map((answer) =>
      [
        answer.id,
        cell(answer.promise),
        codes(answer.where),
        heldBy(answer),
        cell(answer.notes.join(" ")),
      ].join(" | "),
    )
    .map((line) => `| ${line} |`),
  "",
];

const openCount = answers.filter(({ open }) => open.length > 0).length;
const answeredCount = answers.filter(({ tests }) => tests.length > 0).length;
const restCount = answers.filter(({ tests, open }) => tests.length + open.length === 0).length;
const text = [
  "# What the documented service promises, and what keeps it here",
  "",
  `Written by \`pnpm parity --write\` from test/parity. Of ${answers.length} sentences ${answeredCount} are answered by tests, which \`pnpm parity\` runs;`,
  `${openCount} are open and say what they wait for; ${restCount} are not answered yet, and \`pnpm parity\` fails until they are.`,
  "",
  ...[...new Set(promises.map(({ part }) => part))].flatMap(table),
].join("\n");

/** A name with placeholders, as test.each prints it, stands for all its rows. */
const pattern = (citation) =>
  new RegExp(
    `^${citation
      .split(/%[sidfjo]|\$[\w.]+/)
      .map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&"))
      .join(".*")}$`,
  );

const recorded = () => {
  if (values.results) return readJson(values.results);
  const files = [
    ...new Set(answers.flatMap(({ tests }) => tests).map((test) => test.split(" › ")[0])),
  ];
  const temporary = mkdtempSync(join(tmpdir(), "taskwal-parity-"));
  try {
    const outputFile = join(temporary, "results.json");
    const vitest = join(root, "node_modules/.bin/vitest");
    const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${outputFile}`];
    spawnSync(vitest, ["run", ...reporters, ...files], { cwd: root, stdio: "inherit" });
    return readJson(outputFile);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
};

const testsOf = ({ testResults }) =>
  testResults.flatMap(({ name, assertionResults }) =>
    assertionResults.map(({ ancestorTitles, title, status }) => ({
      name: [relative(root, name), ...ancestorTitles, title].join(" › "),
      status,
    })),
  );

/** Why a citation does not count, or undefined. */
const defect = (citation, ran) => {
  const found = ran.filter(({ name }) => pattern(citation).test(name));
  if (found.length === 0) return "no such test ran";
  const failed = found.find(({ status }) => status === "failed");
  if (failed) return "it failed";
  return found.some(({ status }) => status === "passed") ? undefined : "it was skipped";
};

const problems = [];
for (const { id } of rows) {
  if (!promises.some((promise) => promise.id === id)) problems.push(`${id}: no such sentence`);
}
for (const { id, tests, open } of answers) {
  if (tests.length === 0 && open.length === 0)
    problems.push(`${id}: no test, and not said to be open`);
}
if (values.write) writeFileSync(document, text);
else if (readFileSync(document, "utf8") !== text) {
  problems.push("docs/parity.md is not what the rows say: pnpm parity --write");
}
if (!values.write) {
  const ran = testsOf(recorded());
  for (const { id, tests } of answers) {
    for (const citation of tests) {
      const why = defect(citation, ran);
      if (why) problems.push(`${id}: ${citation}: ${why}`);
    }
  }
}
for (const problem of problems) process.stderr.write(`${problem}\n`);
process.stdout.write(
  `${answers.length} promises, ${openCount} open, ${problems.length} problem${problems.length === 1 ? "" : "s"}\n`,
);
process.exitCode = problems.length === 0 ? 0 : 1;
