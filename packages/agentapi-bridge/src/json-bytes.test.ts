import { describe, expect, it } from "vitest";

import { headWithin, jsonBytesOf, tailWithin } from "./json-bytes.ts";

const reference = (text: string): number => Buffer.byteLength(JSON.stringify(text)) - 2;

const texts = (): readonly string[] => {
  const letters = ["a", '"', "\\", "\n", "\0", "\x7F", "é", "漢", "\u2028", "\uD83D", "\uDE00"];
  const grow = (some: readonly string[]) =>
    some.flatMap((text) => letters.map((each) => text + each));
  const [one, two] = [grow([""]), grow(grow([""]))];
  return ["", ...one, ...two, ...grow(two), ...grow(grow(two))];
};

describe("the bytes of a text inside a string of JSON", () => {
  it("are those that JSON.stringify and UTF-8 make, for every code unit", () => {
    for (let unit = 0; unit < 0x1_0000; unit += 1) {
      const text = String.fromCharCode(unit);
      if (jsonBytesOf(text, 100) !== reference(text)) expect.fail(`U+${unit.toString(16)}`);
    }
  });

  it("are those of all texts of up to four units, halves of pairs among them", () => {
    for (const text of texts()) {
      const bytes = reference(text);
      if (jsonBytesOf(text, bytes) !== bytes) expect.fail(JSON.stringify(text));
      if (bytes > 0) expect(jsonBytesOf(text, bytes - 1)).toBe(Number.POSITIVE_INFINITY);
    }
  });

  it("bound the longest beginning and the longest end, and no pair is parted", () => {
    for (const text of texts()) {
      const characters = Array.from(text);
      for (let bytesMax = 0; bytesMax <= 24; bytesMax += 3) {
        const most = (ends: readonly string[]): string =>
          ends.filter((each) => reference(each) <= bytesMax).at(-1) ?? "";
        const heads = characters.map((_, count) => characters.slice(0, count + 1).join(""));
        const tails = characters.map((_, count) => characters.slice(-count - 1).join(""));
        const found = [headWithin(text, bytesMax), tailWithin(text, bytesMax)];
        const wanted = [most(heads), most(tails)];
        if (found.join("|") !== wanted.join("|")) {
          expect.fail(JSON.stringify({ text, bytesMax, found, wanted }));
        }
      }
    }
  });
});
