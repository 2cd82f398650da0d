/**
 * Checksums as docs/format.md has them, written a second time: to make changed bytes pass, and to know
 * which of them must not.
 *
 *     {"crc":"????????","seq":…}\n   ─ reseal ─>   {"crc":"9f943174","seq":…}\n     salt: <store>/<first>/<epoch>
 *
 * The rule: nothing here asks the code under test.
 */
import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";

const prefix = Buffer.from('{"crc":"', "latin1");
const crcEnd = 16;
const newline = 0x0a;
const headSlotBytes = 4096;

/** The state in which a line's checksum begins. */
export const saltOf = (salt: string): number => crc32(Buffer.from(salt, "latin1"));

/** The salt of a file under `wal/`, from its name; undefined if its lines have none. */
export const saltOfFile = (name: string, store: string): number | undefined => {
  if (name === "wal/HEAD") return saltOf(`${store}/HEAD`);
  const match = /^wal\/(\d{20})-(\d{8,})\.jsonl$/.exec(name);
  return match ? saltOf(`${store}/${Number(match[1])}/${Number(match[2])}`) : undefined;
};

const crcOf = (bytes: Uint8Array, start: number, end: number, salt: number): string =>
  crc32(bytes.subarray(start + crcEnd, end), salt)
    .toString(16)
    .padStart(8, "0");

/** Whether the bytes from `start` to the newline at `end` are a line of this salt. */
export const isLine = (bytes: Buffer, start: number, end: number, salt: number): boolean =>
  end - start > crcEnd + 1 &&
  bytes.compare(prefix, 0, prefix.length, start, start + prefix.length) === 0 &&
  bytes.toString("latin1", start + prefix.length, start + crcEnd) ===
    crcOf(bytes, start, end, salt);

const sealLine = (bytes: Buffer, start: number, end: number, salt: number): void => {
  if (end - start <= crcEnd + 1) return;
  prefix.copy(bytes, start);
  bytes.write(crcOf(bytes, start, end, salt), start + prefix.length, "latin1");
};

/** Gives every line the prefix and the checksum that it should have. */
export const resealLines = (bytes: Buffer, salt: number): Buffer => {
  const sealed = Buffer.from(bytes);
  for (let start = 0; start < sealed.length;) {
    const found = sealed.indexOf(newline, start);
    const end = found < 0 ? sealed.length : found;
    sealLine(sealed, start, end, salt);
    start = end + 1;
  }
  return sealed;
};

/** Both slots of HEAD. */
export const resealHead = (bytes: Buffer, salt: number): Buffer => {
  const sealed = Buffer.from(bytes);
  for (const start of [0, headSlotBytes]) {
    const end = sealed.indexOf(newline, start);
    if (end > start) sealLine(sealed, start, end, salt);
  }
  return sealed;
};

const checksumLine = /"checksum":"sha256:[0-9a-f]{64}"\}\n$/;

/** Replaces the last line, or adds one. */
export const resealSnapshot = (bytes: Buffer): Buffer => {
  const text = bytes.toString("latin1");
  const last = text.lastIndexOf('"checksum"');
  const body = Buffer.from(last > 0 ? text.slice(0, last) : `${text}\n`, "latin1");
  const digest = createHash("sha256").update(body).digest("hex");
  return Buffer.concat([body, Buffer.from(`"checksum":"sha256:${digest}"}\n`, "latin1")]);
};

/** Whether a snapshot ends with the checksum of what stands before. */
export const isSealedSnapshot = (bytes: Buffer): boolean => {
  const line = checksumLine.exec(bytes.toString("latin1"));
  if (!line) return false;
  const digest = createHash("sha256").update(bytes.subarray(0, line.index)).digest("hex");
  return line[0].includes(digest);
};
