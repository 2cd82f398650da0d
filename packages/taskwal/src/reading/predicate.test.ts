import { describe, expect, it } from "vitest";
import { UsageError } from "../usage-error.ts";
import { parseCondition } from "./predicate.ts";

const task = {
  status: "failed",
  count: 3,
  "a-b": { c: [{ d: true }] },
  none: null,
  logs: ["x", "y"],
};

describe("a condition", () => {
  it.each([
    ['status == "failed"', true],
    ["status == 'done'", false],
    ["status != 'done' && count >= 3", true],
    ["count > 3 || logs.length == 2", true],
    ["!(count < 4)", false],
    ["-count == -3", true],
    ["missing == null", true],
    ["none == null", true],
    ["missing.deeper.still == null", true],
    ["status < 5", false],
    ["status >= 'fa'", true],
    ["logs[1] == 'y'", true],
    ["logs[7] == null", true],
    ["status.length == 6", true],
    ["status", true],
    ["missing", false],
    ["toString", false],
    ["status.constructor != null", false],
    ["__proto__ != null", false],
    ["logs.constructor != null", false],
  ])("%s is %s", (text, value) => {
    expect(parseCondition(text)(task)).toBe(value);
  });

  it("reads names that are no words by brackets, where the field is below another", () => {
    expect(parseCondition('a["a-b"].c[0].d == true')({ a: task })).toBe(true);
  });

  it("of nothing has no fields", () => {
    expect(parseCondition('status == "failed"')(undefined)).toBe(false);
    expect(parseCondition("status == null")(undefined)).toBe(true);
  });

  it.each([
    "",
    "status ==",
    "a = 1",
    "f(1)",
    "this",
    "a ? b : c",
    "[1]",
    "a, b",
    "a b",
    "a + 1",
    "~a",
    "constructor.constructor('x')()",
  ])("%j is refused before anything is read", (text) => {
    expect(() => parseCondition(text)).toThrow(UsageError);
  });
});
