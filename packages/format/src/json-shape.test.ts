import { describe, expect, it } from "vitest";

import { isCount, isJsonObject, parseJson } from "./json-shape.ts";

describe("a value behind a right checksum", () => {
  it("is undefined where its text is no JSON; other errors pass", () => {
    expect(parseJson('{"a":[1]}')).toEqual({ a: [1] });
    for (const text of ["", "{", "nul", "{}x"]) expect(parseJson(text)).toBeUndefined();
    const text = {
      toString(): string {
        throw new RangeError("no stack is left");
      },
    };
    expect(() => parseJson(text as unknown as string)).toThrow("no stack is left");
  });

  it("is an object only if it has names", () => {
    expect([{}, { a: 1 }].map(isJsonObject)).toEqual([true, true]);
    expect([null, undefined, [], "", 1, true].some(isJsonObject)).toBe(false);
  });

  it("is a count from zero to the last exact integer", () => {
    expect([0, 1, Number.MAX_SAFE_INTEGER].map(isCount)).toEqual([true, true, true]);
    expect([-1, 0.5, 2 ** 53, Number.NaN, "0", null, undefined].some(isCount)).toBe(false);
  });
});
