import { describe, expect, it } from "vitest";

import { isSystemType, lineOf, markerBody, recordBody, sealBody } from "./record.ts";

const crc = "00000000";
const record = { crc, seq: 5, lag: 2, at: 1, type: "a", data: {} };

const checkUnknown = (value: unknown, field: string): void => {
  expect(lineOf(value)).toEqual({ kind: "unknown", field });
};

const parsed = (body: string): unknown => JSON.parse(`{"crc":"${crc}",${body}`);

describe("what a line is", () => {
  it("tells record, marker, seal and header apart", () => {
    const body = recordBody({ at: 1, type: "a", id: "b", n: 1, tx: [1, 2] }, "[1]", 5, 2);
    expect(lineOf(parsed(body))).toMatchObject({
      kind: "record",
      record: { seq: 5, lag: 2, at: 1, type: "a", id: "b", n: 1, tx: [1, 2], data: [1] },
    });
    const widest = { ...record, tx: [65_536, 65_536] };
    expect(lineOf(widest)).toEqual({ kind: "record", record: widest });
    expect(lineOf(parsed(markerBody(7)))).toEqual({ kind: "marker", durable: 7 });
    const seal = { last: 7, count: 3, sha256: "ab" };
    expect(lineOf(parsed(sealBody(seal)))).toEqual({ kind: "seal", seal });
    expect(lineOf({ crc, format: 1, first: 1, epoch: 1 })).toMatchObject({ kind: "header" });
  });

  it("is unknown with a field that a newer version must have added", () => {
    checkUnknown({ ...record, enc: {} }, "enc");
    checkUnknown({ crc, dur: 1, more: 1 }, "more");
    checkUnknown({ crc, seal: { last: 1, count: 1, sha256: "", root: "" } }, "root");
    checkUnknown({ crc, seal: { last: 1, count: 1, sha256: "" }, more: 1 }, "more");
    checkUnknown({ crc, checkpoint: 1 }, "checkpoint");
    checkUnknown({ crc }, "(none)");
    checkUnknown(null, "(no object)");
    checkUnknown(7, "(no object)");
  });

  it("is unknown with a value that this version never writes", () => {
    for (const seq of [0, -1, 1.5, "5", 2 ** 53]) checkUnknown({ ...record, seq }, "seq");
    for (const lag of [0, 6, "1", undefined]) checkUnknown({ ...record, lag }, "lag");
    for (const tx of [[0, 1], [2, 1], [1], [1, 2, 3], "1", [1, 65_537]]) {
      checkUnknown({ ...record, tx }, "tx");
    }
    checkUnknown({ ...record, type: 1 }, "type");
    // Found by fuzzing: an `n` of "5" was neither above nor below the version, and became it.
    for (const n of ["5", 0, -1, 1.5, null, 1e300]) checkUnknown({ ...record, n }, "n");
    for (const at of ["1", null, true, undefined]) checkUnknown({ ...record, at }, "at");
    for (const field of ["id", "actor", "key", "trace"]) {
      for (const value of [1, null, []]) checkUnknown({ ...record, [field]: value }, field);
    }
    for (const field of ["v", "cause"]) checkUnknown({ ...record, [field]: "1" }, field);
    checkUnknown({ ...record, data: undefined }, "data");
    checkUnknown({ crc, dur: "1" }, "dur");
    for (const seal of [null, 7, "seal"]) checkUnknown({ crc, seal }, "seal");
    checkUnknown({ crc, seal: { last: -1, count: 1, sha256: "" } }, "last");
  });
});

describe("the body of a record", () => {
  it("leaves version 1 out, and keeps the fields in one order", () => {
    const draft = {
      at: 1,
      type: "a",
      v: 1,
      id: "i",
      n: 2,
      actor: "x",
      cause: 3,
      key: "k",
      trace: "t",
    };
    expect(recordBody(draft, "{}", 9, 4)).toBe(
      '"seq":9,"lag":4,"at":1,"type":"a","id":"i","n":2,"actor":"x","cause":3,"key":"k","trace":"t","data":{}}',
    );
    expect(recordBody({ at: 1, type: "$a", v: 2 }, "{}", 1, 1)).toBe(
      '"seq":1,"lag":1,"at":1,"type":"$a","v":2,"data":{}}',
    );
  });

  it("is never made of what would not read again", () => {
    const draft = { at: 1, type: "a" };
    for (const at of [Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => recordBody({ ...draft, at }, "{}", 1, 1)).toThrow(
        "the time of a record is a finite number",
      );
    }
    expect(() => recordBody(draft, '{\n"a":1}', 1, 1)).toThrow("a payload is one line");
    const uncounted = { ...draft, tx: [3, 2] as const };
    expect(() => recordBody(uncounted, "{}", 1, 1)).toThrow("a member of a transaction is counted");
  });
});

describe("the type of a record", () => {
  it("belongs to the engine where it begins with a dollar sign", () => {
    expect(["$boot", "a$", "task.created", ""].map(isSystemType)).toEqual([
      true,
      false,
      false,
      false,
    ]);
  });
});
