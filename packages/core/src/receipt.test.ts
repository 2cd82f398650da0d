/** Promises that may be left alone: who counts as waiting for one. */
import { expect, test } from "vitest";
import { openReceipt } from "./receipt.ts";

const refusedAtOnce = (unhandled: unknown[]): Promise<never> => {
  const { receipt, reject } = openReceipt<never>((error) => unhandled.push(error));
  reject(new Error("refused"));
  return receipt;
};

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

// A ConflictError that a caller had caught came up again in the next flush().
test.each([
  ["await", async (receipt: Promise<never>) => void (await receipt)],
  ["then", (receipt: Promise<never>) => receipt.then(() => {})],
  ["catch", (receipt: Promise<never>) => receipt.catch((error: unknown) => Promise.reject(error))],
  ["Promise.all", (receipt: Promise<never>) => Promise.all([receipt, receipt])],
  ["being returned from an async function", async (receipt: Promise<never>) => receipt],
])("a call that is refused at once and waited for by %s counts as handled", async (_, wait) => {
  const unhandled: unknown[] = [];
  await expect(wait(refusedAtOnce(unhandled))).rejects.toThrow("refused");
  await turn();
  expect(unhandled).toEqual([]);
});

test("a call that is refused and that nobody waits for is told once, and ends no process", async () => {
  const unhandled: unknown[] = [];
  void refusedAtOnce(unhandled);
  await turn();
  expect(unhandled).toEqual([new Error("refused")]);
});
