/**
 * CRC-32 (ISO-HDLC, "123456789" -> cbf43926) and SHA-256. The only door to `crc-32`.
 *
 * As these stand on disk they are set in stone. `crc-32` is faster on a short record, zlib on a long
 * one (from about 250 B on, 913 against 2,770 MB/s at 1 MiB on Node 20); both give the same.
 */
import { createHash, type Hash } from "node:crypto";
import { crc32 as zlibCrc32 } from "node:zlib";
import crc32Library from "crc-32";

const shortBytesMax = 256;

/** The unsigned CRC-32 of `bytes`, going on from `seed` (the CRC of what came before). */
export const crc32 = (bytes: Uint8Array, seed = 0): number =>
  bytes.length <= shortBytesMax ? crc32Library.buf(bytes, seed) >>> 0 : zlibCrc32(bytes, seed);

/** Eight lower-case hexadecimal digits. */
export const hex32 = (value: number): string => value.toString(16).padStart(8, "0");

const digits = Buffer.from("0123456789abcdef", "latin1");

/** The same eight digits, written into `bytes` from `start` on. */
export const writeHex32 = (bytes: Uint8Array, start: number, value: number): void => {
  for (let index = 0; index < 8; index++) {
    bytes[start + index] = digits[(value >>> (28 - 4 * index)) & 0xf] ?? 0;
  }
};

/** A running SHA-256; `digest("hex")` ends it. */
export const sha256 = (): Hash => createHash("sha256");

export type { Hash };
