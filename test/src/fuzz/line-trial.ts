/**
 * Bytes that were lines, through the one function that reads lines, beside a second reading.
 *
 *     |whole line|  changed bytes  |whole line|   ─ scanChunk ─>  line · bad · line
 *                                                      =?
 *                              every stretch between newlines, by zlib's CRC and JSON.parse alone
 *
 * The rule: what verifies is found, once, and says what its bytes say; nothing else is; every byte is
 * in one item; bad bytes are values and never an exception.
 */
import { limits } from "@taskwal/format";
import { scanChunk, type Scanned } from "@taskwal/log";
import { isLine } from "./reseal.ts";

/** What a check found; the input's seed and number are added by whoever runs it. */
export class Finding extends Error {
  override readonly name = "Finding";
}

export const holds = (condition: boolean, rule: string, details?: () => string): void => {
  if (!condition) throw new Finding(details ? `${rule}\n${details()}` : rule);
};

const newline = 0x0a;
const carriageReturn = 0x0d;
const bom = Buffer.from([0xef, 0xbb, 0xbf]);

const recordFields = new Set("crc seq lag at type v id n tx actor cause key trace data".split(" "));
const isCount = (value: unknown): value is number =>
  Number.isSafeInteger(value) && Number(value) > 0;
const isText = (value: unknown): boolean => value === undefined || typeof value === "string";
const isCountIfThere = (value: unknown): boolean => value === undefined || isCount(value);

const isMember = (tx: unknown): boolean =>
  tx === undefined ||
  (Array.isArray(tx) &&
    tx.length === 2 &&
    isCount(tx[0]) &&
    isCount(tx[1]) &&
    tx[0] <= tx[1] &&
    tx[1] <= limits.transactionRecordsMax);

const isRecord = (value: Readonly<Record<string, unknown>>): boolean => {
  const { seq, lag, at, type, id, n, v, tx, actor, cause, key, trace } = value;
  return (
    Object.keys(value).every((field) => recordFields.has(field)) &&
    isCount(seq) &&
    isCount(lag) &&
    lag <= seq &&
    Number.isFinite(at) &&
    typeof type === "string" &&
    "data" in value &&
    [id, actor, key, trace].every(isText) &&
    [n, v, cause].every(isCountIfThere) &&
    isMember(tx)
  );
};

const hasOnly = (value: object, fields: readonly string[]): boolean =>
  Object.keys(value).every((field) => fields.includes(field));

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null;

/** What docs/format.md says that a line is: read again here, field by field. */
export const kindOf = (value: unknown): Extract<Scanned, { kind: "line" }>["line"]["kind"] => {
  if (!isObject(value) || Array.isArray(value)) return "unknown";
  if ("seq" in value) return isRecord(value) ? "record" : "unknown";
  if ("dur" in value) {
    const { dur } = value;
    return hasOnly(value, ["crc", "dur"]) && (dur === 0 || isCount(dur)) ? "marker" : "unknown";
  }
  if ("seal" in value) {
    const { seal } = value;
    if (!isObject(seal) || !hasOnly(value, ["crc", "seal"])) return "unknown";
    const { last } = seal;
    const isSeal = hasOnly(seal, ["last", "count", "sha256"]) && (last === 0 || isCount(last));
    return isSeal ? "seal" : "unknown";
  }
  return "format" in value ? "header" : "unknown";
};

/** Undefined if it is not JSON. */
export const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

type Line = Extract<Scanned, { kind: "line" }>;

/** Where its text ends: before its newline (CRLF, if a tool brought that), or at its end if that was damaged or cut. */
const textEnd = (bytes: Buffer, { startBytes, endBytes }: Line, salt: number): number => {
  const ends = [endBytes - 1, endBytes, ...(bytes[endBytes - 2] === 0x0d ? [endBytes - 2] : [])];
  return ends.find((end) => isLine(bytes, startBytes, end, salt)) ?? -1;
};

