/**
 * Reads a snapshot back, if it is whole.
 *
 *     head line ─ our format? ─ entity lines, parsed some thousands at a time ─ checksum of all ─> ok
 *
 * The rule: bad bytes are a value (`ok: false`, with the reason), errors of the disk are thrown; and no
 * part of a file is believed unless its checksum is right.
 */
import { errnoOf } from "@taskwal/errors";
import type { Clock, Directory, File, FileStat } from "@taskwal/disk";
import { limits, newline, sha256, type JsonValue } from "@taskwal/format";
import { checksumLine, checksumLineBytes, type SnapshotHead } from "./snapshot-format.ts";

export type SnapshotReading =
  | {
      readonly ok: true;
      readonly head: SnapshotHead;
      /** Entities by collection, in the order of the file. Not frozen. */
      readonly collections: ReadonlyMap<string, JsonValue[]>;
      readonly engine: JsonValue;
      readonly stat: FileStat;
    }
  | {
      readonly ok: false;
      readonly kind: "missing" | "damaged" | "foreign" | "unsupported";
      readonly reason: string;
    };

/** What the first line of a file says. */
export type HeadReading =
  | { readonly kind: "ours"; readonly head: SnapshotHead }
  | { readonly kind: "newer"; readonly format: number }
  | { readonly kind: "other" };

const headBytesMax = 64 * 1024;
const chunkBytes = 1024 * 1024;

/** Looks at the first line only; says nothing of the rest. */
export const readSnapshotHead = async (directory: Directory, name: string): Promise<HeadReading> => {
  let file: File;
  try {
    file = await directory.open(name, "read");
  } catch (error) {
    if (errnoOf(error) === "ENOENT" || errnoOf(error) === "EISDIR") return { kind: "other" };
    throw error;
  }
  try {
    const buffer = new Uint8Array(headBytesMax);
    const count = await file.read(buffer, 0);
    return decodeHead(buffer.subarray(0, count));
  } finally {
    await file.close();
  }
};

const decodeHead = (bytes: Uint8Array): HeadReading => {
  const end = bytes.indexOf(newline);
  const text = Buffer.from(bytes.subarray(0, Math.max(0, end))).toString("utf8");
  if (!text.startsWith('{"version":') || !text.endsWith(",")) return { kind: "other" };
  try {
    const head = JSON.parse(`${text.slice(0, -1)}}`) as SnapshotHead;
    if (typeof head.format !== "number" || typeof head.store !== "string") return { kind: "other" };
    return head.format > limits.formatVersion ? { kind: "newer", format: head.format } : { kind: "ours", head };
  } catch {
    return { kind: "other" };
  }
};

/** Reads a whole snapshot; `clock.yield` lets others have their turn. Errors of the disk pass through. */
export const readSnapshot = async (
  directory: Directory,
  name: string,
  clock?: Clock,
): Promise<SnapshotReading> => {
  let file: File;
  try {
    file = await directory.open(name, "read");
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw error;
    return { ok: false, kind: "missing", reason: "it does not exist" };
  }
  try {
    const stat = await file.stat();
    const first = new Uint8Array(Math.min(headBytesMax, stat.sizeBytes));
    const head = decodeHead(first.subarray(0, await file.read(first, 0)));
    const sealed = await readChecksum(file, stat.sizeBytes);
    if (head.kind === "newer" && sealed !== undefined) {
      return { ok: false, kind: "unsupported", reason: `snapshot format ${head.format}` };
    }
    if (head.kind !== "ours") return foreignOrDamaged(stat.sizeBytes, sealed);
    if (sealed === undefined) return damaged("its last line is not its checksum: it was cut or changed");
    return await new SnapshotReader(file, stat, head.head, sealed, clock).read();
  } finally {
    await file.close();
  }
};

const damaged = (reason: string): SnapshotReading => ({ ok: false, kind: "damaged", reason });

const foreignOrDamaged = (sizeBytes: number, sealed: string | undefined): SnapshotReading => {
  if (sizeBytes === 0) return damaged("it is empty");
  if (sealed !== undefined) return damaged("its first line is damaged");
  return { ok: false, kind: "foreign", reason: "it is not a snapshot of this program, or damaged at both ends" };
};

/** The checksum that the last line claims, or undefined if there is no such line. */
const readChecksum = async (file: File, sizeBytes: number): Promise<string | undefined> => {
  const start = sizeBytes - checksumLineBytes;
  if (start < 0) return undefined;
  const bytes = new Uint8Array(checksumLineBytes);
  const count = await file.read(bytes, start);
  const text = Buffer.from(bytes.subarray(0, count)).toString("latin1");
  const hex = /^"checksum":"sha256:([0-9a-f]{64})"\}\n$/.exec(text)?.[1];
  return hex !== undefined && text === checksumLine(hex) ? hex : undefined;
};

