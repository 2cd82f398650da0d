/**
 * docs/changed-expressions.md: how many changed expressions the tests saw, and why the others live.
 *
 * The rule: written from stryker.json and survivors.json by every run; docs.test.ts compares them.
 */
export const packages = ["format", "log", "snapshot"];

const head = `# Changed expressions

[StrykerJS](https://stryker-mutator.io) changes every expression of the packages on which all else stands, one at a time, and runs
their tests. \`pnpm bench stryker\` does it again and writes this list. A change that no test sees is a missing test or a
needless line, or has its reason here.

`;

/** The mutants of `records` (what stryker.json holds) that live, each with its file. */
const aliveOf = (records) =>
  Object.entries(records).flatMap(([file, { alive }]) => alive.map((one) => ({ ...one, file })));

const reasonOf = (survivor, explained) =>
  explained.find(
    ({ file, original, replacement }) =>
      file === survivor.file &&
      original === survivor.original &&
      replacement === survivor.replacement,
  )?.why;

export const unexplained = (records, explained) =>
  aliveOf(records).filter((one) => reasonOf(one, explained) === undefined);

export const scoresOf = (records) =>
  packages.flatMap((name) => {
    const own = Object.entries(records).filter(([file]) => file.startsWith(`packages/${name}/`));
    const sum = (field) => own.reduce((total, [, record]) => total + record[field], 0);
    const [mutants, killed, timedOut] = ["mutants", "killed", "timedOut"].map(sum);
    if (mutants === 0) return [];
    return [{ name, mutants, killed, timedOut, score: (killed + timedOut) / mutants }];
  });

const cell = (text) => text.replaceAll("|", String.raw`\|`).replaceAll(/\s+/g, " ");
const code = (text) => `\`\` ${cell(text).slice(0, 120)} \`\``;

/** The document. `records` and `explained` are what the two files hold. */
export const survivorListOf = (records, explained) => {
  const scores = scoresOf(records).map(
    ({ name, mutants, killed, timedOut, score }) =>
      `| \`${name}\` | ${mutants} | ${killed} | ${timedOut} | ${mutants - killed - timedOut} | ${(100 * score).toFixed(1)} % |`,
  );
  const rows = aliveOf(records).map((one) => {
    const why = reasonOf(one, explained);
    const cells = [
      `\`${one.file}\``,
      code(one.original),
      code(one.replacement),
      why ? cell(why) : "**not explained**",
    ];
    return `| ${cells.join(" | ")} |`;
  });
  return [
    head,
    "| package | changes | seen | ended by a time limit | not seen | |\n",
    "| --- | --- | --- | --- | --- | --- |\n",
    ...scores.map((row) => `${row}\n`),
    "\n## Not seen\n\n",
    "| in | expression | changed to | why no test sees it |\n",
    "| --- | --- | --- | --- |\n",
    ...[...new Set(rows)].map((row) => `${row}\n`),
  ].join("");
};
