import { describe, expect, it } from "vitest";

import { judge } from "./judge.ts";
import { range, spread } from "./sample-log.test.ts";
import { Survey, type SurveyedSegment } from "./survey.ts";

/** A log of sequences from 1 on: which verify, how they are grouped, where the second segment begins. */
interface SmallLog {
  readonly valid: readonly boolean[];
  /** Sizes of the transactions, in order; they add up to the length. */
  readonly groups: readonly number[];
  /** The first sequence of the second segment; 0 if there is only one. */
  readonly second: number;
  readonly durable: number;
}

interface Outcome {
  readonly kept: number[];
  readonly lost: number[];
  readonly dropped: number[];
  readonly cut: readonly (readonly [sequence: number, kind: string])[];
  readonly bytes: readonly (readonly [sequence: number, kind: string])[];
}

const groupsOf = ({ groups }: SmallLog): (readonly [first: number, last: number])[] => {
  let next = 1;
  return groups.map((size) => {
    const group = [next, next + size - 1] as const;
    next += size;
    return group;
  });
};

const isIn = (log: SmallLog, seq: number): "last" | "earlier" =>
  log.second > 0 && seq < log.second ? "earlier" : "last";

/** Each sequence by itself, from the words of the design, without runs or chains. */
const oracle = (log: SmallLog): Outcome => {
  const groups = groupsOf(log);
  const valid = (seq: number): boolean => log.valid[seq - 1] === true;
  const isWhole = (seq: number): boolean => {
    const [first, last] = groups.find((group) => group[0] <= seq && seq <= group[1]) ?? [seq, seq];
    return range(first, last).every(valid);
  };
  const all = range(1, log.valid.length);
  const setAside = (seq: number): string => (isIn(log, seq) === "last" ? "torn" : "damaged");
  const keeps = (seq: number): boolean =>
    seq <= log.durable ? isWhole(seq) : range(log.durable + 1, seq).every(isWhole);
  const promisedBytes = (seq: number): boolean => {
    // A stretch of bytes is judged as one: all bad neighbours in the same segment.
    let last = seq;
    while (last < all.length && !valid(last + 1) && isIn(log, last + 1) === isIn(log, seq))
      last += 1;
    let first = seq;
    while (first > 1 && !valid(first - 1) && isIn(log, first - 1) === isIn(log, seq)) first -= 1;
    return first <= log.durable;
  };
  const promised = all.filter((seq) => seq <= log.durable);
  return {
    kept: all.filter((seq) => valid(seq) && keeps(seq)),
    lost: promised.filter((seq) => !valid(seq)),
    dropped: promised.filter((seq) => valid(seq) && !isWhole(seq)),
    cut: all
      .filter((seq) => seq > log.durable && valid(seq) && !keeps(seq))
      .map((seq) => [seq, setAside(seq)]),
    bytes: all
      .filter((seq) => !valid(seq))
      .map((seq) => [seq, promisedBytes(seq) ? "damaged" : setAside(seq)]),
  };
};

const lineBytes = 10;

const surveyOf = (log: SmallLog, after: number): Survey => {
  const survey = new Survey(after);
  const lastOfFirst = log.second > 0 ? log.second - 1 : Number.POSITIVE_INFINITY;
  const places: readonly SurveyedSegment[] = [
    { index: 0, first: 1, lastMax: lastOfFirst },
    { index: 1, first: log.second, lastMax: Number.POSITIVE_INFINITY },
  ];
  const groups = groupsOf(log);
  for (const seq of range(after + 1, log.valid.length)) {
    const place = places[isIn(log, seq) === "last" && log.second > 0 ? 1 : 0];
    if (!place) continue;
    const bytes = { startBytes: seq * lineBytes, endBytes: (seq + 1) * lineBytes };
    if (!log.valid[seq - 1]) {
      survey.addBad({ kind: "bad", ...bytes, reason: "", readError: false }, place);
      continue;
    }
    const [first, last] = groups.find((group) => group[0] <= seq && seq <= group[1]) ?? [seq, seq];
    const record = { seq, lag: 1, at: 0, type: "a", data: {} };
    const tx = [seq - first + 1, last - first + 1] as const;
    survey.addRecord(last > first ? { ...record, tx } : record, bytes, place);
  }
  return survey;
};

const judgedOf = (log: SmallLog, after: number): Outcome => {
  const lastSegment = log.second > 0 ? 1 : 0;
  const judged = judge(surveyOf(log, after), { durable: log.durable, lastSegment });
  const steps = (kind: string): number[] =>
    judged.steps.flatMap((step) => (step.kind === kind ? range(step.first, step.last) : []));
  const bytes = [...judged.torn, ...judged.damaged].map((stretch) => {
    const kind = judged.torn.includes(stretch) ? "torn" : "damaged";
    return [stretch.startBytes / lineBytes, kind] as const;
  });
  expect(steps("dropped")).toEqual(spread(judged.dropped));
  expect(steps("lost")).toEqual(spread(judged.lost));
  return {
    kept: [...range(1, after), ...steps("kept")],
    lost: spread(judged.lost),
    dropped: spread(judged.dropped),
    cut: judged.cuts.flatMap(({ kind, first, last }) =>
      range(first, last).map((seq) => [seq, kind] as const),
    ),
    bytes: bytes.toSorted((a, b) => a[0] - b[0]),
  };
};

