/**
 * Bytes that were HEAD, through decodeHead, beside a second reading of both slots.
 *
 * The rule: a head is told only if a slot of it verifies, with what that slot's bytes say and numbers
 * that can be reckoned with; of two the newer one; anything else is undefined, never an exception.
 */
import { decodeHead, limits } from "@taskwal/format";
import { isDeepStrictEqual } from "node:util";
import { holds, parsed } from "./line-trial.ts";
import { isLine, saltOf } from "./reseal.ts";

interface Slot {
  readonly store: string;
  readonly epoch: number;
  readonly first: number;
  readonly durable: number;
}

const isCount = (value: unknown): value is number =>
  Number.isSafeInteger(value) && Number(value) >= 0;

const slotAt = (bytes: Buffer, start: number): Slot | undefined => {
  const end = bytes.indexOf(0x0a, start);
  if (end < 0 || end - start >= limits.headLineBytes) return undefined;
  const text = bytes.toString("latin1", start, end);
  const store = /^.{16}","store":"([0-9a-f]{32})"/.exec(text)?.[1];
  if (store === undefined || !isLine(bytes, start, end, saltOf(`${store}/HEAD`))) return undefined;
  const value = parsed(text);
  if (typeof value !== "object" || value === null) return undefined;
  const { epoch, first, dur } = value as Readonly<Record<string, unknown>>;
  const claimed = (value as { readonly store?: unknown }).store;
  if (!isCount(epoch) || !isCount(first) || !isCount(dur) || claimed !== store) return undefined;
  return epoch > limits.epochMax ? undefined : { store, epoch, first, durable: dur };
};

const isNewer = (a: Slot, b: Slot): boolean =>
  a.epoch !== b.epoch
    ? a.epoch > b.epoch
    : a.durable !== b.durable
      ? a.durable > b.durable
      : a.first > b.first;

export type HeadVerdict = "HEAD: a slot" | "HEAD: none";

/** Throws a Finding, or what decodeHead throws. */
export const tryHead = (bytes: Buffer, store: string | undefined): HeadVerdict => {
  const found = decodeHead(bytes, store)?.head;
  const slots = [0, limits.headSlotBytes]
    .map((start) => slotAt(bytes, start))
    .filter((slot) => slot !== undefined && (store === undefined || slot.store === store));
  const [first, second] = slots;
  const expected = first && second && isNewer(second, first) ? second : first;
  holds(
    isDeepStrictEqual(found, expected),
    "HEAD is read as what it does not say",
    () => `${JSON.stringify(found)} -- not -- ${JSON.stringify(expected)}`,
  );
  return found ? "HEAD: a slot" : "HEAD: none";
};
