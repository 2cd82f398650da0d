/**
 * The table at the end of docs/guarantees.md: what was tried so far, and what was lost.
 *
 * The rule: written from the results by every run, never by hand; docs.test.ts compares the two.
 */
import type { Campaign } from "./campaign.ts";
import { totalOf, type Result } from "./results.ts";

export const tableStart =
  "<!-- written by `pnpm bench campaign` from test/campaign/results.jsonl -->";

const number = new Intl.NumberFormat("en-US");

/** After no loss in N the rate is below 3/N, at 95 %. */
export const boundOf = (trials: number): string =>
  trials === 0 ? "-" : (3 / trials).toExponential(0);

const row = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;

export const tableOf = (campaigns: readonly Campaign[], results: readonly Result[]): string => {
  const rows = campaigns.map(({ name, what, promises, test }) => {
    const { trials, distinct, losses } = totalOf(results, name);
    return row([
      `\`${name}\``,
      what,
      promises.join(", "),
      `\`${test.file}\` › \`${test.name}\``,
      trials === 0 ? "not yet" : number.format(trials),
      distinct === 0 ? "" : number.format(distinct),
      trials === 0 ? "" : String(losses),
      trials === 0 ? "" : boundOf(trials),
    ]);
  });
  const head = [
    "campaign",
    "what is tried",
    "promises",
    "its quick part in `pnpm test`",
    "trials",
    "distinct states",
    "losses",
    "rate below",
  ];
  return [tableStart, "", row(head), row(head.map(() => "---")), ...rows, ""].join("\n");
};

/** The document with the table of now. Throws if it has no place for one. */
export const withTable = (document: string, table: string): string => {
  const start = document.indexOf(tableStart);
  if (start < 0) throw new Error(`the document does not have "${tableStart}"`);
  return document.slice(0, start) + table;
};
