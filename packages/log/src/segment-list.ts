/**
 * Which files of `wal/` make up the log, and which bytes of each.
 *
 *     epoch 1   |1 ......... 49|xxxxxxxxxxxxx|          x: overridden, not torn, not damage
 *     epoch 2                  |50 ...... 99|xxxxx|
 *     epoch 3                               |100 ......
 *
 * The rule: a segment overrides every line of a lower epoch whose sequence is not below its first.
 * Names alone decide that; a header that no longer reads loses nothing.
 */
import { errnoOf, UnsupportedFormatError } from "@taskwal/errors";
import { readWhole, type Directory } from "@taskwal/disk";
import {
  decodeHead,
  headName,
  limits,
  lineOf,
  newline,
  parseClaimName,
  parseSegmentName,
  segmentName,
  segmentSalt,
  verifyLine,
  walFolder,
  type Head,
  type SegmentHeader,
  type SegmentId,
} from "@taskwal/format";

export interface SegmentFile {
  readonly id: SegmentId;
  /** Relative to the state directory: "wal/…jsonl". */
  readonly name: string;
  readonly sizeBytes: number;
  /** Undefined if its first line does not verify. */
  readonly header: SegmentHeader | undefined;
  readonly salt: number;
  /** Its bytes from here on do not belong to the log: a later segment overrode them. */
  readonly endBytes: number;
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

const headerBytesMax = 64 * 1024;

/**
 * Reads names, headers and HEAD; no other byte. Throws UnsupportedFormatError for a newer format;
 * errors of the disk pass through. `store` is believed for segments whose header does not read.
 */
export const listLog = async (directory: Directory, store?: string): Promise<LogListing> => {
  const names = await directory.list(walFolder);
  const head = await readHead(directory);
  const starts: SegmentStart[] = [];
  for (const name of names) {
    const id = parseSegmentName(name);
    if (id) starts.push(await readStart(directory, id));
  }
  starts.sort((a, b) => a.id.first - b.id.first || a.id.epoch - b.id.epoch);
  const known = starts.findLast((start) => start.header)?.header?.store ?? head?.store ?? store;
  const files = starts.map((start) => placeSegment(start, starts, known ?? ""));
  const claims = names.map((name) => parseClaimName(name) ?? 0);
  return {
    store: known,
    segments: files.filter((file) => file.lastMax >= file.id.first),
    overridden: files.filter((file) => file.lastMax < file.id.first),
    head,
    promised: Math.max(0, head?.durable ?? 0, ...starts.map((s) => s.header?.previous?.last ?? 0)),
    epochMax: Math.max(0, head?.epoch ?? 0, ...claims, ...starts.map((s) => s.id.epoch)),
  };
};

const readHead = async (directory: Directory): Promise<Head | undefined> => {
  try {
    return decodeHead(await readWhole(directory, headName, limits.smallFileBytesMax))?.head;
  } catch (error) {
    // A hint only: where it is missing or too large there is no hint.
    if (errnoOf(error) === "ENOENT" || error instanceof RangeError) return undefined;
    throw error;
  }
};

const readStart = async (directory: Directory, id: SegmentId): Promise<SegmentStart> => {
  const name = segmentName(id);
  const file = await directory.open(name, "read");
  try {
    const { sizeBytes } = await file.stat();
    const bytes = new Uint8Array(Math.min(sizeBytes, headerBytesMax));
    const count = await file.read(bytes, 0);
    return { id, name, sizeBytes, header: decodeHeader(bytes.subarray(0, count), id) };
  } finally {
    await file.close();
  }
};

const decodeHeader = (bytes: Uint8Array, id: SegmentId): SegmentHeader | undefined => {
  const end = bytes.indexOf(newline);
  if (end < 0) return undefined;
  const text = Buffer.from(bytes.subarray(0, end)).toString("utf8");
  const store = /"store":"([^"\\]{1,64})"/.exec(text)?.[1];
  if (!store || !verifyLine(bytes, 0, end, segmentSalt(store, id))) return undefined;
  const line = lineOf(JSON.parse(text));
  if (line.kind !== "header") return undefined;
  assertSupported(segmentName(id), line.header);
  return line.header;
};

const headerFields = new Set(["crc", "format", "store", "first", "epoch", "previous", "parent"]);

const assertSupported = (file: string, header: SegmentHeader): void => {
  const supported = `log format ${limits.formatVersion}`;
  if (header.format !== limits.formatVersion) {
    throw new UnsupportedFormatError({ file, found: `log format ${header.format}`, supported });
  }
  const field = Object.keys(header).find((key) => !headerFields.has(key));
  if (field)
    throw new UnsupportedFormatError({ file, found: `header field "${field}"`, supported });
};

const placeSegment = (
  start: SegmentStart,
  all: readonly SegmentStart[],
  store: string,
): SegmentFile => {
  let lastMax = Number.POSITIVE_INFINITY;
  let endBytes = start.sizeBytes;
  for (const other of all) {
    const later = other.id.epoch > start.id.epoch;
    const next = other.id.epoch === start.id.epoch && other.id.first > start.id.first;
    if (later || next) lastMax = Math.min(lastMax, other.id.first - 1);
    const previous = other.header?.previous;
    if (previous?.first === start.id.first && previous.epoch === start.id.epoch) {
      endBytes = Math.min(endBytes, previous.bytes);
    }
  }
  const salt = segmentSalt(start.header?.store ?? store, start.id);
  return { ...start, salt, endBytes, lastMax };
};
