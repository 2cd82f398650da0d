/**
 * One string or number of a JSON text, read from its bytes.
 *
 *     bytes ── scanString / scanNumber ──> where it ends, or where and why it cannot go on
 *
 * The rule: a token is either proved whole by the bytes or it does not exist. Nothing is guessed: a
 * number at the very end of a cut text may have lost digits, and is for the caller to refuse.
 */
import { isUtf8 } from "node:buffer";

/** Reading cannot go on: at `stopBytes` the bytes end, or hold what JSON does not allow there. */
export interface TokenStop {
  readonly stopBytes: number;
  readonly ended: boolean;
}

export interface StringToken {
  /** The byte after the closing quote. */
  readonly endBytes: number;
  readonly text: string;
  /** The first byte that is no UTF-8. It and its like were read as U+FFFD, as Node does. */
  readonly invalidBytes: number | undefined;
}

const quote = 0x22;
const backslash = 0x5c;
const simpleEscapes = new Set(Buffer.from('"\\/bfnrt'));
const isHexDigit = (byte: number): boolean =>
  (byte >= 0x30 && byte <= 0x39) ||
  (byte >= 0x41 && byte <= 0x46) ||
  (byte >= 0x61 && byte <= 0x66);

/** Reads the string whose opening quote is at `startBytes`. */
export const scanString = (bytes: Buffer, startBytes: number): StringToken | TokenStop => {
  let escaped = false;
  let ascii = true;
  let position = startBytes + 1;
  for (;;) {
    const byte = bytes[position];
    if (byte === undefined) return { stopBytes: position, ended: true };
    if (byte === quote) break;
    if (byte < 0x20) return { stopBytes: position, ended: false };
    if (byte === backslash) {
      const after = scanEscape(bytes, position);
      if (typeof after !== "number") return after;
      escaped = true;
      position = after;
    } else {
      if (byte >= 0x80) ascii = false;
      position += 1;
    }
  }
  const content = bytes.subarray(startBytes + 1, position);
  const raw = content.toString(ascii ? "latin1" : "utf8");
  const invalid = ascii || isUtf8(content) ? undefined : startBytes + 1 + firstInvalidUtf8(content);
  // The escapes were checked above, so JSON.parse cannot throw. It keeps lone surrogates.
  const text = escaped ? (JSON.parse(`"${raw}"`) as string) : raw;
  return { endBytes: position + 1, text, invalidBytes: invalid };
};

/** The byte after the escape that begins at `startBytes`. */
const scanEscape = (bytes: Uint8Array, startBytes: number): number | TokenStop => {
  const letter = bytes[startBytes + 1];
  if (letter === undefined) return { stopBytes: startBytes + 1, ended: true };
  if (simpleEscapes.has(letter)) return startBytes + 2;
  if (letter !== 0x75) return { stopBytes: startBytes + 1, ended: false };
  for (let position = startBytes + 2; position < startBytes + 6; position += 1) {
    const digit = bytes[position];
    if (digit === undefined) return { stopBytes: position, ended: true };
    if (!isHexDigit(digit)) return { stopBytes: position, ended: false };
  }
  return startBytes + 6;
};

/** Where the first sequence begins that is no UTF-8; the length if there is none. */
export const firstInvalidUtf8 = (bytes: Uint8Array): number => {
  let position = 0;
  while (position < bytes.length) {
    const count = sequenceBytes(bytes, position);
    if (count === 0) return position;
    position += count;
  }
  return bytes.length;
};

/** How many bytes the character at `position` has; 0 if it is none. */
const sequenceBytes = (bytes: Uint8Array, position: number): number => {
  const lead = bytes[position] ?? 0xff;
  if (lead < 0x80) return 1;
  const count = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4) return 0;
  // The second byte excludes overlong forms, surrogates, and what lies beyond U+10FFFF.
  const second = bytes[position + 1] ?? 0;
  const least = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
  const most = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
  if (second < least || second > most) return 0;
  for (let next = 2; next < count; next += 1) {
    const byte = bytes[position + next] ?? 0;
    if (byte < 0x80 || byte > 0xbf) return 0;
  }
  return count;
};

const numberForm = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
const isNumberByte = (byte: number | undefined): boolean =>
  byte !== undefined &&
  ((byte >= 0x30 && byte <= 0x39) ||
    byte === 0x2b ||
    byte === 0x2d ||
    byte === 0x2e ||
    byte === 0x45 ||
    byte === 0x65);

/** Reads the number at `startBytes`; the caller judges one that touches the end of the bytes. */
export const scanNumber = (
  bytes: Buffer,
  startBytes: number,
): { readonly endBytes: number; readonly text: string } | TokenStop => {
  let position = startBytes;
  while (isNumberByte(bytes[position])) position += 1;
  const text = bytes.toString("latin1", startBytes, position);
  if (numberForm.test(text)) return { endBytes: position, text };
  const ended = position === bytes.length;
  return { stopBytes: ended ? position : startBytes, ended };
};
