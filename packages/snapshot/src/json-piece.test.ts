import { Prng } from "@taskwal/disk/sim";
import { canonicalJson, type JsonValue } from "@taskwal/format";
import { describe, expect, it } from "vitest";

import { lazyArray, lazyObject, pieceText } from "./json-piece.ts";

const fragmentsOf = (piece: Parameters<typeof pieceText>[0]): string[] => [...pieceText(piece)];
const textOf = (piece: Parameters<typeof pieceText>[0]): string => fragmentsOf(piece).join("");

const letters = ["a", "é", "\u2028", "𝄞", "\ud834", "\udd1e", '"', "\\", "\n", "\0"] as const;

const randomText = (prng: Prng, length: number): string =>
  Array.from({ length: prng.below(length) }, () => prng.pick(letters)).join("");

const randomValue = (prng: Prng, depth: number): JsonValue => {
  const kind = prng.below(depth > 0 ? 7 : 5);
  if (kind === 0) return null;
  if (kind === 1) return prng.below(2) === 1;
  if (kind === 2) return prng.below(1_000) / 8;
  if (kind < 5) return randomText(prng, prng.below(4) === 0 ? 60_000 : 8);
  const parts = Array.from({ length: prng.below(6) }, () => randomValue(prng, depth - 1));
  return kind === 5
    ? parts
    : Object.fromEntries(parts.map((part) => [randomText(prng, 5), part] as const));
};

describe("the text of a piece", () => {
  it("is the canonical text of a plain value, short or long", () => {
    const prng = new Prng(1);
    for (let round = 0; round < 300; round++) {
      const value = randomValue(prng, 4);
      // Not toBe: a difference would fill the screen.
      expect(textOf(value) === canonicalJson(value), `round ${round}`).toBe(true);
    }
  });

  it("keeps the order of lazy entries and items, however they are nested", () => {
    const piece = lazyObject([
      ["z", 1],
      ["a", lazyArray([1, lazyObject([]), lazyArray([]), { b: 1, a: 2 }])],
      ["__proto__", lazyArray(new Set(["x"]))],
    ]);
    expect(textOf(piece)).toBe('{"z":1,"a":[1,{},[],{"a":2,"b":1}],"__proto__":["x"]}');
  });

  it("comes in short fragments, also out of one long text, list or plain object", () => {
    const long: JsonValue[] = [
      "\u0001".repeat(1_000_000),
      Array.from({ length: 100_000 }, (_, at) => ({ at })),
      { inside: { deep: Array.from({ length: 100_000 }, (_, at) => at) } },
      Object.fromEntries(Array.from({ length: 50_000 }, (_, at) => [`key ${at}`, at])),
    ];
    for (const value of long) {
      const fragments = fragmentsOf(value);
      expect(Math.max(...fragments.map(({ length }) => length))).toBeLessThan(110_000);
      expect(JSON.parse(fragments.join(""))).toEqual(value);
    }
  });

  it("comes in fragments of 16 Ki where nothing is escaped, whatever it is made of", () => {
    // Both where the parts are so many that they are seen to be too long, and where that is close.
    for (const count of [2_500, 5_000, 10_000, 30_000]) {
      const many = <T>(part: (at: number) => T): T[] =>
        Array.from({ length: count }, (_, at) => part(at));
      const values: readonly JsonValue[] = [
        many(() => ""),
        many(() => []),
        many(() => ({})),
        many(() => 1_000),
        many(() => [""]),
        many(() => ({ a: "" })),
        Object.fromEntries(many((at) => [String(at), ""])),
        Object.fromEntries(many((at) => [String(at), {}])),
        // The length of the first part is exactly what is left.
        { a: "x".repeat(16 * 1024 - 9), b: "y".repeat(count) },
      ];
      for (const [at, value] of values.entries()) {
        const fragments = fragmentsOf(value);
        const longest = Math.max(...fragments.map(({ length }) => length));
        expect(longest, `${count} of ${at}`).toBeLessThanOrEqual(16 * 1024 + 8);
        expect(fragments.join("") === canonicalJson(value), `${count} of ${at}`).toBe(true);
      }
    }
  });

  it("has nothing of what is not found yet but an empty fragment each, so that a long search can be left", () => {
    const items = lazyArray([undefined, undefined, 1, undefined, "b"]);
    const entries = lazyObject([undefined, ["a", items], undefined]);
    expect(textOf(entries)).toBe('{"a":[1,"b"]}');
    expect(fragmentsOf(entries).filter((fragment) => fragment === "")).toHaveLength(5);
    expect(textOf(lazyArray([undefined]))).toBe("[]");
    expect(textOf(lazyObject([undefined]))).toBe("{}");
  });

  it("leaves out what is undefined, and looks into lazy parts of lazy parts", () => {
    const big = "x".repeat(20_000);
    expect(textOf({ a: undefined, big } as never)).toBe(JSON.stringify({ big }));
    const inner = lazyObject([["b", lazyObject([["c", 1]])]]);
    expect(textOf(lazyArray([inner]))).toBe('[{"b":{"c":1}}]');
  });

  it("never cuts a surrogate pair, wherever it falls in a long text", () => {
    for (let offset = 0; offset < 3; offset++) {
      for (const part of ["𝄞", "\ud834𝄞", "\udd1e𝄞", "\ud834\ud834", "\uffff𝄞"]) {
        const text = `${"x".repeat(16 * 1024 - offset)}${part.repeat(20_000)}`;
        expect(textOf(text) === JSON.stringify(text), `${offset} ${part}`).toBe(true);
      }
    }
  });

  it("takes nothing from an iterable before its turn", () => {
    const taken: number[] = [];
    const items = (function* () {
      for (let at = 0; at < 3; at++) {
        taken.push(at);
        yield at;
      }
    })();
    const text = pieceText(lazyArray(items));
    text.next();
    expect(taken).toEqual([0]);
  });
});
