/**
 * The lines of a snapshot. It is one JSON object, and one entity stands on one line:
 *
 *     {"version":"1.0.0","format":1,"store":"…","epoch":2,"sequence":4713,"last":"77a90c5b",…     head
 *     "metrics":{…},                                                                          summary
 *     "tasks":[                                                                            collection
 *     {…},
 *     {…}
 *     ],
 *     "engine":{…},                                                        what the engine itself keeps
 *     "checksum":"sha256:…"}                                          of every byte before this line
 *
 * The rule: a file is believed only as a whole, by its checksum, and the last line is compared byte by
 * byte; so no change of any byte passes.
 */
import {
  canonicalJson,
  isCount,
  isJsonObject,
  limits,
  newline,
  parseJson,
  type JsonValue,
} from "@taskwal/format";
import type { JsonPiece } from "./json-piece.ts";

/** What binds a snapshot to the log, and tells its versions. */
export interface SnapshotHead {
  /** Of the layout that other tools read: "1.0.0". It says nothing to this program. */
  readonly version: string;
  /** Of this file's grammar. */
  readonly format: number;
  readonly store: string;
  readonly epoch: number;
  /** The last sequence that is in it; 0 if none is. */
  readonly sequence: number;
  /** The checksum of that record's line, eight hex digits. */
  readonly last: string;
  /** Schema versions by entity name. */
  readonly schema: Readonly<Record<string, number>>;
  /** ISO 8601 in UTC, as Date.toISOString writes it. */
  readonly last_saved: string;
}

/** A state as of one sequence, to be written. What its iterables walk over must not change until the save resolves. */
export interface SnapshotSource {
  readonly head: Omit<SnapshotHead, "version" | "format">;
  /** Derived keys for people and tools, such as "metrics". */
  readonly summary: Readonly<Record<string, JsonValue>>;
  readonly collections: readonly {
    readonly name: string;
    readonly entities: Iterable<JsonPiece>;
  }[];
  readonly engine: JsonPiece;
}

/** Keys that a summary or a collection cannot have. */
export const reservedKeys: ReadonlySet<string> = new Set(
  "version format store epoch sequence last schema last_saved engine checksum __proto__".split(" "),
);

/** The first line, newline included. */
export const headBytesMax = 64 * 1024;

/**
 * A line in UTF-16 units. V8 holds no longer text than 2^29 - 24: what is written must be readable, also
 * on systems with less memory.
 */
export const lineCharsMax = 256 * 1024 * 1024;

export const headLine = ({
  store,
  epoch,
  sequence,
  last,
  schema,
  last_saved,
}: SnapshotSource["head"]): string => {
  const fields = { version: "1.0.0", format: limits.formatVersion, store, epoch, sequence, last };
  const text = JSON.stringify({ ...fields, schema: 0, last_saved });
  return `${text.slice(0, -1).replace('"schema":0', () => `"schema":${canonicalJson(schema)}`)},\n`;
};

/** What the first line of a file says. */
export type HeadReading =
  | { readonly kind: "ours"; readonly head: SnapshotHead }
  | { readonly kind: "newer"; readonly format: number }
  | { readonly kind: "other" };

const other: HeadReading = { kind: "other" };

/** Takes the beginning of a file, at least its first line or headBytesMax. */
export const decodeHead = (bytes: Uint8Array): HeadReading => {
  const end = bytes.indexOf(newline);
  const text = Buffer.from(bytes.subarray(0, Math.max(0, end))).toString("utf8");
  if (!text.startsWith("{") || !text.endsWith(",")) return other;
  const fields = parseJson(`${text.slice(0, -1)}}`);
  if (!isJsonObject(fields)) return other;
  const { format, store } = fields;
  if (!isCount(format) || format < 1 || typeof store !== "string") return other;
  if (format > limits.formatVersion) return { kind: "newer", format };
  return isHead(fields) ? { kind: "ours", head: fields } : other;
};

const isHead = (fields: object): fields is SnapshotHead => {
  const { version, epoch, sequence, last, schema, last_saved } = fields as Record<string, unknown>;
  return (
    typeof version === "string" &&
    isCount(epoch) &&
    isCount(sequence) &&
    typeof last === "string" &&
    typeof schema === "object" &&
    schema !== null &&
    Object.values(schema).every(isCount) &&
    typeof last_saved === "string" &&
    isTime(last_saved)
  );
};

/** A time that a backup's name can hold and give back. */
const isTime = (text: string): boolean =>
  /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(text) && !Number.isNaN(Date.parse(text));

export const checksumLine = (sha256Hex: string): string => `"checksum":"sha256:${sha256Hex}"}\n`;

/** The length of that line: it is found from the end. */
export const checksumLineBytes = checksumLine("0".repeat(64)).length;

/**
 * The checksum that the end of a file claims, or undefined if it is no checksum line. `tail` is the last
 * byte before that line and the line.
 */
export const decodeChecksumLine = (tail: Uint8Array): string | undefined => {
  const text = Buffer.from(tail).toString("latin1");
  return /^\n"checksum":"sha256:([0-9a-f]{64})"\}\n$/.exec(text)?.[1];
};
