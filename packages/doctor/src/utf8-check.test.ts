import { describe, expect, it } from "vitest";
import { Utf8Check } from "./utf8-check.ts";

const firstBad = (bytes: Buffer, pieceBytes: number): number | undefined => {
  const check = new Utf8Check();
  for (let at = 0; at < bytes.length; at += pieceBytes)
    check.add(bytes.subarray(at, at + pieceBytes), at);
  check.end(bytes.length);
  return check.firstBad;
};

/** By the decoder of the platform: the longest beginning that it takes. */
const expectedBad = (bytes: Buffer): number | undefined => {
  const takes = (end: number): boolean => {
    try {
      new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes.subarray(0, end));
      return true;
    } catch {
      return false;
    }
  };
  if (takes(bytes.length)) return undefined;
  for (let end = bytes.length - 1; end > 0; end -= 1) if (takes(end)) return end;
  return 0;
};

describe("a check for UTF-8", () => {
  it("finds the first bad byte of every change of one byte and every end, however the text is cut into pieces", () => {
    const text = Buffer.from("a é ── 𝄞 \u0000\u07ff\uffff\u{10ffff} z");
    const seen = new Set<number | undefined>();
    const check = (bytes: Buffer): void => {
      const expected = expectedBad(bytes);
      seen.add(expected);
      for (const size of [1, 2, 3, 5, 7, 100]) expect(firstBad(bytes, size)).toBe(expected);
    };
    for (let end = 0; end <= text.length; end += 1) check(text.subarray(0, end));
    for (let place = 0; place < text.length; place += 1)
      for (const byte of [0x41, 0x80, 0xbf, 0xc0, 0xc3, 0xe2, 0xed, 0xf0, 0xf4, 0xf5, 0xff]) {
        const changed = Buffer.from(text);
        changed[place] = byte;
        check(changed);
      }
    expect(seen.size).toBeGreaterThan(10);
  });

  it("finds it in a long text as well", () => {
    const text = Buffer.from("é─𝄞".repeat(5_000));
    for (const place of [0, 1, 20_000, 44_998, 44_999]) {
      const changed = Buffer.from(text);
      changed[place] = 0xff;
      expect(firstBad(changed, 4_096)).toBe(expectedBad(changed));
    }
  });
});
