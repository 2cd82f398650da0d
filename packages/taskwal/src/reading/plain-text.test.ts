import { describe, expect, it } from "vitest";
import { columnsOf, cut, fitted, plain, plainJson } from "./plain-text.ts";
import { tableLines } from "./table.ts";

describe("plain text", () => {
  it("shows what a terminal would act on, and leaves letters, emoji and joined emoji alone", () => {
    expect(plain("\u001B[31m\u0007\u009B\u202E\uFEFF\u2028\n\t\uD800")).toBe(
      String.raw`\u001b[31m\u0007\u009b\u202e\ufeff\u2028\n\t\ud800`,
    );
    expect(plain("naïve 日本 👩‍🚀")).toBe("naïve 日本 👩‍🚀");
  });

  it("is the same value as JSON, whatever is in it", () => {
    for (const value of ["\u202E\u0007\uD83D", { "\u009B": ["\u{E0041}"] }, [null, 1]]) {
      expect(plainJson(value)).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}]/u);
      expect(JSON.parse(plainJson(value))).toEqual(value);
    }
  });

  it("is cut by columns, not by letters, and never within one that is seen", () => {
    expect(cut("日本語日本語", 7)).toBe("日本語…");
    expect(cut("👩‍🚀👩‍🚀👩‍🚀", 5)).toBe("👩‍🚀👩‍🚀…");
    expect(columnsOf(fitted("日本語", 5))).toBe(5);
    expect(fitted("12", 4, "right")).toBe("  12");
    expect(cut("x".repeat(1e6), 10)).toBe(`${"x".repeat(9)}…`);
  });
});

describe("a table", () => {
  it("fits 80 columns, whatever is in it; the widest columns give way", () => {
    const lines = tableLines(
      [{ title: "A" }, { title: "N", align: "right" }, { title: "B" }],
      [
        ["short", "7", "日".repeat(200)],
        ["x".repeat(70), "12345", "b"],
      ],
    );
    for (const line of lines) expect(columnsOf(line)).toBeLessThanOrEqual(80);
    expect(lines[1]).toContain("short");
    expect(lines[2]).toContain("12345");
  });
});
