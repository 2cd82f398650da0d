import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";

import { canonicalJson } from "./canonical-json.ts";
import { jsonText } from "./json-text.ts";
import { copyJson, freezeJson, type JsonValue } from "./json-value.ts";
import { depthMax } from "./limits.ts";

class Note {
  text = "x";
}

const holed: unknown[] = [1];
holed[2] = 3;

/** What is refused, where, and a word of why. */
const refused: readonly (readonly [value: unknown, path: string, reason: string])[] = [
  [undefined, "$", "is undefined, which JSON cannot hold here"],
  [Number.NaN, "$", "NaN"],
  [{ a: { b: [0, Number.POSITIVE_INFINITY] } }, "$.a.b[1]", "Infinity"],
  [[-0], "$[0]", "-0"],
  [{ a: 1n }, "$.a", "bigint"],
  [{ a: Symbol("s") }, "$.a", "symbol"],
  [{ a: () => 1 }, "$.a", "function"],
  [{ when: new Date(0) }, "$.when", "Date"],
  [{ m: new Map() }, "$.m", "Map"],
  [{ s: [new Set()] }, "$.s[0]", "Set"],
  [{ n: new Note() }, "$.n", "Note"],
  [{ n: Object(1) as unknown }, "$.n", "Number"],
  [{ b: new Uint8Array(1) }, "$.b", "Uint8Array"],
  [{ o: Object.create(Object.create(null) as object) as unknown }, "$.o", "class instance"],
  [{ a: [1, undefined] }, "$.a[1]", "undefined"],
  [{ a: holed }, "$.a[1]", "undefined"],
  [JSON.parse('{"a":{"__proto__":1}}'), "$.a.__proto__", "__proto__"],
  [{ [Symbol("s")]: 1 }, "$", "symbol"],
  [{ a: { b: 1, [Symbol("s")]: 1 } }, "$.a", "symbol"],
  [{ "odd key": [Number.NaN] }, '$["odd key"][0]', "NaN"],
];

const checkRefused = ([value, path, reason]: (typeof refused)[number]): void => {
  const copied = copyJson(value);
  expect(copied).toMatchObject({ ok: false, reason: expect.stringContaining(reason) as string });
  const frozen = freezeJson(value);
  expect(frozen?.reason).toContain(reason);
  // The key of __proto__ is the defect itself; everywhere else the path leads to the value.
  expect([copied, frozen]).toMatchObject([{ path }, { path }]);
};

/** The copy equals what JSON makes of it, is frozen all the way down, and shares nothing. */
const checkAccepted = (value: unknown): void => {
  const copied = copyJson(value);
  if (!copied.ok) expect.fail(`${copied.path} ${copied.reason}`);
  expect(copied.value).toEqual(JSON.parse(JSON.stringify(value)));
  expect(JSON.stringify(copied.value)).toBe(JSON.stringify(value));
  expect(jsonText(copied.value)).toBe(JSON.stringify(value));
  const visit = (part: unknown): void => {
    if (typeof part !== "object" || part === null) return;
    expect(Object.isFrozen(part)).toBe(true);
    Object.values(part).forEach(visit);
  };
  visit(copied.value);
};

const nested = (levels: number): unknown => {
  let value: unknown = 1;
  for (let level = 0; level < levels; level += 1) value = level % 2 ? [value] : { a: value };
  return value;
};

const seed = 7;

const prng = (seed: number): (() => number) => {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
};

const anyValue = (next: () => number, levels: number): unknown => {
  const kind = Math.floor(next() * (levels > 0 ? 8 : 6));
  if (kind < 6) return [null, true, 0.1, "a\ud800", "ä😀", 1e21][kind];
  const parts = Array.from({ length: Math.floor(next() * 4) }, () => anyValue(next, levels - 1));
  if (kind === 6) return parts;
  const keys = ["b", "1", "a", "", "toJSON ", "constructor", "\udc00"];
  const pairs = parts.map((part) => [keys[Math.floor(next() * keys.length)], part] as const);
  return Object.fromEntries([...pairs, ["dropped", undefined]]);
};

describe("a value that JSON would change", () => {
  it("is refused with its path, whatever its kind", () => refused.forEach(checkRefused));

  it("is refused in a cycle and beyond the depth, before the stack ends", () => {
    const cycle: { self?: unknown } = {};
    cycle.self = [cycle];
    for (const value of [cycle, nested(depthMax + 1), nested(200_000)]) {
      expect(copyJson(value)).toMatchObject({
        ok: false,
        reason: `is nested deeper than ${depthMax} levels`,
      });
      expect(freezeJson(value)?.reason).toContain("deeper");
    }
  });

  it("is not what an exception of its own is: that passes as it is", () => {
    const value = {
      list: [
        {
          get broken(): never {
            throw new Error("the getter's own");
          },
        },
      ],
    };
    expect(() => copyJson(value)).toThrow("the getter's own");
    expect(() => freezeJson(value)).toThrow("the getter's own");
  });

  it("is refused inside what is frozen by hand, as far as its kind shows", () => {
    expect(freezeJson({ m: Object.freeze(new Map()) })).toMatchObject({ path: "$.m" });
  });
});

describe("a value that JSON keeps", () => {
  it("is copied and frozen: scalars, containers, lone surrogates, other realms", () => {
    const bare = Object.assign(Object.create(null) as object, { a: 1 });
    const foreign = runInNewContext('({ a: [1, { b: "x" }] })') as unknown;
    for (const value of [
      null,
      true,
      0,
      -1.5,
      5e-324,
      "",
      "\ud800",
      [],
      {},
      [[]],
      { a: undefined },
    ]) {
      checkAccepted(value);
    }
    for (const value of [bare, foreign, { "\udfff": "\ud83d" }, { b: 1, 2: 1, 1: 1 }])
      checkAccepted(value);
  });

  it(`is copied for random values (seed ${seed})`, () => {
    const next = prng(seed);
    for (let round = 0; round < 2_000; round += 1) checkAccepted(anyValue(next, 5));
  });

  it("may be as deep as the limit, with much of the stack in use, and its canonical text too", () => {
    const deep = nested(depthMax);
    const atDepth = (frames: number, work: () => unknown): unknown =>
      frames === 0 ? work() : [atDepth(frames - 1, work)];
    const copied = atDepth(2_000, () => copyJson(deep)) as unknown[];
    expect(copied.flat(Infinity)).toMatchObject([{ ok: true }]);
    const text = atDepth(2_000, () => jsonText(deep as JsonValue)) as unknown[];
    expect(text.flat(Infinity)).toEqual([JSON.stringify(deep)]);
    expect(canonicalJson(deep)).toBe(JSON.stringify(deep));
  });

  it("is frozen in place, without what was left undefined, and old frozen parts are kept", () => {
    const old = Object.freeze({ kept: 1 });
    const byHand = Object.freeze({ gone: undefined });
    const value = { old, list: [{ a: 1, nothing: null }, byHand], gone: undefined };
    expect(freezeJson(value)).toBeUndefined();
    expect(Object.keys(value)).toEqual(["old", "list"]);
    expect(value.old).toBe(old);
    expect([value, value.list, value.list[0]].every((one) => Object.isFrozen(one))).toBe(true);
  });
});
