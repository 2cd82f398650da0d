/**
 * The lines between head and checksum, taken in by the mebibyte.
 *
 *     "name":{…},        a summary          "name":[   ─ entities, parsed as arrays of 64 KiB ─   ],
 *     "engine":{…},      the last
 *
 * Lines that follow each other in a collection are parsed together: twice as fast as one by one.
 * The rule: nothing here is believed before the checksum of the whole file is; a line that is not of the
 * grammar is a value, with its byte.
 */
import { isAscii } from "node:buffer";
import { newline, parseJson, type JsonValue } from "@taskwal/format";
import { reservedKeys } from "./snapshot-format.ts";

export interface Defect {
  readonly reason: string;
  /** Where in the file the line begins. */
  readonly startBytes: number;
}

const closingBracket = 0x5d;
const comma = 0x2c;
/** So much is parsed together. V8 puts texts from 128 KiB on where making and collecting them takes longer. */
const pieceBytesMin = 64 * 1024;

export class SnapshotBody {
  readonly summary: Record<string, JsonValue> = {};
  readonly collections = new Map<string, JsonValue[]>();
  /** Undefined until its line was taken in: then the body is whole. */
  engine: JsonValue | undefined;
  #collection: JsonValue[] | undefined;

  /** Takes in whole lines, which begin at `startBytes` of the file. Returns the first defect; then no more may follow. */
  add(bytes: Buffer, startBytes: number): Defect | undefined {
    for (let at = 0; at < bytes.length;) {
      const next = this.#collection
        ? this.#addEntities(bytes, at, this.#collection)
        : this.#addLine(bytes, at);
      if (typeof next === "object") return { ...next, startBytes: startBytes + next.startBytes };
      at = next;
    }
    return undefined;
  }

  /** From `start` to the end of the collection or of the chunk. Returns where that is. */
  #addEntities(bytes: Buffer, start: number, into: JsonValue[]): number | Defect {
    const end = endOfEntities(bytes, start);
    for (let at = start; at < end;) {
      const next = endOfPiece(bytes, at, end);
      const isFollowed = bytes[next - 2] === comma;
      // Without the newline, and without the comma before it if more follow.
      const text = textOf(bytes.subarray(at, isFollowed ? next - 2 : next - 1));
      const values = isFollowed || next === end ? parseJson(`[${text}]`) : undefined;
      if (!Array.isArray(values)) return firstBadLine(bytes, start, end);
      // Not push(...values): so many arguments do not fit on the stack.
      for (const value of values as JsonValue[]) into.push(value);
      at = next;
    }
    if (end === bytes.length) return end;
    const next = bytes.indexOf(newline, end) + 1;
    if (bytes.toString("latin1", end, next) !== "],\n") {
      return { reason: "a collection does not end as it should", startBytes: end };
    }
    this.#collection = undefined;
    return next;
  }

  /** A line outside collections. Returns where the next one begins. */
  #addLine(bytes: Buffer, start: number): number | Defect {
    const end = bytes.indexOf(newline, start);
    const line = textOf(bytes.subarray(start, end));
    const label = /^"(?:[^"\\]|\\.)*":/.exec(line)?.[0] ?? "";
    const key = parseJson(label.slice(0, -1));
    const known = typeof key === "string" && this.#addKeyed(key, line.slice(label.length));
    return known ? end + 1 : { reason: "a line is not one of a snapshot", startBytes: start };
  }

  #addKeyed(key: string, rest: string): boolean {
    const isTaken = this.collections.has(key) || Object.hasOwn(this.summary, key);
    if (this.engine !== undefined || isTaken) return false;
    if (rest === "[" && !reservedKeys.has(key)) {
      this.#collection = [];
      this.collections.set(key, this.#collection);
      return true;
    }
    const value = rest.endsWith(",")
      ? (parseJson(rest.slice(0, -1)) as JsonValue | undefined)
      : undefined;
    if (value === undefined) return false;
    if (key === "engine") this.engine = value;
    else if (reservedKeys.has(key)) return false;
    else this.summary[key] = value;
    return true;
  }
}

/** JSON escapes line breaks, so a "]" at the beginning of a line is the end of a collection. */
const endOfEntities = (bytes: Buffer, start: number): number => {
  if (bytes[start] === closingBracket) return start;
  const found = bytes.indexOf("\n]", start, "latin1");
  return found < 0 ? bytes.length : found + 1;
};

/** Behind the line that makes a piece large enough; at most `end`. */
const endOfPiece = (bytes: Buffer, start: number, end: number): number => {
  const found = bytes.indexOf(newline, start + pieceBytesMin);
  return found < 0 ? end : Math.min(found + 1, end);
};

const firstBadLine = (bytes: Buffer, start: number, end: number): Defect => {
  for (let at = start; at < end;) {
    const next = bytes.indexOf(newline, at) + 1;
    const textEnd = bytes[next - 2] === comma ? next - 2 : next - 1;
    if (parseJson(textOf(bytes.subarray(at, textEnd))) === undefined) {
      return { reason: "a line is not JSON", startBytes: at };
    }
    at = next;
  }
  return { reason: "lines do not follow each other as they should", startBytes: start };
};

/** Most text is ASCII, and V8 then makes it ten times faster, of half the size. */
const textOf = (bytes: Buffer): string => bytes.toString(isAscii(bytes) ? "latin1" : "utf8");
