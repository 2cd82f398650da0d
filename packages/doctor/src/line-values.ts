/**
 * What stands on one line of JSONL, when it should be one value.
 *
 *     {"a":1}                 whole
 *     {"a":1}{"b":2}          whole, whole                glued
 *     {"a":"cut he{"b":2}     torn, whole                 a torn end, and the next append behind it
 *     ␀␀␀␀{"b":2}             nul, whole                  a hole, and the next append behind it
 *
 * The rule: a value that begins behind a break counts only if it is whole up to the end of the line or of
 * the hole; the search for one has a bound of work.
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

export const valuesOfLine = (line: Buffer, keys: ReadonlySet<string>): LinePart[] => {
  const parts: LinePart[] = [];
  let at = 0;
  while (at < line.length && parts.length < partsMax) {
    const end = skipNul(line, at);
    if (end > at) parts.push({ kind: "nul", startBytes: at, endBytes: end });
    const next = line.indexOf(0, end);
    at = next < 0 ? line.length : next;
    addValues(parts, line.subarray(0, at), end, keys);
  }
  if (at < line.length) parts.push({ kind: "garbled", startBytes: at, endBytes: line.length });
  return parts;
};

/** Adds the values from `from` to the end of `piece`, where no byte is NUL. */
const addValues = (
  parts: LinePart[],
  line: Buffer,
  from: number,
  keys: ReadonlySet<string>,
): void => {
  let at = from;
  while (at < line.length) {
    if (parts.length >= partsMax) {
      parts.push({ kind: "garbled", startBytes: at, endBytes: line.length });
      return;
    }
    const { status, stop, fields } = scanFrom(line, at, keys);
    if (status === "blank") break;
    if (status === "whole") {
      parts.push({ kind: "whole", startBytes: at, endBytes: stop, fields });
      at = stop;
      continue;
    }
    const kind = status === "open" ? "torn" : "garbled";
    const found = laterValue(line, at + 1, keys);
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

/** The first object from `from` on that ends with the line. */
const laterValue = (
  line: Buffer,
  from: number,
  keys: ReadonlySet<string>,
): LinePart | undefined => {
  let budgetBytes = Math.max(searchBytesMin, searchFactor * (line.length - from));
  let at = line.indexOf('{"', from);
  while (at >= 0 && budgetBytes > 0) {
    const { status, stop, fields } = scanFrom(line, at, keys);
    budgetBytes -= stop - at + 1;
    if (status === "whole" && isBlank(line, stop))
      return { kind: "whole", startBytes: at, endBytes: line.length, fields };
    at = line.indexOf('{"', at + 1);
  }
  return undefined;
};
