/**
 * Which files of `wal/` make up the log, and which bytes of each.
 *
 *     epoch 1   |1 ......... 49|xxxxxxxxxxxxx|          x: overridden, not torn, not damage
 *     epoch 2                  |50 ...... 99|xxxxx|
 *     epoch 3                               |100 ......
 *
 * The rule: a segment overrides every line of a lower epoch whose sequence is not below its first, also
 * when its file is gone and only HEAD or a header tells of it. A header that no longer reads loses nothing.
 */
import { errnoOf, UnsupportedFormatError } from "@taskwal/errors";
import type { Directory, File } from "@taskwal/disk";
import {
  decodeHead,
  isCount,
  isJsonObject,
  limits,
  lineOf,
  newline,
  parseClaimName,
  parseJson,
  parseSegmentName,
  segmentName,
  segmentSalt,
  verifyLine,
  verifyMarkedLine,
  walFolder,
  type Head,
  type SegmentHeader,
  type SegmentId,
} from "@taskwal/format";
import { readHeads } from "./head-file.ts";

export interface SegmentFile {
  readonly id: SegmentId;
  /** Relative to the state directory: "wal/…jsonl". */
  readonly name: string;
  readonly sizeBytes: number;
  /** Undefined if its first line does not verify. */
  readonly header: SegmentHeader | undefined;
  readonly salt: number;
  /** Bytes from here on that do not verify do not belong to the log: a later segment overrode them. */
  readonly endBytes: number;
  /** What follows it is of a higher epoch: behind its last record may stand what a crash left. */
  readonly overridden: boolean;
  /** The highest sequence that it may hold; Infinity for the last segment. */
  readonly lastMax: number;
}

export interface LogListing {
  /** The store's id; undefined if there is no segment and no HEAD. */
  readonly store: string | undefined;
  /** What makes up the log, in the order of sequences. */
  readonly segments: readonly SegmentFile[];
  /** Wholly overridden: history of a crash. */
  readonly overridden: readonly SegmentFile[];
  readonly head: Head | undefined;
  /** The highest sequence that headers and HEAD say was durable. */
  readonly promised: number;
  /** The highest epoch ever claimed or written, 0 if none. */
  readonly epochMax: number;
}

/** What is known of a segment before the others are. */
interface SegmentStart {
  readonly id: SegmentId;
  readonly name: string;
  readonly sizeBytes: number;
  readonly header: SegmentHeader | undefined;
}

type Overriding = Pick<SegmentStart, "id" | "header">;

const headerBytesMax = 64 * 1024;

export interface ListOptions {
  /** What an unreadable header or HEAD becomes: the disk's error (the default), or one that says nothing. */
  readonly onReadError?: "throw" | "damage";
}

/**
 * Reads names, headers and HEAD; no other byte. Throws UnsupportedFormatError for a newer format;
 * errors of the disk pass through. `store` is believed for segments whose header does not read.
 */
export const listLog = async (
  directory: Directory,
  store?: string,
  { onReadError = "throw" }: ListOptions = {},
): Promise<LogListing> => {
  const names = await directory.list(walFolder);
  const heads = await unlessDamaged(onReadError, () => readHeads(directory));
  const starts: SegmentStart[] = [];
  for (const name of names) {
    const id = parseSegmentName(name);
    const start = id && (await readStart(directory, id, onReadError));
    if (start) starts.push(start);
  }
  starts.sort((a, b) => a.id.first - b.id.first || a.id.epoch - b.id.epoch);
  const written = starts.findLast((start) => start.header)?.header?.store;
  // HEAD may be another store's, left behind by a copy of segments: then it promises nothing here.
  const head = heads && decodeHead(heads, written)?.head;
  const known = written ?? head?.store ?? store;
  const named = namedSegments(starts, head);
  const files = starts.map((start) => placeSegment(start, [...starts, ...named], known ?? ""));
  const claims = names.map((name) => parseClaimName(name) ?? 0);
  return {
    store: known,
    segments: files.filter((file) => file.lastMax >= file.id.first),
    overridden: files.filter((file) => file.lastMax < file.id.first),
    head,
    promised: Math.max(0, head?.durable ?? 0, ...starts.flatMap(promisesOf)),
    epochMax: Math.max(0, head?.epoch ?? 0, ...claims, ...starts.map((s) => s.id.epoch)),
  };
};

/**
 * What a segment's being there says was durable: all below its first record, since that is synced (or a
 * promise already) before the name appears. The name says it also where the header does not read.
 */
const promisesOf = ({ id, header }: SegmentStart): number[] => [
  id.first - 1,
  header?.previous?.last ?? 0,
];

/**
 * Segments that others name, whether they are there or not: what one overrode stays overridden when its
 * file is gone. Else lines that were never acknowledged would read in the place of those it held.
 */
const namedSegments = (starts: readonly SegmentStart[], head: Head | undefined): Overriding[] => {
  const ids = starts.flatMap(({ header }) => header?.previous ?? []);
  return [...ids, ...(head ? [head] : [])].map((id) => ({ id, header: undefined }));
};

