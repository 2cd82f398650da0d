/** The two ways to compare values agree, for each pair of some hundred small values. */
import { expect, it } from "vitest";
import { canonicalJson } from "./canonical-json.ts";
import type { JsonValue } from "./json-value.ts";
import { isSameJson } from "./same-json.ts";

const scalars: readonly JsonValue[] = [null, true, 0, 1, "", "a"];
const pairs = scalars.flatMap((one) => scalars.map((other) => [one, other] as const));
const flat: readonly JsonValue[] = [
  ...scalars,
  [],
  {},
  ...scalars.flatMap((one) => [[one], { a: one }, { b: one }]),
  ...pairs.flatMap(([one, other]) => [[one, other], { a: one, b: other }, { b: one, a: other }]),
];
const values: readonly JsonValue[] = [
  ...flat,
  ...flat.flatMap((one) => [[one], { a: one }, { constructor: one }, { length: 1, "0": one }]),
];

it("two values are the same exactly if their canonical texts are", () => {
  const texts = values.map(canonicalJson);
  const wrong = values.flatMap((one, index) =>
    values.flatMap((other, at) =>
      isSameJson(one, other) === (texts[index] === texts[at]) ? [] : [[one, other]],
    ),
  );
  expect(wrong).toEqual([]);
});

it("nothing is the same as nothing only", () => {
  expect(isSameJson(undefined, undefined)).toBe(true);
  expect(isSameJson(undefined, null)).toBe(false);
  expect(isSameJson({}, undefined)).toBe(false);
});
