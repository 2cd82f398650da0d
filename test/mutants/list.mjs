/**
 * docs/planted-bugs.md: what was planted, and the test that saw it.
 *
 * The rule: written from mutants.json and results.json by every run; docs.test.ts compares them.
 */
const head = `# Planted bugs

Each was put into the sources by itself, in a copy, and the tests were run up to the first that failed. A bug counts as killed by a test
file that fails twice with it and passes without it. \`pnpm bench mutants\` does it again and writes this list. *Blind* ones were thought
out by somebody who had not read the tests; those marked *new test* died only once a test had been added.

`;

const cell = (text) => text.replaceAll("|", String.raw`\|`).replaceAll(/\s+/g, " ");

const killerOf = (result) => {
  if (!result) return "not run";
  if (!result.killed) return "**survived**";
  const [file, ...title] = result.by.split(" › ");
  return title.length > 0 ? `\`${file}\` › ${cell(title.join(" › "))}` : result.by;
};

/** The document. `mutants` and `results` are what the two files hold. */
export const listOf = (mutants, results) => {
  const byName = new Map(results.mutants.map((one) => [one.name, one]));
  const rows = mutants.map(({ name, file, why, blind, newTest }) => {
    const marks = [blind ? "blind" : "", newTest ? "new test" : ""].filter(Boolean).join(", ");
    const cells = [name, `\`${file}\``, cell(why), killerOf(byName.get(name)), marks];
    return `| ${cells.join(" | ")} |`;
  });
  const killed = mutants.filter(({ name }) => byName.get(name)?.killed).length;
  const table = ["| bug | in | harm | killed by | |", "| --- | --- | --- | --- | --- |", ...rows];
  return `${head}${killed} of ${mutants.length} are killed.\n\n${table.join("\n")}\n`;
};
