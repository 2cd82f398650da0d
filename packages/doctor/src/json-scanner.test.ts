import { describe, expect, it } from "vitest";
import { JsonScanner } from "./json-scanner.ts";

const seed = Number(process.env["TASKWAL_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
const random = (() => {
  let state = seed;
  return (below: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
})();

/** Fed in pieces of these sizes, and told what was found. */
const scan = (
  text: string | Uint8Array,
  pieceBytes: number,
): { status: string; told: unknown[]; rest: number } => {
  const told: unknown[] = [];
  const scanner = new JsonScanner(
    { scalar: (path, value) => told.push([path, value]), ended: (path) => told.push(path) },
    new Set(["id", "at", "é"]),
  );
  const bytes = Buffer.from(text);
  let rest = 0;
  for (let start = 0; start < bytes.length; start += pieceBytes) {
    const piece = bytes.subarray(start, start + pieceBytes);
    const stop = scanner.feed(piece);
    rest = start + stop;
    if (stop < piece.length) break;
  }
  scanner.end();
  return { status: scanner.status, told, rest };
};

const takes = (text: string): boolean => {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
};
const isWhole = (text: string, pieceBytes: number): boolean => {
  const { status, rest } = scan(text, pieceBytes);
  return (
    status === "whole" && /^[ \t\r\n]*$/.test(Buffer.from(text).subarray(rest).toString("latin1"))
  );
};

const samples = [
  '{"id":"a","list":[1,-2.5e+3,0,{"at":12,"x":null}],"é":"\\u00e9\\n","deep":[[[[[[{"id":"no"}]]]]]]}',
  '[true,false,null,"",{},[],"\\ud83d"]',
  "  -0.0E-7 ",
  '"\\\\\\"/"',
  '{"":{"":""}}',
];

describe("a scanner of JSON", () => {
  it("tells paths, scalars and ends, however the bytes are cut into pieces", () => {
    const [first = ""] = samples;
    const expected = scan(first, 10_000);
    expect(expected.status).toBe("whole");
    expect(expected.told).toEqual([
      ["id", "a"],
      ["list.*.at", 12],
      "list.*",
      "list",
      ["é", "é\n"],
      "deep.*.*.*",
      "deep.*.*",
      "deep.*",
      "deep",
      "",
    ]);
    for (let size = 1; size < 40; size += 1) expect(scan(first, size)).toEqual(expected);
  });

  it("calls whole exactly what JSON.parse takes: every prefix, and every change of one byte", () => {
    const alphabet = '{}[]",:\\0123456789-+.eEtrufalsn \n\t\u0001x/b';
    for (const sample of samples) {
      for (let end = 0; end <= sample.length; end += 1) {
        const text = sample.slice(0, end);
        expect(isWhole(text, 7), text).toBe(takes(text));
      }
      for (let place = 0; place < sample.length; place += 1) {
        for (const letter of alphabet) {
          const text = sample.slice(0, place) + letter + sample.slice(place + 1);
          expect(isWhole(text, 1 + (place % 5)), text).toBe(takes(text));
        }
      }
    }
  });

  it(`calls whole exactly what JSON.parse takes: random texts (seed ${seed})`, () => {
    const parts = [
      "{",
      "}",
      "[",
      "]",
      ",",
      ":",
      '"id"',
      '"',
      "1",
      "-",
      "0",
      ".5",
      "e1",
      "true",
      "nul",
      "null",
      " ",
      "\\u12",
      "\\",
    ];
    let whole = 0;
    for (let round = 0; round < 30_000; round += 1) {
      let text = "";
      for (let count = random(9); count >= 0; count -= 1) text += parts[random(parts.length)];
      if (takes(text)) whole += 1;
      expect(isWhole(text, 1 + random(4)), text).toBe(takes(text));
    }
    expect(whole).toBeGreaterThan(100);
  });

  it("neither overflows nor goes on for ever below any depth", () => {
    expect(scan("[".repeat(50_000) + "]".repeat(50_000), 4096).status).toBe("whole");
    expect(scan("[".repeat(200_000), 4096).status).toBe("bad");
  });
});
