/**
 * Changes to bytes that know what a line of JSON is: most of them leave something that almost reads.
 *
 *     {"seq":17,"lag":1}   ─ change a digit ─>    {"seq":97,"lag":1}
 *                          ─ extreme value ─>     {"seq":1e999,"lag":1}
 *                          ─ rename a key ─>      {"__proto__":17,"lag":1}
 *                          ─ splice ─>            {"seq":17,"la"type":"note.crea
 *
 * The rule: what comes out is a function of the generator's state and of the bytes.
 */
import type { Prng } from "@taskwal/disk/sim";

const newline = 0x0a;

/** Values that no writer writes: at the ends of numbers, of other kinds, deep, long, or of a bad name. */
const extremes: readonly [string, ...string[]] = [
  "0",
  "-0",
  "-1",
  "1.5",
  "1e308",
  "1e999",
  "-1e999",
  "4294967295",
  "4294967296",
  "2147483647",
  "9007199254740991",
  "9007199254740992",
  "9007199254740990",
  "1000000000000",
  "null",
  "true",
  "false",
  '""',
  "[]",
  "{}",
  "[1,2]",
  "[2,2]",
  "[1,65536]",
  "[1,65537]",
  "[[1]]",
  '"5"',
  '"__proto__"',
  '"constructor"',
  '"\\ud800"',
  '"\\u0000"',
  `"${"x".repeat(600)}"`,
  '{"__proto__":{"polluted":1}}',
  '{"constructor":{"prototype":{"polluted":1}}}',
  '[{"__proto__":null}]',
  `${"[".repeat(300)}${"]".repeat(300)}`,
];

const keys: readonly [string, ...string[]] = [
  "__proto__",
  "constructor",
  "toString",
  "length",
  "crc",
  "seq",
  "lag",
  "at",
  "type",
  "id",
  "n",
  "tx",
  "v",
  "data",
  "dur",
  "seal",
  "format",
  "store",
  "first",
  "epoch",
  "previous",
  "last",
  "new",
];

const garbage: readonly [string, ...string[]] = [
  '{"crc":"',
  '{"crc":"00000000","seq":1,"lag":1,"at":0,"type":"$boot","data":{}}\n',
  "\n",
  "\r\n",
  "\r",
  "\u00ef\u00bb\u00bf",
  "\0\0\0\0\0\0\0\0",
  "}",
  "]",
  "],\n",
  "{",
  "[",
  '"',
  "\\",
  ",",
  "},{",
  "\u00ff\u00fe",
];

type Mutation = (prng: Prng, bytes: Buffer, other: Buffer) => Buffer;

const join = (...parts: Buffer[]): Buffer => Buffer.concat(parts);
const text = (value: string): Buffer => Buffer.from(value, "latin1");

/** A range of at most `most` bytes. */
const rangeIn = (prng: Prng, bytes: Buffer, most = 64): readonly [number, number] => {
  const start = prng.below(bytes.length);
  return [start, Math.min(bytes.length, start + 1 + prng.below(most))];
};

const replaced = (bytes: Buffer, start: number, end: number, by: Buffer): Buffer =>
  join(bytes.subarray(0, start), by, bytes.subarray(end));

/** From a random place on, once around: the first byte that is asked for, or -1. */
const find = (prng: Prng, bytes: Buffer, wanted: (byte: number) => boolean): number => {
  const from = prng.below(bytes.length);
  for (let step = 0; step < bytes.length; step += 1) {
    const at = (from + step) % bytes.length;
    if (wanted(bytes[at] ?? 0)) return at;
  }
  return -1;
};

const flipBit: Mutation = (prng, bytes) => {
  const copy = Buffer.from(bytes);
  const at = prng.below(copy.length);
  copy[at] = (copy[at] ?? 0) ^ (1 << prng.below(8));
  return copy;
};

const setByte: Mutation = (prng, bytes) => {
  const copy = Buffer.from(bytes);
  copy[prng.below(copy.length)] = prng.below(256);
  return copy;
};

const splice: Mutation = (prng, bytes, other) => {
  if (other.length === 0) return bytes;
  const [from, to] = rangeIn(prng, other, prng.below(4) === 0 ? 600 : 48);
  const piece = other.subarray(from, to);
  const at = prng.below(bytes.length);
  return replaced(bytes, at, prng.below(2) === 0 ? at : at + piece.length, piece);
};

