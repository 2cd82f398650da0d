/** The first and the last line of a snapshot, as bytes: what is taken for ours, what for newer, what for neither. */
import { describe, expect, it } from "vitest";
import {
  checksumLine,
  checksumLineBytes,
  decodeChecksumLine,
  decodeHead,
} from "./snapshot-format.ts";

const fields = {
  version: "1.0.0",
  format: 1,
  store: "0123456789abcdef0123456789abcdef",
  epoch: 2,
  sequence: 4_713,
  last: "77a90c5b",
  schema: { session: 1, task: 2 },
  last_saved: "2026-01-01T00:00:00.000Z",
};

const lineOf = (changes: Readonly<Record<string, unknown>> = {}): string =>
  `${JSON.stringify({ ...fields, ...changes }).slice(0, -1)},\n`;

const kindOf = (text: string): string => decodeHead(Buffer.from(text)).kind;

describe("the first line", () => {
  it("gives back what it says, whatever follows it", () => {
    for (const rest of ["", '"metrics":{},\n', "\0\0"]) {
      expect(decodeHead(Buffer.from(lineOf() + rest))).toEqual({ kind: "ours", head: fields });
    }
  });

  it("is ours only as a whole line that begins an object and goes on behind a comma", () => {
    const line = lineOf();
    for (const text of [
      "",
      "\n",
      line.slice(0, -1),
      ` ${line}`,
      `${line.slice(0, -2)}\n`,
      `${line.slice(0, -2)}}\n`,
      `[${line.slice(1)}`,
      `${line.slice(0, -2)} \n`,
    ]) {
      expect(kindOf(text), JSON.stringify(text)).toBe("other");
    }
  });

  it("is not ours where a field is missing or holds what nobody writes", () => {
    const bad: Readonly<Record<keyof typeof fields, readonly unknown[]>> = {
      version: [undefined, 1],
      format: [undefined, 0, -1, 1.5, "1"],
      store: [undefined, 7],
      epoch: [undefined, -1, "2"],
      sequence: [undefined, 0.5, null],
      last: [undefined, 77],
      schema: [undefined, null, "task", { session: 1, task: "2" }, { session: -1, task: 2 }],
      last_saved: [
        undefined,
        1,
        ["2026-01-01T00:00:00.000Z"],
        "2026-01-01T00:00:00Z",
        "2026-13-01T00:00:00.000Z",
        "+002026-01-01T00:00:00.000Z",
        "2026-01-01T00:00:00.000Z ",
      ],
    };
    for (const [name, values] of Object.entries(bad)) {
      for (const value of values) {
        expect(kindOf(lineOf({ [name]: value })), `${name}: ${JSON.stringify(value)}`).toBe(
          "other",
        );
      }
    }
  });

  it("of a newer format says which, whatever else it holds, as long as it names its store", () => {
    const newer = lineOf({ format: 2, schema: "elsewhere", epoch: undefined });
    expect(decodeHead(Buffer.from(newer))).toEqual({ kind: "newer", format: 2 });
    expect(kindOf(lineOf({ format: 2, store: undefined }))).toBe("other");
  });
});

describe("the last line", () => {
  const hex = "0f".repeat(32);

  it("tells its checksum, behind the end of the line before it", () => {
    const line = checksumLine(hex);
    expect(line).toBe(`"checksum":"sha256:${hex}"}\n`);
    expect(checksumLineBytes).toBe(line.length);
    expect(decodeChecksumLine(Buffer.from(`\n${line}`))).toBe(hex);
  });

  it("is none with any byte more, less or other", () => {
    const line = `\n${checksumLine(hex)}`;
    for (const text of [
      ` ${line}`,
      `${line} `,
      line.slice(1),
      line.slice(0, -1),
      line.replace("0f", "0F"),
      line.replace("sha256", "sha512"),
    ]) {
      expect(decodeChecksumLine(Buffer.from(text)), JSON.stringify(text)).toBeUndefined();
    }
  });
});
