/**
 * The bytes of one file of a legacy directory: what JSON is in them, and what is wrong with them.
 *
 *     bytes ─ encoding (BOM, UTF-16) ─ first value (json-salvage) ─ what follows it ──> salvage + damage
 *
 * What crashes leave, as seen in real directories: zero bytes, a text cut at a block, a whole value with
 * the end of an older, longer text behind it, and a hole of NUL bytes where a write never arrived.
 *
 * The rule: a whole first value counts as whole, whatever follows it; a cut one counts as far as it goes.
 */
import { salvageJson, type Salvage } from "./json-salvage.ts";
import type { LegacyProblemKind } from "./legacy-problem.ts";

export interface FileDamage {
  readonly kind: LegacyProblemKind;
  readonly reason: string;
  readonly startBytes?: number;
}

export interface FileReading {
  /** Undefined if the file holds no JSON at all. */
  readonly salvage: Salvage | undefined;
  readonly damage: readonly FileDamage[];
}

/** Reads the bytes of one file; `levelsMax` as in json-salvage. Never throws, whatever the bytes. */
export const readFileBytes = (bytes: Uint8Array, levelsMax: number): FileReading => {
  if (bytes.length === 0) return { salvage: undefined, damage: [emptyFile] };
  if (nulEnd(bytes, 0) === bytes.length) {
    const reason = `all ${bytes.length} bytes are NUL`;
    return { salvage: undefined, damage: [{ kind: "nul-filled", reason, startBytes: 0 }] };
  }
  const { text, startBytes, damage, placed } = decodeText(bytes);
  const salvage = salvageJson(text, { startBytes, levelsMax });
  const found = salvage.stop
    ? damageAtStop(text, salvage.stop)
    : damageBehind(text, salvage.endBytes);
  const all = [...damage, ...(found ? [found] : [])];
  return { salvage, damage: placed ? all : all.map(withoutPlace) };
};

const emptyFile: FileDamage = { kind: "empty-file", reason: "the file has zero bytes" };

interface DecodedText {
  readonly text: Uint8Array;
  readonly startBytes: number;
  readonly damage: readonly FileDamage[];
  /** False if byte positions in `text` are not those of the file. */
  readonly placed: boolean;
}

const decodeText = (bytes: Uint8Array): DecodedText => {
  const [a, b, c] = bytes;
  if (a === 0xef && b === 0xbb && c === 0xbf) {
    const reason = "it begins with a UTF-8 byte order mark";
    const damage: FileDamage = { kind: "bom", reason, startBytes: 0 };
    return { text: bytes, startBytes: 3, damage: [damage], placed: true };
  }
  const littleEndian = (a === 0xff && b === 0xfe) || (isOpening(a) && b === 0);
  const bigEndian = (a === 0xfe && b === 0xff) || (a === 0 && isOpening(b));
  if (!littleEndian && !bigEndian) return { text: bytes, startBytes: 0, damage: [], placed: true };
  const units = Buffer.from(bytes.subarray(0, bytes.length - (bytes.length % 2)));
  if (bigEndian) units.swap16();
  const text = new TextEncoder().encode(new TextDecoder("utf-16le").decode(units));
  const reason = `it is UTF-16${littleEndian ? "LE" : "BE"}, not UTF-8`;
  return {
    text,
    startBytes: 0,
    damage: [{ kind: "utf-16", reason, startBytes: 0 }],
    placed: false,
  };
};

const isOpening = (byte: number | undefined): boolean => byte === 0x7b || byte === 0x5b;

const damageAtStop = (bytes: Uint8Array, stop: NonNullable<Salvage["stop"]>): FileDamage => {
  const { atBytes: startBytes, ended, place } = stop;
  if (ended) return { kind: "cut", reason: `cut at byte ${startBytes} ${place}`, startBytes };
  const end = nulEnd(bytes, startBytes);
  if (end === startBytes) {
    const byte = (bytes[startBytes] ?? 0).toString(16).padStart(2, "0");
    const reason = `the byte 0x${byte} at ${startBytes} is not JSON ${place}`;
    return { kind: "damaged", reason, startBytes };
  }
  const rest = bytes.length - end;
  const behind = rest === 0 ? "the end" : `${end}, with ${rest} unreadable bytes behind them`;
  return { kind: "nul-hole", reason: `NUL bytes from ${startBytes} to ${behind}`, startBytes };
};

const damageBehind = (bytes: Uint8Array, valueEnd: number): FileDamage | undefined => {
  let startBytes = valueEnd;
  while (isSpace(bytes[startBytes])) startBytes += 1;
  const count = bytes.length - valueEnd;
  if (startBytes === bytes.length) return undefined;
  const what = nulEnd(bytes, startBytes) === bytes.length ? "NUL bytes" : "bytes of another text";
  const reason = `a whole value up to byte ${valueEnd}, then ${count} ${what}`;
  return { kind: "stale-tail", reason, startBytes: valueEnd };
};

const isSpace = (byte: number | undefined): boolean =>
  byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;

const nulEnd = (bytes: Uint8Array, startBytes: number): number => {
  let position = startBytes;
  while (bytes[position] === 0) position += 1;
  return position;
};

const withoutPlace = ({ kind, reason }: FileDamage): FileDamage => ({ kind, reason });
