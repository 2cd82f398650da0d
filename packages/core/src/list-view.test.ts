import { expect, test } from "vitest";
import { appendItem, lastItems, listItems, listOf, type ListView } from "./list-view.ts";

/** Around the borders of pieces of 1,024 items. */
const lengths = [0, 1, 2, 1_023, 1_024, 1_025, 2_047, 2_048, 2_049, 5_000];

const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

const appended = (count: number): ListView | undefined => {
  let view: ListView | undefined;
  for (const item of numbers(count)) view = appendItem(view, item);
  return view;
};

test.each(lengths)("a list of %i items reads the same, appended one by one or given whole", (n) => {
  const view = appended(n);
  expect(lastItems(view, Infinity)).toEqual(numbers(n));
  expect([...listItems(listOf(numbers(n)))]).toEqual(numbers(n));
  expect(lastItems(view, 3)).toEqual(numbers(n).slice(-3));
});

test.each(lengths)("a view of %i items stays what it was while items are appended", (n) => {
  const view = listOf(numbers(n));
  let longer = view;
  for (const item of numbers(1_100)) longer = appendItem(longer, `later ${item}`);
  expect([...listItems(view)]).toEqual(numbers(n));
  expect(longer.length).toBe(n + 1_100);
  expect(lastItems(longer, 1_100)[0]).toBe("later 0");
});

test.each(lengths)("behind %i items, one that was taken back is replaced by the next", (n) => {
  const view = listOf(numbers(n));
  appendItem(appendItem(view, "taken back"), "this one too");
  const next = appendItem(view, "instead");
  expect([...listItems(next)]).toEqual([...numbers(n), "instead"]);
  expect([...listItems(appendItem(next, "one more"))].slice(n)).toEqual(["instead", "one more"]);
});