const checkLine = (bytes: Buffer, item: Line, salt: number): void => {
  const end = textEnd(bytes, item, salt);
  const where = (): string => `bytes ${item.startBytes} to ${item.endBytes}: ${show(item.line)}`;
  holds(end > 0, "a line is told whose checksum is wrong", where);
  const value = parsed(bytes.toString("utf8", item.startBytes, end));
  const { line } = item;
  holds(value !== undefined, "a line is told that is not JSON", where);
  holds(
    line.kind === kindOf(value),
    `a line is told as ${line.kind}, and is ${kindOf(value)}`,
    where,
  );
  holds(
    sameText(saidBy(line, value), value),
    "a line is told with other content than its bytes",
    where,
  );
};

/** Of the value, what the line says again; the value itself where it says nothing of it. */
const saidBy = (line: Line["line"], value: unknown): unknown => {
  switch (line.kind) {
    case "record":
      return line.record;
    case "header":
      return line.header;
    case "marker":
      return { ...(value as object), dur: line.durable };
    case "seal":
      return { ...(value as object), seal: line.seal };
    case "unknown":
      return value;
  }
};

/** Values that JSON.parse made: by their text, which is faster than field by field. */
const sameText = (a: unknown, b: unknown): boolean =>
  a === b || JSON.stringify(a) === JSON.stringify(b);

const show = (value: unknown): string => JSON.stringify(value)?.slice(0, 400) ?? "undefined";

/** Items are in order, and what no item has are newlines, and what a tool added. */
const checkCover = (bytes: Buffer, found: readonly Scanned[]): void => {
  let at = 0;
  for (const item of found) {
    if (item.kind === "mark") continue;
    holds(item.startBytes >= at - 1 && item.endBytes > item.startBytes, "items overlap", () =>
      show(found),
    );
    const between = bytes.subarray(at, Math.max(at, item.startBytes));
    holds(isAdded(between), "bytes are in no item", () => `${at} to ${item.startBytes}`);
    at = item.endBytes;
  }
  holds(isAdded(bytes.subarray(at)), "bytes are in no item", () => `${at} to the end`);
};

const isAdded = (bytes: Buffer): boolean =>
  bytes.every((byte) => byte === newline || byte === carriageReturn || bom.includes(byte));

export type LineVerdict = "line" | "marked line" | "bad" | "refused" | "not JSON";

/** Throws a Finding. `startBytes` to `endBytes` are the bytes that were changed; the rest are whole lines. */
export const tryLines = (
  bytes: Buffer,
  salt: number,
  [startBytes, endBytes]: readonly [number, number],
): LineVerdict => {
  // Its newlines may be overwritten: it reads a copy.
  const found = scanChunk({ bytes: Buffer.from(bytes), baseBytes: 0, salt, unreadable: [] });
  const lines = new Map<number, Line>();
  for (const item of found) {
    if (item.kind !== "line") continue;
    checkLine(bytes, item, salt);
    lines.set(item.startBytes, item);
  }
  checkCover(bytes, found);
  let isNotJson = false;
  for (let start = 0; start < bytes.length;) {
    const next = bytes.indexOf(newline, start);
    if (next < 0) break;
    if (isLine(bytes, start, next, salt)) {
      // What is told was held against its text above.
      const isJson = lines.has(start) || parsed(bytes.toString("utf8", start, next)) !== undefined;
      isNotJson ||= !isJson;
      holds(lines.has(start) === isJson, "a line that verifies is not told", () => `byte ${start}`);
    }
    start = next + 1;
  }
  // The whole lines before and behind: the one behind also where the newline before it is gone.
  if (startBytes > 0) holds(lines.has(0), "the whole line before is not told");
  if (endBytes < bytes.length) holds(lines.has(endBytes), "the whole line behind is not told");
  return verdictOf(found, [startBytes, endBytes], isNotJson);
};

const verdictOf = (
  found: readonly Scanned[],
  [startBytes, endBytes]: readonly [number, number],
  isNotJson: boolean,
): LineVerdict => {
  const own = found.filter((item) => item.startBytes >= startBytes && item.startBytes < endBytes);
  if (own.some((item) => item.kind === "line" && item.line.kind === "unknown")) return "refused";
  if (own.some((item) => item.kind === "mark")) return "marked line";
  if (isNotJson) return "not JSON";
  return own.some((item) => item.kind === "bad") || own.length === 0 ? "bad" : "line";
};