/** Judged from the first sequence on, and from behind the regular ones, as a replay does it. */
const checkLog = (log: SmallLog): void => {
  const expected = oracle(log);
  const firstBad = [...log.valid, false].indexOf(false) + 1;
  const begun = groupsOf(log).find(([first, last]) => first < firstBad && last >= firstBad)?.[0];
  for (const after of new Set([0, (begun ?? firstBad) - 1])) {
    expect(judgedOf(log, after), JSON.stringify({ ...log, after })).toEqual(expected);
  }
};

const compositions = (length: number): number[][] =>
  length === 0
    ? [[]]
    : range(1, length).flatMap((size) =>
        compositions(length - size).map((rest) => [size, ...rest]),
      );

const truths = (length: number): boolean[][] =>
  length === 0
    ? [[]]
    : truths(length - 1).flatMap((rest) => [
        [...rest, true],
        [...rest, false],
      ]);

/** Where a second segment may begin: between transactions. */
const seconds = (groups: readonly number[]): number[] => {
  const log = { valid: [], groups, second: 0, durable: 0 };
  return [
    0,
    ...groupsOf(log)
      .map(([first]) => first)
      .filter((first) => first > 1),
  ];
};

const checkAll = (length: number): number => {
  let count = 0;
  for (const groups of compositions(length)) {
    for (const second of seconds(groups)) {
      for (const valid of truths(length)) {
        for (let durable = 0; durable <= length; durable += 1) {
          checkLog({ valid, groups, second, durable });
          count += 1;
        }
      }
    }
  }
  return count;
};

describe("what becomes of each sequence", () => {
  it("is what the design says, for all logs of up to five, and every D", () => {
    const counts = [0, 1, 2, 3, 4, 5].map(checkAll);
    expect(counts).toEqual([1, 4, 36, 256, 1_600, 9_216]);
  });

  it("is what the design says for logs of six in one segment", () => {
    for (const valid of truths(6)) {
      for (const durable of range(0, 6)) {
        for (const groups of compositions(6)) checkLog({ valid, groups, second: 0, durable });
      }
    }
  });

  it("loses nothing but what has no valid line, whatever the holes below D", () => {
    const log = { valid: [true, false, true, true, true], groups: [1, 1, 1, 1, 1], second: 0 };
    expect(judgedOf({ ...log, durable: 3 }, 0)).toMatchObject({
      kept: [1, 3, 4, 5],
      lost: [2],
      cut: [],
    });
  });
});

describe("bytes that stand in no line's place", () => {
  it("cost nothing, also above D: of the sequences around them none is missing", () => {
    const place = { index: 0, first: 1, lastMax: Number.POSITIVE_INFINITY };
    for (const durable of [0, 2, 3, 4]) {
      const survey = new Survey(2);
      const inserted = { startBytes: 20, endBytes: 25, reason: "", readError: false };
      survey.addBad({ kind: "bad", ...inserted }, place);
      for (const seq of [3, 4]) {
        const bytes = { startBytes: seq * lineBytes, endBytes: (seq + 1) * lineBytes };
        survey.addRecord({ seq, lag: 1, at: 0, type: "a", data: {} }, bytes, place);
      }
      const judged = judge(survey, { durable, lastSegment: 0 });
      expect(judged.steps).toMatchObject([{ kind: "kept", first: 3, last: 4 }]);
      expect(judged).toMatchObject({ lost: [], dropped: [], cuts: [] });
    }
  });
});

describe("a line that stands in another one's place", () => {
  const place = { index: 0, first: 1, lastMax: Number.POSITIVE_INFINITY };

  /** Lines in the order of the file; each sequence that any line has is kept, once. */
  const checkOrder = (sequences: readonly number[]): void => {
    const survey = new Survey(0);
    for (const [at, seq] of sequences.entries()) {
      const bytes = { startBytes: at * lineBytes, endBytes: (at + 1) * lineBytes };
      survey.addRecord({ seq, lag: 1, at: 0, type: "a", data: {} }, bytes, place);
    }
    const durable = 6;
    const { steps, lost } = judge(survey, { durable, lastSegment: 0 });
    const kept = steps.flatMap((step) =>
      step.kind === "kept" ? range(step.first, step.last) : [],
    );
    const present = range(1, durable).filter((seq) => sequences.includes(seq));
    expect([kept, spread(lost)], sequences.join()).toEqual([
      present,
      range(1, durable).filter((seq) => !present.includes(seq)),
    ]);
  };

  it("costs the one that stood there and no other, wherever it was copied from", () => {
    for (const from of range(1, 6)) {
      for (const to of range(1, 6)) checkOrder(range(1, 6).map((seq) => (seq === to ? from : seq)));
    }
  });

  it("keeps every sequence that any line has, in any order of the lines", () => {
    const orders = (rest: readonly number[]): number[][] =>
      rest.length === 0
        ? [[]]
        : rest.flatMap((seq) =>
            orders(rest.filter((one) => one !== seq)).map((more) => [seq, ...more]),
          );
    orders([1, 2, 3, 4, 5, 6]).forEach(checkOrder);
    checkOrder([1, 4, 5, 6, 4, 5, 6]);
    checkOrder([4, 5, 1, 2, 3, 4, 5, 6, 2, 3]);
  });
});
