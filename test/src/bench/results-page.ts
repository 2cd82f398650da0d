/**
 * What was recorded, as a page for people: docs/benchmarks/results.md.
 *
 *     results.jsonl ─> a table for each benchmark, with the run that it comes from
 *
 * The rule: made from the recorded rows and nothing else; a test compares it with them.
 */
import { benchmarks } from "./benchmarks.ts";
import type { Recorded, Run } from "./results.ts";
import { tableOf } from "./table.ts";

const head = `# What was measured

Written by \`pnpm bench --plot\` from results.jsonl. [README.md](README.md) says what each row is, and what it is not. Figures are medians of the
rounds, with the least and the most in brackets; a goal that is not reached says so, and README.md says what stands in the way.
`;

const runText = ({ date, commit, machine, disk, peers }: Run): string =>
  `Measured on ${date.slice(0, 10)} at commit ${commit} on ${machine}; ${disk}; beside ${peers.join(", ")}.`;

export const resultsPage = (recorded: readonly Recorded[]): string => {
  const sections = benchmarks.flatMap(({ name, what }) => {
    const rows = recorded.filter((row) => row.name.startsWith(`${name} `));
    const runs = [...new Set(rows.map(({ run }) => runText(run)))];
    return rows.length === 0
      ? []
      : [`## ${name}: ${what}\n\n${runs.join("\n")}\n\n${tableOf(rows)}\n`];
  });
  return [head, ...sections].join("\n");
};
