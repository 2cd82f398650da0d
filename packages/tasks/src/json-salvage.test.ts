import { readFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";

import { describe, expect, test } from "vitest";

import { readNumber } from "./exact-number.ts";
import { salvageJson, type Salvage } from "./json-salvage.ts";
import { firstInvalidUtf8 } from "./json-token.ts";

const fixture = (name: string): Buffer =>
  readFileSync(new URL(`../../../test/fixtures/systemprompt/${name}`, import.meta.url));

const salvage = (text: string | Uint8Array, levelsMax = 2_048): Salvage =>
  salvageJson(typeof text === "string" ? Buffer.from(text) : text, { startBytes: 0, levelsMax });

/** A small, repeatable source of random numbers below `limit`. */
const randomFrom = (seed: number): ((limit: number) => number) => {
  let state = seed;
  return (limit) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
};

const randomValue = (random: (limit: number) => number, levels: number): unknown => {
  const texts = ["", "a", '"\\\n\u0000', "\u2028é€😀", "\ud83d", "tasks", "constructor", "0"];
  const numbers = [0, 1, -1, 1.5, 1e21, -1e-7, 0.1 + 0.2, Number.MAX_VALUE, 2 ** 53];
  const kind = random(levels > 0 ? 6 : 4);
  if (kind === 0) return [true, false, null][random(3)];
  if (kind === 1) return numbers[random(numbers.length)];
  if (kind <= 3) return texts[random(texts.length)];
  const count = random(4);
  const items = Array.from({ length: count }, () => randomValue(random, levels - 1));
  if (kind === 4) return items;
  return Object.fromEntries(items.map((item) => [texts[random(texts.length)], item]));
};

describe("a whole JSON text", () => {
  test("reads as JSON.parse reads it, whatever its white space", () => {
    const random = randomFrom(20_261_122);
    for (let run = 0; run < 2_000; run += 1) {
      const value = randomValue(random, 5);
      const text = JSON.stringify(value, null, ["", "  ", "\t"][random(3)]);
      const read = salvage(text);
      // Not toStrictEqual: it takes a key "constructor" for the class.
      expect(isDeepStrictEqual(read.value, value), text).toBe(true);
      expect(read.stop).toBeUndefined();
      expect(read.endBytes).toBe(Buffer.byteLength(text));
      expect(read.notes).toEqual([]);
    }
  });

  test.each(["healthy/state.json", "after-sigkill/state.backup.1795315903656.json"])(
    "%s reads as JSON.parse reads it, without a note",
    (name) => {
      const bytes = fixture(name);
      const read = salvage(bytes);
      expect(read.value).toStrictEqual(JSON.parse(bytes.toString("utf8")));
      expect(read.notes).toEqual([]);
    },
  );

  test("is refused exactly where JSON.parse refuses it", () => {
    const texts = ["01", "-", "1.", "+1", ".5", "1e", "[1,]", "{,}", '{"a"}', '{"a":}', "[1 2]"];
    texts.push("tru", "nulll", "'a'", '"\\x"', '"\\u12g4"', '"\n"', "{a:1}", "[", "}", "", "]");
    for (const text of texts) {
      expect(() => JSON.parse(text), text).toThrow();
      const read = salvage(text);
      expect(read.stop !== undefined || read.endBytes < text.length, text).toBe(true);
    }
  });
});

describe("a text that is cut", () => {
  const text = `{"a":[1,{"b":"x","c":[true,{}]},"é\\u00e9"],"d":{"e":-12.5e3}, "f":null}`;
  const bytes = Buffer.from(text);

  test("gives at every length only members that the whole text has", () => {
    for (let length = 0; length < bytes.length; length += 1) {
      const read = salvage(bytes.subarray(0, length));
      expect(read.stop).toMatchObject({ atBytes: length, ended: true });
      expectWithin(read.value, JSON.parse(text), read);
    }
  });

  test("names the containers that were open, and no others", () => {
    const read = salvage(`{"tasks":[{"id":"1"},{"id":"2","logs":[{"m":1},{"m"`);
    const { tasks } = read.value as { tasks: { logs: object[] }[] };
    expect(read.cut).toEqual(new Set([read.value, tasks, tasks[1], tasks[1]?.logs, {}]));
    expect(read.cut.has(tasks[0])).toBe(false);
    expect(read.cut.has(tasks[1]?.logs[0])).toBe(false);
  });

  test("does not believe a number at its end", () => {
    expect(salvage(`{"a":12`).value).toEqual({});
    expect(salvage(`[12`).value).toEqual([]);
    expect(salvage(`[12 `).value).toEqual([12]);
  });

  test("stops at a NUL byte, inside a string or outside", () => {
    expect(salvage(`{"a":1,"b":"x\0\0`).stop).toEqual({
      atBytes: 13,
      ended: false,
      place: "inside a string",
    });
    expect(salvage(`{"a":1,\0`).value).toEqual({ a: 1 });
  });
});

describe("what JSON.parse changes without a word", () => {
  test("numbers that no double holds are noted with their path; 1e400 is kept as a text", () => {
    const read = salvage(`{"a":[9007199254740993,-0,{"b":1e400}],"c":0.30000000000000004}`);
    expect(read.value).toEqual({ a: [9_007_199_254_740_992, 0, { b: "1e400" }], c: 0.1 + 0.2 });
    expect(read.notes.map(({ kind, path }) => [kind, path])).toEqual([
      ["number-changed", ["a", 0]],
      ["number-changed", ["a", 1]],
      ["number-changed", ["a", 2, "b"]],
    ]);
  });

  test.each([
    ["0", true],
    ["-0", false],
    ["0e5", true],
    ["1.50", true],
    ["100e-2", true],
    ["123456789012345678", false],
    ["1234567890123456789e3", false],
    ["9007199254740992", true],
    ["1.7976931348623157e308", true],
    ["1e309", false],
    ["5e-324", true],
    ["1e-400", false],
  ])("the number %s is kept: %s", (text, kept) => {
    expect(readNumber(text).kept).toBe(kept);
  });

  test("a __proto__ key is dropped and noted, and pollutes nothing", () => {
    const read = salvage(`{"__proto__":{"p":1},"a":{"__proto__":2,"b":3}}`);
    expect(read.value).toStrictEqual({ a: { b: 3 } });
    expect(Object.getPrototypeOf(read.value)).toBe(Object.prototype);
    expect(read.notes.map(({ kind }) => kind)).toEqual(["forbidden-key", "forbidden-key"]);
  });

  test("of a key that comes twice the last value counts, and it is noted", () => {
    const read = salvage(`{"a":1,"toString":2,"a":3}`);
    expect(read.value).toEqual({ a: 3, toString: 2 });
    expect(read.notes).toMatchObject([{ kind: "duplicate-key", path: ["a"] }]);
  });

  test("invalid UTF-8 is noted at its byte and reads as Node reads it", () => {
    const bytes = Buffer.concat([
      Buffer.from(`{"a":"x`),
      Buffer.from([0xed, 0xa0, 0xbd]),
      Buffer.from(`"}`),
    ]);
    const read = salvage(bytes);
    expect(read.value).toEqual(JSON.parse(bytes.toString("utf8")));
    expect(read.notes).toMatchObject([{ kind: "invalid-utf-8", startBytes: 7, path: ["a"] }]);
  });

  test("the first invalid byte is found for every broken form", () => {
    const valid = Buffer.from("a\u007f\u0080\u07ff\u0800\ud7ff\ue000\uffff\u{10000}\u{10ffff}");
    expect(firstInvalidUtf8(valid)).toBe(valid.length);
    const broken = [
      [0x80],
      [0xc1, 0xbf],
      [0xe0, 0x9f, 0x80],
      [0xed, 0xa0, 0x80],
      [0xf4, 0x90, 0x80, 0x80],
      [0xf5],
    ];
    broken.push([0xc3], [0xe2, 0x82], [0xf0, 0x9f, 0x98], [0xf0, 0x8f, 0x80, 0x80]);
    for (const bytes of broken) {
      expect(firstInvalidUtf8(Buffer.concat([valid, Buffer.from(bytes)])), bytes.join()).toBe(
        valid.length,
      );
    }
  });

  test("notes are bounded: those beyond a thousand are counted", () => {
    const read = salvage(`[${Array.from({ length: 1_500 }, () => "1e999").join()}]`);
    expect([read.notes.length, read.notesOmitted]).toEqual([1_000, 500]);
  });
});

const nested = (levels: number): string => `${"[".repeat(levels)}${"]".repeat(levels)}`;

describe("depth", () => {
  test("what is within the limit is kept whole", () => {
    const read = salvage(nested(2_048));
    expect([read.stop, read.tooDeep.size]).toEqual([undefined, 0]);
    expect(JSON.stringify(read.value)).toBe(nested(2_048));
  });

  test("what is beyond it marks the containers that lead there; what follows still reads", () => {
    const read = salvage(`{"a":[${nested(30_000)}],"b":[[]],"c":1}`, 10);
    const value = read.value as { a: unknown[]; b: unknown; c: number };
    expect(value.c).toBe(1);
    expect([read.tooDeep.has(value), read.tooDeep.has(value.a), read.tooDeep.has(value.b)]).toEqual(
      [true, true, false],
    );
  });

  test("a million levels and more neither throw nor overflow the stack", () => {
    const read = salvage("[".repeat(2_000_000));
    expect(read.stop).toMatchObject({ ended: false, place: "below 1000000 levels" });
  });
});

/** Every member of `part` is in `whole`, and equal to it unless it was still open. */
const expectWithin = (part: unknown, whole: unknown, { cut }: Salvage): void => {
  if (!cut.has(part)) {
    if (part !== undefined) expect(part).toStrictEqual(whole);
    return;
  }
  for (const [key, member] of Object.entries(part as object)) {
    expect(Object.hasOwn(whole as object, key)).toBe(true);
    expectWithin(member, (whole as Record<string, unknown>)[key], { cut } as Salvage);
  }
};