const duplicate: Mutation = (prng, bytes) => {
  const [from, to] = rangeIn(prng, bytes);
  return replaced(bytes, to, to, bytes.subarray(from, to));
};

const drop: Mutation = (prng, bytes) =>
  replaced(bytes, ...rangeIn(prng, bytes, 24), Buffer.alloc(0));

const truncate: Mutation = (prng, bytes) => bytes.subarray(0, prng.below(bytes.length));

const insert: Mutation = (prng, bytes) => {
  const at = prng.below(bytes.length + 1);
  return replaced(bytes, at, at, text(prng.pick(garbage)));
};

const changeDigit: Mutation = (prng, bytes) => {
  const at = find(prng, bytes, (byte) => byte >= 0x30 && byte <= 0x39);
  if (at < 0) return bytes;
  const copy = Buffer.from(bytes);
  copy[at] = 0x30 + prng.below(10);
  return copy;
};

const extremeValue: Mutation = (prng, bytes) => {
  const at = find(prng, bytes, (byte) => byte === 0x3a) + 1;
  if (at === 0) return bytes;
  let end = at;
  while (end < bytes.length && ![0x2c, 0x7d, newline].includes(bytes[end] ?? newline)) end += 1;
  return replaced(bytes, at, end, text(prng.pick(extremes)));
};

const renameKey: Mutation = (prng, bytes) => {
  const colon = find(prng, bytes, (byte) => byte === 0x3a);
  const start = colon < 2 ? -1 : bytes.lastIndexOf(0x22, colon - 2);
  if (start < 0) return bytes;
  return replaced(bytes, start, colon, text(`"${prng.pick(keys)}"`));
};

const addMember: Mutation = (prng, bytes) => {
  const at = find(prng, bytes, (byte) => byte === 0x2c);
  if (at < 0) return bytes;
  return replaced(bytes, at, at, text(`,"${prng.pick(keys)}":${prng.pick(extremes)}`));
};

const linesOf = (bytes: Buffer): Buffer[] => {
  const lines: Buffer[] = [];
  for (let start = 0; start < bytes.length;) {
    const end = bytes.indexOf(newline, start);
    const next = end < 0 ? bytes.length : end + 1;
    lines.push(bytes.subarray(start, next));
    start = next;
  }
  return lines;
};

const onLines =
  (change: (prng: Prng, lines: Buffer[], other: Buffer) => void): Mutation =>
  (prng, bytes, other) => {
    const lines = linesOf(bytes);
    change(prng, lines, other);
    return join(...lines);
  };

const swapLines = onLines((prng, lines) => {
  const a = prng.below(lines.length);
  const b = prng.below(lines.length);
  const kept = lines[a];
  lines[a] = lines[b] ?? Buffer.alloc(0);
  lines[b] = kept ?? Buffer.alloc(0);
});

const duplicateLine = onLines((prng, lines) => {
  const line = lines[prng.below(lines.length)];
  if (line) lines.splice(prng.below(lines.length + 1), prng.below(2), line);
});

const dropLine = onLines((prng, lines) => {
  lines.splice(prng.below(lines.length), 1);
});

const otherLine = onLines((prng, lines, other) => {
  const others = linesOf(other);
  const line = others[prng.below(others.length)];
  if (line) lines.splice(prng.below(lines.length + 1), prng.below(2), line);
});

const inBytes: readonly [Mutation, ...Mutation[]] = [
  flipBit,
  setByte,
  splice,
  duplicate,
  drop,
  truncate,
  insert,
  changeDigit,
  changeDigit,
  extremeValue,
  extremeValue,
  renameKey,
  addMember,
];

const inLines: readonly [Mutation, ...Mutation[]] = [
  ...inBytes,
  swapLines,
  duplicateLine,
  dropLine,
  otherLine,
];

/** One to three changes; `other` is where pieces come from. Never longer than a few lines more. */
export const mutate = (
  prng: Prng,
  bytes: Uint8Array,
  other: Uint8Array,
  unit: "line" | "lines",
): Buffer => {
  let found: Buffer = Buffer.from(bytes);
  const rest = Buffer.from(other.buffer, other.byteOffset, other.byteLength);
  const count = 1 + (prng.below(3) === 0 ? 1 + prng.below(2) : 0);
  for (let step = 0; step < count && found.length > 0; step += 1)
    found = prng.pick(unit === "line" ? inBytes : inLines)(prng, found, rest);
  return found;
};
