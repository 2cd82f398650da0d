import { describe, expect, it } from "vitest";

import { decodeHead, encodeHeadSlot, type Head } from "./head.ts";
import { epochMax, headLineBytes, headSlotBytes } from "./limits.ts";
import { headSalt, LineBuffer } from "./line.ts";

const store = "0123456789abcdef0123456789abcdef";
const other = "f".repeat(32);
const head = (durable: number, epoch = 1, of = store): Head => ({
  store: of,
  epoch,
  first: 1,
  durable,
});

const fileOf = (...slots: (Head | undefined)[]): Buffer => {
  const bytes = Buffer.alloc(headSlotBytes + headLineBytes);
  for (const [slot, one] of slots.entries()) {
    if (one) bytes.set(encodeHeadSlot(one), slot * headSlotBytes);
  }
  return bytes;
};

/** With any bit of the slot flipped, the file says what the other slot says. */
const checkEveryFlip = (slot: 0 | 1, whole: Buffer, otherHead: Head): void => {
  const start = slot * headSlotBytes;
  const lineBytes = whole.indexOf(0x0a, start) + 1 - start;
  for (let bit = 0; bit < lineBytes * 8; bit += 1) {
    const flipped = Buffer.from(whole);
    const at = start + (bit >> 3);
    flipped[at] = (flipped[at] ?? 0) ^ (1 << (bit & 7));
    const decoded = decodeHead(flipped)?.head;
    if (decoded?.durable !== otherHead.durable) expect.fail(`bit ${bit}: ${decoded?.durable}`);
  }
};

describe("HEAD", () => {
  it("is the newer of two slots: the higher epoch, then the higher sequence", () => {
    expect(decodeHead(fileOf(head(5), head(6)))).toEqual({ head: head(6), slot: 1 });
    expect(decodeHead(fileOf(head(7), head(6)))).toEqual({ head: head(7), slot: 0 });
    expect(decodeHead(fileOf(head(3, 2), head(6, 1)))).toEqual({ head: head(3, 2), slot: 0 });
  });

  it("is the first slot where both say the same", () => {
    expect(decodeHead(fileOf(head(5), head(5)))).toEqual({ head: head(5), slot: 0 });
  });

  it("names the later segment where both promise the same", () => {
    const later = { ...head(5), first: 6 };
    expect(decodeHead(fileOf(head(5), later))?.head).toEqual(later);
    expect(decodeHead(fileOf(later, head(5)))?.head).toEqual(later);
  });

  it("is one slot where the other was never written, and nothing where neither was", () => {
    expect(decodeHead(fileOf(head(5)))).toEqual({ head: head(5), slot: 0 });
    expect(decodeHead(fileOf(undefined, head(5)))).toEqual({ head: head(5), slot: 1 });
    expect(decodeHead(Buffer.from(encodeHeadSlot(head(5))))?.head).toEqual(head(5));
    expect(decodeHead(Buffer.alloc(0))).toBeUndefined();
    expect(decodeHead(fileOf())).toBeUndefined();
  });

  it("falls back to the other slot for any flipped bit and any torn write", () => {
    checkEveryFlip(0, fileOf(head(9), head(8)), head(8));
    checkEveryFlip(1, fileOf(head(8), head(9)), head(8));
    const older = fileOf(head(8), head(7));
    const line = encodeHeadSlot(head(1_000_000));
    for (let written = 0; written < line.length; written += 1) {
      const torn = Buffer.from(older);
      torn.set(line.subarray(0, written), headSlotBytes);
      expect(decodeHead(torn)?.head.durable).toBe(8);
    }
  });

  it("does not take a slot for another store's, nor at another file's word", () => {
    const both = fileOf(head(5), head(9, 9, other));
    expect(decodeHead(both)?.head).toEqual(head(9, 9, other));
    expect(decodeHead(both, store)).toEqual({ head: head(5), slot: 0 });
    expect(decodeHead(both, "e".repeat(32))).toBeUndefined();
    // The store's id is part of the salt: a line whose id was replaced is no line.
    const forged = Buffer.from(both.toString("latin1").replace(store, other), "latin1");
    expect(decodeHead(forged, other)?.head).toEqual(head(9, 9, other));
    expect(decodeHead(forged.subarray(0, headSlotBytes))).toBeUndefined();
  });

  it("tells nothing by a slot whose checksum is right and whose values nobody writes", () => {
    // Found by fuzzing: a line that is no JSON ended the opening with a SyntaxError, "dur" as a text in NaN.
    const slot = (body: string): Buffer => {
      const line = new LineBuffer();
      line.push(body, headSalt(store));
      return Buffer.concat([line.view(), Buffer.alloc(headSlotBytes)]);
    };
    const named = `"store":"${store}"`;
    expect(decodeHead(slot(`${named},"epoch":1,"first":1,"dur":5}`))?.head).toEqual(head(5));
    for (const rest of [
      '"epoch":1,"first":1}',
      '"epoch":1,"first":1,"dur":"5"}',
      '"epoch":"1","first":1,"dur":5}',
      '"epoch":1,"first":-1,"dur":5}',
      `"epoch":${epochMax + 1},"first":1,"dur":5}`,
      '"epoch":',
      "}}",
    ]) {
      expect(decodeHead(slot(`${named},${rest}`))).toBeUndefined();
    }
    expect(decodeHead(slot(`${named},"epoch":-1,"first":1,"dur":1e999}`))).toBeUndefined();
    const rest = '"epoch":1,"first":1,"dur":5}';
    expect(decodeHead(slot(`"note":"0123456789abcdef",${named},${rest}`))).toBeUndefined();
    // Found by fuzzing: a slot that names two stores was believed at the word of the first.
    expect(decodeHead(slot(`${named},"store":"${other}",${rest}`))).toBeUndefined();
  });

  it("is no longer than its place", () => {
    const slotOf = (lineBytes: number): Buffer => {
      const line = new LineBuffer();
      const body = `"store":"${store}","epoch":1,"first":1,"dur":5,"pad":""}`;
      const roomBytes = lineBytes - 19 - body.length;
      line.push(body.replace('""', `"${"x".repeat(roomBytes)}"`), headSalt(store));
      expect(line.length).toBe(lineBytes);
      return Buffer.concat([line.view(), Buffer.alloc(headSlotBytes)]);
    };
    expect(decodeHead(slotOf(headLineBytes))?.head).toEqual(head(5));
    expect(decodeHead(slotOf(headLineBytes + 1))).toBeUndefined();
  });

  it("is written byte for byte as ever", () => {
    expect(Buffer.from(encodeHeadSlot(head(5))).toString()).toBe(
      `{"crc":"5fe8b7db","store":"${store}","epoch":1,"first":1,"dur":5}\n`,
    );
  });

  it("fits its place with the largest numbers", () => {
    const largest = head(Number.MAX_SAFE_INTEGER, epochMax);
    const slot = encodeHeadSlot({ ...largest, first: Number.MAX_SAFE_INTEGER });
    expect(slot.length).toBeLessThan(headLineBytes);
    expect(decodeHead(slot)?.head.durable).toBe(Number.MAX_SAFE_INTEGER);
  });
});
