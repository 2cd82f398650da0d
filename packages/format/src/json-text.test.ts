import { describe, expect, it } from "vitest";
import { jsonText } from "./json-text.ts";

describe("the text of a payload", () => {
  it("is that of JSON.stringify for every single character, alone and between others", () => {
    const different: number[] = [];
    for (let code = 0; code <= 0xffff; code += 1) {
      const text = String.fromCharCode(code);
      for (const value of [text, `a${text}b`]) {
        if (jsonText(value) !== JSON.stringify(value)) different.push(code);
      }
    }
    expect(different).toEqual([]);
  });

  it("keeps the order of keys, and writes numbers as JSON does", () => {
    for (const value of [
      { b: 1, a: 2, 10: "ten", 9: "nine" },
      [1e21, 1e-7, 0.1, -1.5, Number.MAX_SAFE_INTEGER, Number.MIN_VALUE, Number.MAX_VALUE],
      { "": { "\n": [] }, a: {}, "\ud800": "\udfff" },
      [[], [[]], [null, true, false], "", "\u{1f600}"],
    ]) {
      expect(jsonText(value)).toBe(JSON.stringify(value));
    }
  });
});
