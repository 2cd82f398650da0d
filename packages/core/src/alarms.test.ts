import { expect, test } from "vitest";
import { lowBytesDefault } from "./alarms.ts";

const gib = 1024 ** 3;

test.each([
  [0, 0],
  [1_000_000, 50_000],
  [20 * gib, gib],
  [4_000 * gib, gib],
])("of %d bytes, unless told otherwise, little room begins at %d", (totalBytes, lowBytes) => {
  expect(lowBytesDefault(totalBytes)).toBe(lowBytes);
});