class NotTheGrammar extends Error {}

/** Goes through the lines between head and checksum. */
class SnapshotReader {
  readonly #file: File;
  readonly #stat: FileStat;
  readonly #head: SnapshotHead;
  readonly #checksum: string;
  readonly #clock: Clock | undefined;
  readonly #collections = new Map<string, JsonValue[]>();
  #collection: JsonValue[] | undefined;
  #engine: JsonValue | undefined;
  #lineCount = 0;

  constructor(file: File, stat: FileStat, head: SnapshotHead, checksum: string, clock: Clock | undefined) {
    this.#file = file;
    this.#stat = stat;
    this.#head = head;
    this.#checksum = checksum;
    this.#clock = clock;
  }

  async read(): Promise<SnapshotReading> {
    const hash = sha256();
    const end = this.#stat.sizeBytes - checksumLineBytes;
    let buffer = Buffer.allocUnsafe(Math.min(chunkBytes, Math.max(end, 1)));
    let filled = 0;
    let defect: string | undefined;
    for (let at = 0; at < end; ) {
      if (filled === buffer.length) buffer = Buffer.concat([buffer], buffer.length * 2);
      const room = Math.min(buffer.length - filled, end - at);
      const count = await this.#file.read(buffer.subarray(filled, filled + room), at);
      if (count === 0) break;
      hash.update(buffer.subarray(filled, filled + count));
      filled += count;
      at += count;
      const cut = buffer.subarray(0, filled).lastIndexOf(newline) + 1;
      if (cut === 0) continue;
      defect ??= this.#lines(buffer.subarray(0, cut));
      buffer.copyWithin(0, cut, filled);
      filled -= cut;
      await this.#clock?.yield();
    }
    if (hash.digest("hex") !== this.#checksum) return damaged("its checksum does not match its content");
    if (defect !== undefined || this.#engine === undefined || filled > 0) {
      return damaged(defect ?? "it does not end as a snapshot does");
    }
    const { head, collections, engine, stat } = this.#result(this.#engine);
    return { ok: true, head, collections, engine, stat };
  }

  #result(engine: JsonValue) {
    return { head: this.#head, collections: this.#collections, engine, stat: this.#stat };
  }

  /** Whole lines. What they say is only believed once the checksum is. */
  #lines(bytes: Buffer): string | undefined {
    try {
      for (let start = 0; start < bytes.length; ) {
        start = this.#collection ? this.#entities(bytes, start, this.#collection) : this.#line(bytes, start);
      }
      return undefined;
    } catch (error) {
      if (error instanceof NotTheGrammar || error instanceof SyntaxError) return error.message;
      throw error;
    }
  }

  /** Consecutive entity lines, parsed as one array: twice as fast as one by one. */
  #entities(bytes: Buffer, start: number, into: JsonValue[]): number {
    let end = start;
    while (end < bytes.length && bytes[end] === 0x7b) end = bytes.indexOf(newline, end) + 1;
    if (end > start) {
      const text = bytes.toString("utf8", start, end - 1);
      const values = JSON.parse(`[${text.endsWith(",") ? text.slice(0, -1) : text}]`) as JsonValue[];
      for (const value of values) into.push(value);
    }
    if (end >= bytes.length) return end;
    const next = bytes.indexOf(newline, end);
    if (bytes.toString("latin1", end, next) !== "],") throw new NotTheGrammar("a collection does not end");
    this.#collection = undefined;
    return next + 1;
  }

  /** The head, a summary, the beginning of a collection, or the engine's part. */
  #line(bytes: Buffer, start: number): number {
    const end = bytes.indexOf(newline, start);
    const text = bytes.toString("utf8", start, end);
    this.#lineCount += 1;
    if (this.#lineCount === 1) return end + 1;
    const name = /^"((?:[^"\\]|\\.)*)":/.exec(text);
    if (!name || this.#engine !== undefined) throw new NotTheGrammar("a line is not of a snapshot");
    const key = JSON.parse(`"${name[1] ?? ""}"`) as string;
    const rest = text.slice(name[0].length);
    if (rest === "[") {
      this.#collection = [];
      this.#collections.set(key, this.#collection);
    } else if (!rest.endsWith(",")) {
      throw new NotTheGrammar("a line does not end as a snapshot's does");
    } else if (key === "engine") {
      this.#engine = JSON.parse(rest.slice(0, -1)) as JsonValue;
    }
    return end + 1;
  }
}
