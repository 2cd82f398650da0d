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
 * The rule: a file is believed only as a whole, by its checksum.
 */
import type { JsonValue } from "@taskwal/format";
import type { JsonPiece } from "./json-piece.ts";

/** What binds a snapshot to the log, and tells its versions. */
export interface SnapshotHead {
  /** Of the layout that other tools read. */
  readonly version: "1.0.0";
  readonly format: number;
  readonly store: string;
  readonly epoch: number;
  /** The last sequence that is in it. */
  readonly sequence: number;
  /** The checksum of that record's line, hex. */
  readonly last: string;
  /** Schema versions by entity name. */
  readonly schema: Readonly<Record<string, number>>;
  /** ISO 8601. */
  readonly last_saved: string;
}

export interface SnapshotSource {
  readonly head: Omit<SnapshotHead, "version" | "format">;
  /** Derived keys for people and tools, such as "metrics"; never read back. */
  readonly summary: Readonly<Record<string, JsonValue>>;
  readonly collections: readonly { readonly name: string; readonly entities: Iterable<JsonPiece> }[];
  readonly engine: JsonPiece;
}

export const checksumLine = (sha256Hex: string): string => `"checksum":"sha256:${sha256Hex}"}\n`;

/** The length of that line: it is found from the end. */
export const checksumLineBytes = checksumLine("0".repeat(64)).length;
