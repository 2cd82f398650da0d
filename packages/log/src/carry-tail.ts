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
import type { Directory } from "@taskwal/disk";
import { coveredStart, limits, sha256, type PreviousSegment } from "@taskwal/format";
import type { ReplayEnd } from "./replay-log.ts";
import { scanSegment } from "./scan-segment.ts";
import type { LogListing, SegmentFile } from "./segment-list.ts";

/** How the next segment begins. */
export interface Continuation {
  readonly previous: PreviousSegment | undefined;
  /** The sequence of the first record in the next segment. */
  readonly first: number;
  /** Bodies of the records to copy; empty if a promise covers all. */
  readonly carried: readonly string[];
}

interface Position {
  readonly seq: number;
  readonly startBytes: number;
  readonly endBytes: number;
}

/** Reads only. */
export const continueLog = async (
  directory: Directory,
  listing: LogListing,
  end: ReplayEnd,
): Promise<Continuation> => {
  const last = listing.segments.at(-1);
  if (!last) return { previous: undefined, first: end.next, carried: [] };
  if (end.lastKept <= end.durable) {
    const torn = end.torn.filter(({ file }) => file === last.name).map((bytes) => bytes.startBytes);
    const bytes = Math.min(last.endBytes, ...torn);
    return {
      previous: await previousOf(directory, last, end.next - 1, bytes),
      first: end.next,
      carried: [],
    };
  }
  return carryTail(directory, listing, end);
};

const carryTail = async (
  directory: Directory,
  listing: LogListing,
  end: ReplayEnd,
): Promise<Continuation> => {
  const from = listing.segments.findIndex((segment) => segment.lastMax > end.durable);
  const segments = listing.segments.slice(from);
  const [first] = segments;
  const carried: string[] = [];
  const cut = first && (await findCut(directory, first, end.durable));
  if (!first || !cut) return { previous: undefined, first: end.next, carried };
  let expected = cut.seq;
  for (const segment of segments) {
    for await (const { seq, body } of bodies(directory, segment)) {
      if (seq !== expected || seq > end.lastKept) continue;
      carried.push(body());
      expected += 1;
    }
  }
  const whole = cut.seq === first.id.first;
  const previous = whole
    ? first.header?.previous
    : await previousOf(directory, first, cut.seq - 1, cut.startBytes);
  return { previous, first: cut.seq, carried };
};

/** The first record that the block holding the end of D reaches into, or else the first of the segment. */
const findCut = async (
  directory: Directory,
  segment: SegmentFile,
  durable: number,
): Promise<Position | undefined> => {
  let recent: Position[] = [];
  let block: number | undefined;
  for await (const position of bodies(directory, segment)) {
    recent.push(position);
    if (position.seq > durable) break;
    if (position.seq === durable) {
      block = Math.floor((position.endBytes - 1) / limits.blockBytes) * limits.blockBytes;
    }
    const keepFrom = block ?? position.endBytes - 2 * limits.blockBytes;
    recent = recent.filter((one) => one.endBytes > keepFrom);
  }
  return recent.find((one) => one.endBytes > (block ?? 0));
};

async function* bodies(
  directory: Directory,
  segment: SegmentFile,
): AsyncGenerator<Position & { body: () => string }> {
  const file = await directory.open(segment.name, "read");
  try {
    const { salt, endBytes } = segment;
    for await (const items of scanSegment(file, {
      salt,
      startBytes: 0,
      endBytes,
      onReadError: "damage",
    })) {
      for (const item of items) {
        if (item.kind !== "line" || item.line.kind !== "record") continue;
        const { record } = item.line;
        const { startBytes, endBytes } = item;
        // `{"crc":"…",` goes: the copy has a salt of its own. JSON round-trips the rest exactly.
        const body = (): string => JSON.stringify(record).slice(coveredStart + 2);
        yield { seq: record.seq, startBytes, endBytes, body };
      }
    }
  } finally {
    await file.close();
  }
}

const previousOf = async (
  directory: Directory,
  segment: SegmentFile,
  last: number,
  bytes: number,
): Promise<PreviousSegment> => ({
  ...segment.id,
  last,
  bytes,
  sha256: await hashPrefix(directory, segment.name, bytes),
});

const hashChunkBytes = 1024 * 1024;

/** SHA-256 of the first `bytes` bytes of a file (fewer if it is shorter), hex. */
const hashPrefix = async (directory: Directory, name: string, bytes: number): Promise<string> => {
  const hash = sha256();
  const file = await directory.open(name, "read");
  try {
    const buffer = new Uint8Array(hashChunkBytes);
    for (let at = 0; at < bytes;) {
      const count = await file.read(buffer.subarray(0, Math.min(buffer.length, bytes - at)), at);
      if (count === 0) break;
      hash.update(buffer.subarray(0, count));
      at += count;
    }
  } finally {
    await file.close();
  }
  return hash.digest("hex");
};
