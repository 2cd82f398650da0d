/**
 * HEAD: a hint how far the log is known to be durable, in two slots that are written in turn.
 *
 *     0                        256        4096                     4352
 *     {"crc":…,"store":…,…}\n  …          {"crc":…,"store":…,…}\n
 *
 * A slot is written only after the sync that it describes, so it may be old but never promises too
 * much; a torn slot leaves the other one. It only ever adds detection: nothing is rebuilt from it.
 */
import { isCount, isJsonObject, parseJson } from "./json-shape.ts";
import { epochMax, headLineBytes, headSlotBytes } from "./limits.ts";
import { headSalt, LineBuffer, newline, verifyLine } from "./line.ts";
import { objectBody } from "./record.ts";

export interface Head {
  readonly store: string;
  readonly epoch: number;
  /** First sequence of the active segment. */
  readonly first: number;
  /** Every sequence up to here is durable. */
  readonly durable: number;
}

/** One slot's bytes; its place is `headSlotBytes * slot`. */
export const encodeHeadSlot = (head: Head): Uint8Array => {
  const line = new LineBuffer(headLineBytes);
  const { store, epoch, first, durable } = head;
  const body = objectBody({ store, epoch, first, dur: durable });
  line.push(body, headSalt(store));
  return line.view();
};

/**
 * The newest slot that verifies, and which of the two (0 or 1) it is. `bytes` is the whole file. With
 * `store`, only that store's slots count: a restored or forked directory may hold another one's.
 */
export const decodeHead = (
  bytes: Uint8Array,
  store?: string,
): { head: Head; slot: 0 | 1 } | undefined => {
  const ofStore = (start: number): Head | undefined => {
    const head = decodeSlot(bytes, start);
    return store === undefined || head?.store === store ? head : undefined;
  };
  const first = ofStore(0);
  const second = ofStore(headSlotBytes);
  if (second && (!first || isNewer(second, first))) return { head: second, slot: 1 };
  return first && { head: first, slot: 0 };
};

const isNewer = (a: Head, b: Head): boolean => {
  if (a.epoch !== b.epoch) return a.epoch > b.epoch;
  // A new segment promises no more than the one before, and is the one to look for.
  return a.durable === b.durable ? a.first > b.first : a.durable > b.durable;
};

const decodeSlot = (bytes: Uint8Array, start: number): Head | undefined => {
  const end = bytes.indexOf(newline, start);
  if (end - start >= headLineBytes) return undefined;
  const text = Buffer.from(bytes.subarray(start, end)).toString("latin1");
  const store = /^.{16}","store":"([0-9a-f]{32})"/.exec(text)?.[1];
  if (!store || !verifyLine(bytes, start, end, headSalt(store))) return undefined;
  return headOf(text, store);
};

/** Undefined for what this code would not have written: a checksum says nothing of values. */
const headOf = (text: string, store: string): Head | undefined => {
  const value = parseJson(text);
  if (!isJsonObject(value) || value["store"] !== store) return undefined;
  const { epoch, first, dur: durable } = value;
  if (!isCount(epoch) || !isCount(first) || !isCount(durable) || epoch > epochMax) return undefined;
  return { store, epoch, first, durable };
};
