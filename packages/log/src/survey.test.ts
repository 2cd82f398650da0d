import { describe, expect, it } from "vitest";

import type { LogRecord } from "@taskwal/format";

import { Survey, type SurveyedSegment } from "./survey.ts";

const segment: SurveyedSegment = { index: 2, first: 5, lastMax: 20 };

const record = (seq: number): LogRecord => ({
  seq,
  lag: 1,
  at: 1_000,
  type: "note.set",
  id: "a",
  n: 1,
  data: {},
});

/** Ten bytes for each line, in the order of the file. */
const surveyOf = (after: number, items: readonly (number | "bad")[], place = segment): Survey => {
  const survey = new Survey(after);
  for (const [at, item] of items.entries()) {
    const bytes = { startBytes: at * 10, endBytes: at * 10 + 10 };
    if (item === "bad") {
      survey.addBad({ kind: "bad", ...bytes, reason: "rot", readError: true }, place);
    } else survey.addRecord(record(item), bytes, place);
  }
  return survey;
};

const chainsOf = (survey: Survey): unknown =>
  survey
    .chains()
    .chains.map(({ pieces, from, to }) => [from, to, pieces.map((one) => [one.from, one.to])]);

const misplaced = { kind: "bad", reason: "a line that does not belong here", readError: false };

describe("a survey", () => {
  it("tells the highest sequence so far, wherever it stood", () => {
    expect(surveyOf(4, []).highest).toBe(4);
    expect(surveyOf(4, [7, 5, "bad"]).highest).toBe(7);
  });

  it("places a bad stretch between the sequences around it, within those of its segment", () => {
    const boundsOf = (after: number, items: readonly (number | "bad")[]): unknown =>
      surveyOf(after, items)
        .chains()
        .bad.map(({ above, next }) => [above, next]);
    expect(boundsOf(2, ["bad"])).toEqual([[4, 21]]);
    expect(boundsOf(4, ["bad"])).toEqual([[4, 21]]);
    expect(boundsOf(6, ["bad"])).toEqual([[6, 21]]);
    expect(boundsOf(4, [5, "bad", "bad", 9, "bad", 7, 8, "bad"])).toEqual([
      [5, 9],
      [5, 9],
      [9, 7],
      [9, 21],
    ]);
    expect(boundsOf(4, ["bad", 30])).toEqual([[4, 21]]);
  });

  it("takes a line that repeats what was read before it for bad, up to the last one", () => {
    const survey = surveyOf(6, [5, 6, 7]);
    expect(survey.chains().bad).toEqual([
      { ...misplaced, startBytes: 0, endBytes: 10, segment: 2, above: 6, next: 7 },
      { ...misplaced, startBytes: 10, endBytes: 20, segment: 2, above: 6, next: 7 },
    ]);
    expect(chainsOf(survey)).toEqual([[7, 7, [[7, 7]]]]);
  });

  it("takes a run that others repeat for bad, as misplaced below the sequence that it repeats", () => {
    const survey = surveyOf(4, [5, 6, 7, 6]);
    expect(survey.chains().bad).toEqual([
      { ...misplaced, startBytes: 30, endBytes: 40, segment: 2, above: 0, next: 7 },
    ]);
    expect(chainsOf(survey)).toEqual([[5, 7, [[5, 7]]]]);
  });

  it("joins runs that follow or overlap each other into one chain, each with what no lower one has", () => {
    expect(chainsOf(surveyOf(4, [7, 8, 5, 6, 8, 9, 11, 12]))).toEqual([
      [
        5,
        9,
        [
          [5, 6],
          [7, 8],
          [9, 9],
        ],
      ],
      [11, 12, [[11, 12]]],
    ]);
    expect(chainsOf(surveyOf(4, [5, 6, 6, 7]))).toEqual([
      [
        5,
        7,
        [
          [5, 6],
          [7, 7],
        ],
      ],
    ]);
  });

  it("joins what goes on with a transaction, and what it repeats of it, into one chain", () => {
    const tx = new Map([3, 4, 5].map((seq) => [seq, [seq - 2, 3] as const]));
    const survey = new Survey(0);
    for (const [at, seq] of [1, 2, 3, 4, 3, 4, 5, 6].entries()) {
      const bytes = { startBytes: at * 10, endBytes: at * 10 + 10 };
      const member = tx.get(seq);
      survey.addRecord(member ? { ...record(seq), tx: member } : record(seq), bytes, {
        ...segment,
        first: 1,
      });
    }
    expect(chainsOf(survey)).toEqual([
      [
        1,
        6,
        [
          [1, 4],
          [5, 6],
        ],
      ],
    ]);
  });

  it("takes of two runs that begin alike the longer one", () => {
    const survey = surveyOf(4, [5, 5, 6, 7]);
    expect(chainsOf(survey)).toEqual([[5, 7, [[5, 7]]]]);
    expect(survey.chains().bad).toMatchObject([{ startBytes: 0, endBytes: 10 }]);
  });
});
