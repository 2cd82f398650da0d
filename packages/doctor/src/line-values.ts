/**
 * What stands on one line of JSONL, when it should be one value.
 *
 *     {"a":1}                 whole
 *     {"a":1}{"b":2}          whole, whole                glued
 *     {"a":"cut he{"b":2}     torn, whole                 a torn end, and the next append behind it
 *     ␀␀␀␀{"b":2}             nul, whole                  a hole, and the next append behind it
 *
 * The rule: a value that begins behind a break counts only if it is whole up to the end of the line or of
 * the hole, and begins as other records of the file do: else it could be a part of what is torn. The search
 * for one has a bound of work.
 */
import { isBlank } from "./json-file.ts";
import { JsonScanner } from "./json-scanner.ts";
import { skipNul } from "./nul-runs.ts";

/** The few fields of a record that are looked at, by their path. */
export type Fields = ReadonlyMap<string, string | number | boolean | null>;

export interface LinePart {
  readonly kind: "whole" | "torn" | "garbled" | "nul";
  readonly startBytes: number;
  readonly endBytes: number;
  /** Of a whole value. */
  readonly fields?: Fields;
}

/** What is told apart on one line; the rest of a line of more is garbled. */
const partsMax = 1_000;

/** The first key of every record that was whole so far: how records of this file begin. */
export type Beginnings = Set<string>;

/** How many different ones are told apart. */
const beginningsMax = 64;
const keyBytesMax = 64;

/** What a program looks for in a line: the keys whose values it wants, and how a record begins. */
export interface LineReading {
  readonly keys: ReadonlySet<string>;
  readonly beginnings: Beginnings;
}

export const valuesOfLine = (line: Buffer, reading: LineReading): LinePart[] => {
  const parts: LinePart[] = [];
  let at = 0;
  while (at < line.length && parts.length < partsMax) {
    const end = skipNul(line, at);
    if (end > at) parts.push({ kind: "nul", startBytes: at, endBytes: end });
    const next = line.indexOf(0, end);
    at = next < 0 ? line.length : next;
    addValues(parts, line.subarray(0, at), end, reading);
  }
  if (at < line.length) parts.push({ kind: "garbled", startBytes: at, endBytes: line.length });
  return parts;
};

/** Adds the values from `from` to the end of `piece`, where no byte is NUL. */
const addValues = (parts: LinePart[], line: Buffer, from: number, reading: LineReading): void => {
  let at = from;
  while (at < line.length) {
    if (parts.length >= partsMax) {
      parts.push({ kind: "garbled", startBytes: at, endBytes: line.length });
      return;
    }
    const { status, stop, fields } = scanFrom(line, at, reading.keys);
    if (status === "blank") break;
    if (status === "whole") {
      learn(reading.beginnings, firstKey(line, at));
      parts.push({ kind: "whole", startBytes: at, endBytes: stop, fields });
      at = stop;
      continue;
    }
    const kind = status === "open" ? "torn" : "garbled";
    const canGuess = status === "bad";
    const found = laterValue(line, at + 1, reading, canGuess);
    if (found === undefined) {
      parts.push({ kind, startBytes: at, endBytes: line.length });
      break;
    }
    parts.push({ kind: "torn", startBytes: at, endBytes: found.startBytes }, found);
    at = found.endBytes;
  }
};

interface Scan {
  readonly status: JsonScanner["status"];
  readonly stop: number;
  readonly fields: Fields;
}

const scanFrom = (line: Buffer, from: number, keys: ReadonlySet<string>): Scan => {
  const fields = new Map<string, string | number | boolean | null>();
  const scanner = new JsonScanner(
    {
      scalar: (path, value) => {
        if (!path.includes(".") || path === "payload.id") fields.set(path, value);
      },
      ended: (path) => void (path === "payload" && fields.set(path, true)),
    },
    keys,
  );
  const stop = scanner.feed(line, from);
  scanner.end();
  return { status: scanner.status, stop, fields };
};

/** Bytes that the search behind a break may read, for each byte of the line. */
const searchFactor = 8;
const searchBytesMin = 64 * 1024;

/**
 * The first object from `from` on that ends with the line and begins as a record does. While no record was whole,
 * any object does if `canGuess`.
 */
const laterValue = (
  line: Buffer,
  from: number,
  { keys, beginnings }: LineReading,
  canGuess: boolean,
): LinePart | undefined => {
  if (beginnings.size === 0 && !canGuess) return undefined;
  let budgetBytes = Math.max(searchBytesMin, searchFactor * (line.length - from));
  let at = line.indexOf('{"', from);
  while (at >= 0 && budgetBytes > 0) {
    if (beginnings.size === 0 || beginnings.has(firstKey(line, at) ?? "")) {
      const { status, stop, fields } = scanFrom(line, at, keys);
      budgetBytes -= stop - at + 1;
      if (status === "whole" && isBlank(line, stop))
        return { kind: "whole", startBytes: at, endBytes: line.length, fields };
    }
    at = line.indexOf('{"', at + 1);
  }
  return undefined;
};

/** The key behind `{"`, as its bytes stand there; undefined if there is none, or a longer one. */
const firstKey = (line: Buffer, at: number): string | undefined => {
  if (line[at] !== 0x7b || line[at + 1] !== 0x22) return undefined;
  const end = line.subarray(at + 2, at + 2 + keyBytesMax).indexOf(0x22);
  return end < 0 ? undefined : line.toString("latin1", at + 2, at + 2 + end);
};

const learn = (beginnings: Beginnings, key: string | undefined): void => {
  if (key !== undefined && beginnings.size < beginningsMax) beginnings.add(key);
};
