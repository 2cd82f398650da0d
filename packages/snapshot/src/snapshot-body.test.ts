/** The lines between head and checksum: which are of the grammar, and what is said of one that is not. */
import { describe, expect, it } from "vitest";
import { SnapshotBody, type Defect } from "./snapshot-body.ts";

const startBytes = 100;

const taken = (text: string): SnapshotBody => {
  const body = new SnapshotBody();
  expect(body.add(Buffer.from(text), startBytes)).toBeUndefined();
  return body;
};

/** The defect of the text, and in which of its lines it was found. */
const defectOf = (text: string): { reason: string; line: number } => {
  const defect = new SnapshotBody().add(Buffer.from(text), startBytes) as Defect;
  const before = Buffer.from(text)
    .subarray(0, defect.startBytes - startBytes)
    .toString();
  return { reason: defect.reason, line: before.split("\n").length };
};

const notALine = "a line is not one of a snapshot";

describe("the lines of a snapshot", () => {
  it("are summaries, collections and the engine's part, in the order of the file", () => {
    const body = taken(
      '"metrics":{"n":1},\n"tasks":[\n{"id":"a"},\n{"id":"b"}\n],\n"none":[\n],\n"engine":{"v":1},\n',
    );
    expect(body.summary).toEqual({ metrics: { n: 1 } });
    expect([...body.collections]).toEqual([
      ["tasks", [{ id: "a" }, { id: "b" }]],
      ["none", []],
    ]);
    expect(body.engine).toEqual({ v: 1 });
  });

  it("mean the same wherever they are cut into chunks", () => {
    const lines = [
      '"tasks":[\n',
      '{"id":"a"},\n',
      '{"id":"]"},\n',
      '"é"\n',
      "],\n",
      '"engine":1,\n',
    ];
    for (let cuts = 0; cuts < 2 ** (lines.length - 1); cuts += 1) {
      const body = new SnapshotBody();
      let chunk = "";
      for (const [at, line] of lines.entries()) {
        chunk += line;
        if ((cuts >> at) % 2 === 0 && at < lines.length - 1) continue;
        expect(body.add(Buffer.from(chunk), 0)).toBeUndefined();
        chunk = "";
      }
      expect(body.collections.get("tasks"), String(cuts)).toEqual([{ id: "a" }, { id: "]" }, "é"]);
      expect(body.engine).toBe(1);
    }
  });

  it("may have keys with quotes and backslashes, and those of Object.prototype", () => {
    const body = taken('"a\\"b":[\n1\n],\n"toString":{},\n"constructor":[\n],\n');
    expect([...body.collections.keys()]).toEqual(['a"b', "constructor"]);
    expect(Object.keys(body.summary)).toEqual(["toString"]);
  });
});

describe("a line that is not of a snapshot is named by its byte", () => {
  it("where it has no key, or none that is text", () => {
    for (const line of [
      'abcd{"k":1},',
      "",
      "{}",
      "1:2,",
      ' "a":1,',
      'x"a":1,',
      '"a:1,',
      '"\\x":1,',
      '["a"]:1,',
    ]) {
      expect(defectOf(`"ok":1,\n${line}\n`), line).toEqual({ reason: notALine, line: 2 });
    }
  });

  it("where its value is no JSON, or does not end with a comma", () => {
    for (const line of [
      '"a":1',
      '"a":,',
      '"a":[1,',
      '"a":1,,',
      '"a":12;',
      '"engine":{}',
      '"a":{"b":1}}',
    ]) {
      expect(defectOf(`"ok":1,\n${line}\n`), line).toEqual({ reason: notALine, line: 2 });
    }
  });

  it("where its key is there already, is reserved, or follows the engine's part", () => {
    for (const [before, line] of [
      ['"a":1,', '"a":1,'],
      ['"a":1,', '"a":['],
      ['"a":[\n],', '"a":1,'],
      ['"a":[\n],', '"a":['],
      ['"a":1,', '"sequence":1,'],
      ['"a":1,', '"store":['],
      ['"a":1,', '"engine":['],
      ['"a":1,', '"checksum":1,'],
      ['"engine":1,', '"a":1,'],
      ['"engine":1,', '"engine":1,'],
      ['"engine":1,', '"a":['],
    ] as const) {
      const { length } = before.split("\n");
      expect(defectOf(`${before}\n${line}\n`), line).toEqual({
        reason: notALine,
        line: length + 1,
      });
    }
  });

  it("where an entity is no JSON, whichever it is", () => {
    const entities = ['{"id":"a"}', '{"id":"b"}', '{"id":"c"}'];
    for (const [at] of entities.entries()) {
      for (const bad of ["{", "", '{"id":"x"}}', "1 2"]) {
        const lines = entities.map((entity, index) => (index === at ? bad : entity));
        expect(defectOf(`"tasks":[\n${lines.join(",\n")}\n],\n`), bad).toEqual({
          reason: "a line is not JSON",
          line: at + 2,
        });
      }
    }
  });

  it("where a comma between entities is missing or one too many", () => {
    for (const lines of ["1\n2", "1,\n2,,\n3"]) {
      const { reason, line } = defectOf(`"tasks":[\n${lines}\n],\n`);
      expect([reason, line], lines).toEqual(
        lines.includes(",,")
          ? ["a line is not JSON", 3]
          : ["lines do not follow each other as they should", 2],
      );
    }
  });

  it("where a collection does not end as one does", () => {
    for (const end of ["]", "],,", "] ,", "]}"]) {
      expect(defectOf(`"tasks":[\n1\n${end}\n"engine":1,\n`), end).toEqual({
        reason: "a collection does not end as it should",
        line: 3,
      });
      expect(defectOf(`"tasks":[\n${end}\n`), end).toEqual({
        reason: "a collection does not end as it should",
        line: 2,
      });
    }
  });
});
