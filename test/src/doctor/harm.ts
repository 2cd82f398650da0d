/**
 * Random harm to the files of other programs: what crashes, full disks, editors and bad memory leave, and pure noise.
 *
 * The rule: the same generator gives the same harm.
 */
import type { Prng } from "@taskwal/disk/sim";

/** One harmed version of the bytes; `other` is a file that pieces may come from. */
export const harmed = (random: Prng, bytes: Buffer, other: Buffer): Buffer =>
  random.pick(harms)(random, bytes, other);

type Harm = (random: Prng, bytes: Buffer, other: Buffer) => Buffer;

const place = (random: Prng, bytes: Buffer): number => random.below(bytes.length + 1);
const piece = (random: Prng, bytes: Buffer): Buffer => {
  const from = place(random, bytes);
  return bytes.subarray(from, from + random.below(300));
};
const spliced = (bytes: Buffer, at: number, removed: number, put: Uint8Array): Buffer =>
  Buffer.concat([bytes.subarray(0, at), put, bytes.subarray(at + removed)]);

const tokens = [
  '{"',
  '"}',
  "[",
  "]",
  ",",
  "\n",
  "\r\n",
  '"',
  "\\",
  "null",
  "1e999",
  "\u0000",
  "\uFEFF",
];

const harms: readonly [Harm, ...Harm[]] = [
  // Cut, and its second half lost, shortened, or glued to another's.
  (random, bytes) => bytes.subarray(0, place(random, bytes)),
  (random, bytes) => bytes.subarray(place(random, bytes)),
  (random, bytes) => spliced(bytes, place(random, bytes), random.below(200), Buffer.alloc(0)),
  (random, bytes, other) =>
    Buffer.concat([bytes.subarray(0, place(random, bytes)), other.subarray(place(random, other))]),
  // Zeroed: some, all, none left.
  (random, bytes) => {
    const size = random.below(600);
    return spliced(bytes, place(random, bytes), random.pick([0, size]), Buffer.alloc(size));
  },
  (_, bytes) => Buffer.alloc(bytes.length),
  () => Buffer.alloc(0),
  // A line end lost, all of another kind, a piece twice, a piece of another file.
  (random, bytes) => {
    const at = bytes.indexOf(10, place(random, bytes));
    return at < 0 ? bytes : spliced(bytes, at, 1, Buffer.alloc(0));
  },
  (_, bytes) => Buffer.from(bytes.toString("latin1").replaceAll("\n", "\r\n"), "latin1"),
  (random, bytes) => spliced(bytes, place(random, bytes), 0, piece(random, bytes)),
  (random, bytes, other) =>
    spliced(bytes, place(random, bytes), random.below(50), piece(random, other)),
  // Bits, bytes, words, a mark, another encoding, a depth.
  (random, bytes) => {
    const at = random.below(bytes.length);
    return spliced(bytes, at, 1, Buffer.of((bytes[at] ?? 0) ^ (1 << random.below(8))));
  },
  (random, bytes) =>
    spliced(bytes, place(random, bytes), random.below(9), random.bytes(random.below(9))),
  (random, bytes) =>
    spliced(bytes, place(random, bytes), 0, Buffer.from(tokens[random.below(tokens.length)] ?? "")),
  (_, bytes) => Buffer.concat([Buffer.of(0xef, 0xbb, 0xbf), bytes]),
  (_, bytes) => Buffer.from(`\uFEFF${bytes.toString("utf8")}`, "utf16le"),
  (random, bytes) =>
    spliced(bytes, place(random, bytes), 0, Buffer.from("[".repeat(random.below(5_000)))),
];
