/**
 * The values of verified lines that stand one behind the other, parsed as one array.
 *
 *     {"crc":"9ae0daaf","seq":1,…}\n{"crc":"5d3e0f1a","seq":2,…}\n
 *    [{"crc":"9ae0daaf","seq":1,…},{"crc":"5d3e0f1a","seq":2,…}]
 *
 * Together is faster than one by one. The rule: each line gives the value that it would give alone, and the bytes
 * stay what they are; a checksum says nothing of JSON.
 */
import { parseJson } from "@taskwal/format";

const comma = 0x2c;
const openingBracket = 0x5b;
const closingBracket = 0x5d;

/** Used again and again, by one call at a time: a new one for each would cost more than what it is for. */
const scratch = Buffer.alloc(128 * 1024);

/** Verified lines of `bytes`: where each begins, where its newline is, and the checksum that it claims. */
export interface Lines {
  readonly starts: readonly number[];
  readonly ends: readonly number[];
  readonly crcs: readonly number[];
}

/** One value per line, undefined for a line that is not exactly one. */
export const parseLines = (bytes: Buffer, lines: Lines): readonly unknown[] =>
  parseJoined(bytes, lines) ??
  lines.starts.map((start, index) => parseJson(bytes.toString("utf8", start, lines.ends[index])));

const parseJoined = (bytes: Buffer, { starts, ends, crcs }: Lines): unknown[] | undefined => {
  const [first = 0] = starts;
  const length = (ends.at(-1) ?? first) - first + 2;
  const text = length <= scratch.length ? scratch : Buffer.allocUnsafe(length);
  bytes.copy(text, 1, first, first + length - 2);
  text[0] = openingBracket;
  for (const end of ends) text[end - first + 1] = comma;
  text[length - 1] = closingBracket;
  const values = parseJson(text.toString("utf8", 0, length)) as unknown[] | undefined;
  if (values?.length !== starts.length) return undefined;
  // By their checksums: two lines that are no JSON alone may be it together.
  return values.every((value, index) => hasCrc(value, crcs[index])) ? values : undefined;
};

const hasCrc = (value: unknown, crc: number | undefined): boolean => {
  const text: unknown = (value as { readonly crc?: unknown } | null)?.crc;
  return typeof text === "string" && text.length === 8 && Number.parseInt(text, 16) === crc;
};
