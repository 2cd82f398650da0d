/**
 * What recovery writes again: the records that no promise covers, in a new segment of a higher epoch.
 *
 *     old   |header|…|  4 KiB block holding the end of D  |  > D, kept  |torn|
 *                    ^ cut                                              ^
 *     new             |header|=========== copied ========================|
 *
 * After a failed fsync a new process may read bytes from the page cache that are not on the disk (seen
 * on ext4 and xfs), so what is above D must reach a disk again before it is relied on. Below D nothing
 * is copied: it was synced for certain, since a failed sync stops all writing. The cut is at a block
 * because a disk writes blocks: the one that holds the end of D was written again after D was synced.
 */
import { errnoOf, invariant } from "@taskwal/errors";
import type { Directory } from "@taskwal/disk";
import {
  limits,
  objectBody,
  sha256,
  type LogRecord,
  type PreviousSegment,
  type SegmentHeader,
} from "@taskwal/format";
import type { ReplayEnd } from "./replay-result.ts";
import { scanSegment } from "./scan-segment.ts";
import type { LogListing, SegmentFile } from "./segment-list.ts";

/** How the next segment begins. */
export interface Continuation {
  readonly previous: PreviousSegment | undefined;
  /** The sequence of the first record in the next segment. */
  readonly first: number;
  /** Bodies of the records to copy; empty if a promise covers all. */
  readonly carried: readonly string[];
  /** What the first header of a store names that goes on from another one's state. */
  readonly parent?: SegmentHeader["parent"];
}

/** A record's line. */
interface Position {
  readonly seq: number;
  readonly startBytes: number;
  readonly endBytes: number;
  /** Where its transaction begins: itself, without one. */
  readonly begin: Position | undefined;
}

/** Reads only. */
export const continueLog = async (
  directory: Directory,
  listing: LogListing,
  end: ReplayEnd,
): Promise<Continuation> => {
  const last = listing.segments.at(-1);
  if (!last) return { previous: undefined, first: end.next, carried: [] };
  if (end.lastKept > end.durable) return carryTail(directory, listing, last, end);
  const missing = missingLast(listing, last, end);
  if (missing) return { previous: missing, first: end.next, carried: [] };
  // In an earlier segment nothing is torn: it would be damaged.
  const torn = end.torn.map(({ startBytes }) => startBytes);
  const bytes = Math.min(last.endBytes, ...torn);
  const previous = await previousOf(directory, last, end.next - 1, bytes);
  return { previous, first: end.next, carried: [] };
};

/**
 * The last segment, where only HEAD still tells of it. HEAD is about to tell of another one: what the
 * missing one overrode must stay overridden, and what it began behind must stay ended.
 */
const missingLast = (
  { head }: LogListing,
  { id }: SegmentFile,
  { next }: ReplayEnd,
): PreviousSegment | undefined => {
  if (!head || head.first <= id.first || head.first > next || head.epoch < id.epoch)
    return undefined;
  return { first: head.first, epoch: head.epoch, last: next - 1, bytes: 0 };
};

/** What is above D stands in the last segment: that its name is there promises all below its first record. */
const carryTail = async (
  directory: Directory,
  { segments }: LogListing,
  last: SegmentFile,
  end: ReplayEnd,
): Promise<Continuation> => {
  // Before it there is neither the cut nor what is copied, if the lines stand in order.
  const from = end.settled?.file === last.name ? end.settled.bytes : 0;
  const reading = { directory, segment: last, from };
  const cut = await findCut(reading, end);
  const carried = await copyBodies(reading, cut.seq, end.lastKept);
  const previous = await previousOfCut(directory, last, segments.at(-2), cut);
  return { previous, first: cut.seq, carried };
};

interface TailReading {
  readonly directory: Directory;
  readonly segment: SegmentFile;
  /** In bytes. */
  readonly from: number;
}

/** The bodies of all records from `first` to `last`. */
const copyBodies = async (tail: TailReading, first: number, last: number): Promise<string[]> => {
  let reading = tail;
  const carried: string[] = [];
  // More than one pass only if lines stand out of order; what is not copied would be overridden.
  while (first + carried.length <= last) {
    const before = carried.length;
    for await (const { record } of recordsOf(reading)) {
      if (record.seq > last || record.seq !== first + carried.length) continue;
      // The copy has a salt of its own, and so another checksum. JSON round-trips the rest exactly.
      carried.push(objectBody(record).replace(/^"crc":"\w{8}",/, ""));
    }
    if (carried.length > before) continue;
    invariant(reading.from > 0, `record ${first + before} is kept, so it reads`);
    reading = { ...reading, from: 0 };
  }
  return carried;
};

