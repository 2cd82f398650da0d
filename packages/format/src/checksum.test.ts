import { crc32 as zlibCrc32 } from "node:zlib";
import { describe, expect, it } from "vitest";

import { crc32, hex32 } from "./checksum.ts";

const pattern = (sizeBytes: number): Buffer =>
  Buffer.from(Uint8Array.from({ length: sizeBytes }, (_, at) => (at * 31 + (at >> 3)) & 0xff));

/** Both libraries agree on `sizeBytes` bytes, whole and in two parts, from any seed. */
const checkAgreement = (sizeBytes: number): void => {
  const bytes = pattern(sizeBytes);
  for (const seed of [0, 1, 0x7fffffff, 0x80000000, 0xffffffff]) {
    const whole = crc32(bytes, seed);
    expect(whole).toBe(zlibCrc32(bytes, seed));
    const cut = sizeBytes >> 1;
    expect(crc32(bytes.subarray(cut), crc32(bytes.subarray(0, cut), seed))).toBe(whole);
  }
};

describe("the checksum", () => {
  it("is CRC-32/ISO-HDLC", () => {
    expect(hex32(crc32(Buffer.from("123456789")))).toBe("cbf43926");
    expect(hex32(crc32(Buffer.alloc(0)))).toBe("00000000");
  });

  it("is the same from both libraries at every size around the switch", () => {
    for (let sizeBytes = 1; sizeBytes <= 1_100; sizeBytes += 1) checkAgreement(sizeBytes);
    // zlib forgets the seed of nothing; the short way does not.
    for (const seed of [0, 1, 0xffffffff]) expect(crc32(Buffer.alloc(0), seed)).toBe(seed);
    for (const sizeBytes of [4_095, 4_096, 65_537]) checkAgreement(sizeBytes);
  });

  it("is eight lower-case digits", () => {
    expect([0, 1, 0xab, 0xffffffff].map(hex32)).toEqual([
      "00000000",
      "00000001",
      "000000ab",
      "ffffffff",
    ]);
  });
});
