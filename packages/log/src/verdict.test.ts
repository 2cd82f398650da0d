import { describe, expect, it } from "vitest";

import { verdictOf, type SequenceFacts, type Verdict } from "./verdict.ts";

type Cell = boolean | string | undefined;

/** The rows of the table in the header of verdict.ts; undefined stands for "-". */
const table: readonly (readonly [Cell, Cell, Cell, Cell, Verdict])[] = [
  [true, true, undefined, undefined, "kept"],
  [true, false, undefined, undefined, "lost"],
  [false, true, true, undefined, "kept"],
  [false, undefined, false, "last", "torn"],
  [false, undefined, false, "earlier", "damaged"],
  [false, false, true, undefined, "absent"],
];

const both = [true, false];

const allFacts: readonly SequenceFacts[] = both.flatMap((promised) =>
  both.flatMap((valid) =>
    both.flatMap((whole) =>
      (["last", "earlier"] as const).flatMap((segment) =>
        both.map((readError) => ({ promised, valid, whole, segment, readError })),
      ),
    ),
  ),
);

/** Exactly one row fits, and it says the verdict; what could not be read is damaged where it says torn. */
const checkRow = (facts: SequenceFacts): void => {
  const { promised, valid, whole, segment, readError } = facts;
  const cells = [promised, valid, whole, segment];
  const rows = table.filter((row) =>
    cells.every((cell, at) => row[at] === undefined || row[at] === cell),
  );
  expect(rows).toHaveLength(1);
  const verdict = rows[0]?.[4];
  expect(verdictOf(facts)).toBe(verdict === "torn" && readError ? "damaged" : verdict);
};

describe("the table of recovery", () => {
  it("has exactly one row for each combination of facts, and it decides", () => {
    expect(allFacts).toHaveLength(32);
    allFacts.forEach(checkRow);
  });

  it("never loses, keeps or sets aside in silence what was promised", () => {
    for (const facts of allFacts) {
      if (facts.promised) expect(["kept", "lost"]).toContain(verdictOf(facts));
    }
  });
});
