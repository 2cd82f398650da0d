/**
 * How many bytes a text has inside a string of JSON, and the most of a text that fits.
 *
 *     a 1    é 2    漢 3    😀 4    \n \t " \\ 2    other control characters, half a pair 6
 *
 * The rule: counted as JSON.stringify writes it and UTF-8 encodes it, without the quotes. Half of a
 * surrogate pair is never cut off from the other half.
 */

const shortEscapes = new Set(['"', "\\", "\b", "\f", "\n", "\r", "\t"]);

const isHigh = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdbff;
const isLow = (unit: number): boolean => unit >= 0xdc00 && unit <= 0xdfff;

/** What the character that begins at `index` costs, and how many code units it has. */
const characterAt = (text: string, index: number): { bytes: number; units: 1 | 2 } => {
  const unit = text.charCodeAt(index);
  if (unit < 0x80) {
    if (shortEscapes.has(text[index] ?? "")) return { bytes: 2, units: 1 };
    return { bytes: unit < 0x20 ? 6 : 1, units: 1 };
  }
  if (unit < 0x800) return { bytes: 2, units: 1 };
  if (isHigh(unit) && isLow(text.charCodeAt(index + 1))) return { bytes: 4, units: 2 };
  return { bytes: isHigh(unit) || isLow(unit) ? 6 : 3, units: 1 };
};

/** Counts up to `bytesMax`; what is longer is `Infinity`, and is not read to its end. */
export const jsonBytesOf = (text: string, bytesMax: number): number => {
  let total = 0;
  for (let index = 0; index < text.length;) {
    const { bytes, units } = characterAt(text, index);
    total += bytes;
    if (total > bytesMax) return Number.POSITIVE_INFINITY;
    index += units;
  }
  return total;
};

/** The longest beginning that has at most so many bytes. */
export const headWithin = (text: string, bytesMax: number): string => {
  let left = bytesMax;
  let index = 0;
  while (index < text.length) {
    const { bytes, units } = characterAt(text, index);
    if (bytes > left) break;
    left -= bytes;
    index += units;
  }
  return text.slice(0, index);
};

/** The longest end that has at most so many bytes. */
export const tailWithin = (text: string, bytesMax: number): string => {
  let left = bytesMax;
  let start = text.length;
  while (start > 0) {
    const isPair = isLow(text.charCodeAt(start - 1)) && isHigh(text.charCodeAt(start - 2));
    const before = start - (isPair ? 2 : 1);
    const { bytes } = characterAt(text, before);
    if (bytes > left) break;
    left -= bytes;
    start = before;
  }
  return text.slice(start);
};