/** What stands before the cut: the segment up to there, or the one before it if nothing remains. */
const previousOfCut = async (
  directory: Directory,
  segment: SegmentFile,
  before: SegmentFile | undefined,
  cut: Position,
): Promise<PreviousSegment | undefined> => {
  if (cut.seq > segment.id.first) {
    return previousOf(directory, segment, cut.seq - 1, cut.startBytes);
  }
  if (segment.header) return segment.header.previous;
  return before && previousOf(directory, before, cut.seq - 1, before.endBytes);
};

/**
 * The first record that the block holding the end of D reaches into, or the first above D; never inside
 * a transaction, never below a hole (what is carried has no gaps).
 */
const findCut = async (
  reading: TailReading,
  { durable, lost, dropped }: ReplayEnd,
): Promise<Position> => {
  const above = Math.max(0, ...[...lost, ...dropped].map(([, last]) => last));
  /** What the block that holds the end of D reaches into; before D is seen, what it may reach into. */
  let recent: Position[] = [];
  let blockStart = 0;
  for await (const { record, startBytes, endBytes } of recordsOf(reading)) {
    const { seq, tx } = record;
    const isFirstNew = seq === Math.max(above, durable) + 1;
    if (seq <= above || (seq > durable && !isFirstNew)) continue;
    const inside = tx && tx[0] > 1 ? recent.at(-1) : undefined;
    recent.push({ seq, startBytes, endBytes, begin: inside?.begin ?? inside });
    if (isFirstNew) break;
    if (seq === durable) blockStart = endBytes - 1 - ((endBytes - 1) % limits.blockBytes);
    const keepFrom = blockStart || endBytes - 2 * limits.blockBytes;
    recent = recent.filter((one) => one.endBytes > keepFrom);
  }
  const [cut] = recent;
  invariant(cut, "what is kept above D stands behind D");
  return cut.begin ?? cut;
};

async function* recordsOf({
  directory,
  segment: { name, salt, sizeBytes },
  from: startBytes,
}: TailReading): AsyncGenerator<{ record: LogRecord; startBytes: number; endBytes: number }> {
  const file = await directory.open(name, "read");
  try {
    const all = { salt, startBytes, endBytes: sizeBytes, onReadError: "damage" } as const;
    for await (const items of scanSegment(file, all)) {
      for (const item of items) {
        if (item.kind !== "line" || item.line.kind !== "record") continue;
        const { startBytes, endBytes } = item;
        yield { record: item.line.record, startBytes, endBytes };
      }
    }
  } finally {
    await file.close();
  }
}

/** How a segment is named by the one that goes on behind its first `bytes` bytes, which end with `last`. Reads only. */
export const previousOf = async (
  directory: Directory,
  segment: SegmentFile,
  last: number,
  bytes: number,
): Promise<PreviousSegment> => {
  const digest = await hashPrefix(directory, segment.name, bytes);
  const previous = { ...segment.id, last, bytes };
  return digest === undefined ? previous : { ...previous, sha256: digest };
};

const hashChunkBytes = 1024 * 1024;

/** SHA-256 of the first `bytes` bytes of a file (fewer if it is shorter), hex; undefined if they do not read. */
const hashPrefix = async (
  directory: Directory,
  name: string,
  bytes: number,
): Promise<string | undefined> => {
  const hash = sha256();
  const file = await directory.open(name, "read");
  try {
    const buffer = Buffer.allocUnsafe(Math.min(hashChunkBytes, bytes));
    for (let at = 0; at < bytes;) {
      const count = await file.read(buffer.subarray(0, Math.min(buffer.length, bytes - at)), at);
      if (count === 0) break;
      hash.update(buffer.subarray(0, count));
      at += count;
    }
  } catch (error) {
    // An opening that salvages has reported the block; the log goes on behind it.
    if (errnoOf(error) !== "EIO") throw error;
    return undefined;
  } finally {
    await file.close();
  }
  return hash.digest("hex");
};
