/**
 * Whether a number of a JSON text survives being read as a double and written again.
 *
 *     9007199254740993        9007199254740992     changed
 *     0.30000000000000004     the same             kept
 *     1e400                   Infinity             no JSON: its source text is kept, as a string
 *     -0                      0                    changed: JSON.stringify writes 0
 *
 * The rule: a number is kept if writing its double gives the same decimal value, however it is spelled.
 */

export interface ReadNumber {
  /** The double; the source text where no finite double exists. */
  readonly value: number | string;
  readonly kept: boolean;
}

/** Reads a number that has the form of JSON. Up to 15 significant digits are always kept. */
export const readNumber = (text: string): ReadNumber => {
  const value = Number(text);
  if (!Number.isFinite(value)) return { value: text, kept: false };
  if (Object.is(value, -0)) return { value: 0, kept: false };
  if (text.length <= 15 && !/[eE]/.test(text)) return { value, kept: true };
  return { value, kept: decimal(text) === decimal(String(value)) };
};

/** A decimal number as sign, digits without outer zeros, and a power of ten: equal values, equal texts. */
const decimal = (text: string): string => {
  const [mantissa = "", power = "0"] = text.toLowerCase().split("e");
  const sign = mantissa.startsWith("-") ? "-" : "";
  const [whole = "", fraction = ""] = mantissa.slice(sign.length).split(".");
  const digits = whole + fraction;
  let first = 0;
  while (digits[first] === "0") first += 1;
  let last = digits.length;
  while (last > first && digits[last - 1] === "0") last -= 1;
  if (first === last) return "0";
  const exponent = Number(power) - fraction.length + (digits.length - last);
  return `${sign}${digits.slice(first, last)}e${exponent}`;
};