/** Under "damage", EIO is undefined. */
const unlessDamaged = async <T>(
  onReadError: "throw" | "damage",
  read: () => Promise<T>,
): Promise<T | undefined> => {
  try {
    return await read();
  } catch (error) {
    if (onReadError === "throw" || errnoOf(error) !== "EIO") throw error;
    return undefined;
  }
};

const readStart = async (
  directory: Directory,
  id: SegmentId,
  onReadError: "throw" | "damage",
): Promise<SegmentStart | undefined> => {
  const name = segmentName(id);
  const file = await openListed(directory, name);
  if (!file) return undefined;
  try {
    const { sizeBytes } = await file.stat();
    const line = await unlessDamaged(onReadError, () => readFirstLine(file));
    return { id, name, sizeBytes, header: line && decodeHeader(line, id) };
  } finally {
    await file.close();
  }
};

/** The first bytes, at least up to a newline: block by block, so that an unreadable one behind costs nothing. */
const readFirstLine = async (file: File): Promise<Uint8Array> => {
  const bytes = Buffer.allocUnsafe(headerBytesMax);
  let filled = 0;
  while (filled < headerBytesMax && !bytes.subarray(0, filled).includes(newline)) {
    const count = await file.read(bytes.subarray(filled, filled + limits.blockBytes), filled);
    if (count === 0) break;
    filled += count;
  }
  return bytes.subarray(0, filled);
};

/** Undefined if the name went since it was listed: pruned by the owner beside this reader. */
const openListed = async (directory: Directory, name: string): Promise<File | undefined> => {
  try {
    return await directory.open(name, "read");
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
};

const decodeHeader = (bytes: Uint8Array, id: SegmentId): SegmentHeader | undefined => {
  const end = bytes.indexOf(newline);
  if (end < 0) return undefined;
  const store = /"store":"([^"\\]{1,64})"/.exec(
    Buffer.from(bytes.subarray(0, end)).toString(),
  )?.[1];
  if (!store) return undefined;
  const salt = segmentSalt(store, id);
  const whole = verifyLine(bytes, 0, end, salt) ? { start: 0, end } : undefined;
  const place = whole ?? verifyMarkedLine(bytes, 0, end, salt);
  if (!place) return undefined;
  const line = lineOf(parseJson(Buffer.from(bytes.subarray(place.start, place.end)).toString()));
  if (line.kind !== "header") return undefined;
  assertSupported(id, line.header);
  return line.header;
};

const headerFields = ["crc", "format", "store", "first", "epoch", "previous", "parent"];
const previousFields = ["first", "epoch", "last", "bytes", "sha256"];
const parentFields = ["store", "last", "sha256"];

const assertSupported = (id: SegmentId, header: SegmentHeader): void => {
  const file = segmentName(id);
  const supported = `log format ${limits.formatVersion}`;
  if (header.format !== limits.formatVersion) {
    throw new UnsupportedFormatError({ file, found: `log format ${header.format}`, supported });
  }
  const field = [
    ...Object.keys(header).filter((key) => !headerFields.includes(key)),
    ...Object.keys(header.previous ?? {}).filter((key) => !previousFields.includes(key)),
    ...Object.keys(header.parent ?? {}).filter((key) => !parentFields.includes(key)),
  ][0];
  const odd = field ?? oddField(header, id);
  if (odd) throw new UnsupportedFormatError({ file, found: `header field "${odd}"`, supported });
};

/** What is computed with must be what this code writes: a checksum says nothing of values. */
const oddField = (
  { store, first, epoch, previous, parent }: SegmentHeader,
  id: SegmentId,
): string | undefined => {
  if (typeof store !== "string") return "store";
  if (first !== id.first) return "first";
  if (epoch !== id.epoch) return "epoch";
  if (previous !== undefined && !isPrevious(previous, id)) return "previous";
  return parent === undefined || isJsonObject(parent) ? undefined : "parent";
};

/** It stands before: one of a later epoch would override the very segment that names it. */
const isPrevious = (value: unknown, id: SegmentId): boolean => {
  if (!isJsonObject(value)) return false;
  const { first, epoch, last, bytes, sha256 } = value;
  if (Number(first) > id.first || Number(epoch) > id.epoch) return false;
  return (
    [first, epoch, last, bytes].every(isCount) && ["string", "undefined"].includes(typeof sha256)
  );
};

const placeSegment = (
  start: SegmentStart,
  all: readonly Overriding[],
  store: string,
): SegmentFile => {
  let lastMax = Number.POSITIVE_INFINITY;
  let endBytes = start.sizeBytes;
  let overridden = false;
  for (const other of all) {
    const later = other.id.epoch > start.id.epoch;
    const next = other.id.epoch === start.id.epoch && other.id.first > start.id.first;
    if ((later || next) && other.id.first - 1 <= lastMax) {
      overridden = later || (overridden && other.id.first - 1 === lastMax);
      lastMax = other.id.first - 1;
    }
    const previous = other.header?.previous;
    if (previous?.first === start.id.first && previous.epoch === start.id.epoch) {
      endBytes = Math.min(endBytes, previous.bytes);
    }
  }
  const salt = segmentSalt(start.header?.store ?? store, start.id);
  return { ...start, salt, endBytes, overridden, lastMax };
};
