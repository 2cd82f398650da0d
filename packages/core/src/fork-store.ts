/**
 * A second store that goes on from a point of the first one, without copying what is never written again.
 *
 *     parent   |1 … 49|50 … 99|100 … 120 …          sealed, sealed, still written
 *     fork     |1 … 49|50 … 99|100 … 110 $mark …    the same files by a second name; a new segment up to @N
 *
 * The rule: nothing is written into a file that both have: a store writes into the segment that it began itself, and
 * into no other. Where a second name cannot be had, the file is copied.
 */
import { openNodeDisk, type Directory, type Disk } from "@taskwal/disk";
import { errnoOf } from "@taskwal/errors";
import { walFolder } from "@taskwal/format";
import { previousOf, sealedLast, type LogEntry, type SegmentFile } from "@taskwal/log";
import { copyInto } from "./copy-store.ts";
import type { Model } from "./define-model.ts";
import { makeDirectory } from "./new-directory.ts";
import { newGap } from "./new-gap.ts";
import { fillStore, seedsOf, systemEntry, type NewStore } from "./new-store.ts";
import { recordsBetween } from "./rollback-plan.ts";
import { openForReading } from "./state-directory.ts";
import { statePoint, type StatePoint } from "./state-point.ts";
import { gapType, lostType, type GapData, type LostData } from "./system-record.ts";
import { entriesOf } from "./write-log.ts";

export interface ForkOptions {
  readonly dir: string;
  /** The new directory: missing or empty, and not within `dir`. */
  readonly to: string;
  readonly model: Model;
  /** The last record that both have. Default: the last one there is. */
  readonly sequence?: number | undefined;
  readonly onProgress?: NewStore["onProgress"];
  /** Ends it: what it gives as its reason is thrown. */
  readonly signal?: AbortSignal | undefined;
  /** Default: the real one. */
  readonly disk?: Disk | undefined;
}

export interface Forked {
  /** The parent's id. */
  readonly store: string;
  /** The last record that both have. */
  readonly sequence: number;
  /** Segments that both have, by a second name of the same bytes. */
  readonly linked: readonly string[];
  /** Segments that were copied, where a second name could not be had. */
  readonly copied: readonly string[];
  /** Records that were written again, since the parent's segment goes on behind them. */
  readonly rewritten: number;
}

/**
 * On return `to` is durable, complete and closed; `dir` is as it was but for the count of names of its segments. Throws
 * RangeError if there is no such point, ReplayFailedError, CorruptError, UnsupportedFormatError, DiskFailedError (also if
 * `to` is in use), the signal's reason; then `to` is as it was.
 */
export const forkStore = async (options: ForkOptions): Promise<Forked> => {
  const { disk = openNodeDisk(), dir, to, model, onProgress, signal } = options;
  const place = { disk, from: dir, to, operation: "fork", signal };
  return makeDirectory(place, async (directory) => {
    const point = await statePoint({ ...options, disk });
    const source = await openForReading({ disk, dir });
    try {
      const { store, sequence, history } = point;
      const shared = await shareSegments(source, directory, point);
      const { behind } = shared;
      await fillStore(directory, {
        disk,
        model,
        by: "forked",
        origin: { store, sequence },
        behind: { ...behind, epoch: history.listing.epochMax },
        entries: entriesBehind(source, point, behind.sequence, {
          gap: gapBehind(model, point, shared),
          at: disk.clock.now(),
        }),
        snapshots: seedsOf(source, history.snapshots),
        expected: point,
        onProgress,
        signal,
      });
      const { linked, copied } = shared;
      return { store, sequence, linked, copied, rewritten: sequence - behind.sequence };
    } finally {
      await source.close();
    }
  });
};

interface Shared {
  readonly linked: string[];
  readonly copied: string[];
  readonly behind: Pick<NewStore["behind"], "sequence" | "previous">;
}

/** The segments from the base on that end at or before the point and are never written again. */
const shareSegments = async (
  source: Directory,
  target: Directory,
  { history, sequence }: StatePoint,
): Promise<Shared> => {
  const base = history.base?.sequence ?? 0;
  const [linked, copied]: [string[], string[]] = [[], []];
  let last: { readonly segment: SegmentFile; readonly sequence: number } | undefined;
  await target.createFolder(walFolder);
  for (const segment of history.listing.segments) {
    if (segment.lastMax <= base) continue;
    // Without its header it would be read by the id of the new store, and not verify.
    const end = segment.header && (await closedAt(source, segment));
    if (end === undefined || end > sequence) break;
    ((await linkInto(source, target, segment.name)) ? linked : copied).push(segment.name);
    last = { segment, sequence: end };
  }
  if (!last) return { linked, copied, behind: { sequence: base } };
  const { segment } = last;
  const previous = await previousOf(source, segment, last.sequence, segment.endBytes);
  return { linked, copied, behind: { sequence: last.sequence, previous } };
};

/** The last sequence of a segment behind which another one goes on, or which has a seal; undefined of any other. */
const closedAt = async (source: Directory, segment: SegmentFile): Promise<number | undefined> =>
  Number.isFinite(segment.lastMax) ? segment.lastMax : sealedLast(source, segment);

const noLinks: ReadonlySet<string> = new Set(
  "EXDEV EPERM EACCES ENOTSUP EOPNOTSUPP ENOSYS EMLINK".split(" "),
);

/** False if it was copied. */
const linkInto = async (source: Directory, target: Directory, name: string): Promise<boolean> => {
  try {
    await source.linkInto(name, target, name);
    return true;
  } catch (error) {
    if (!noLinks.has(errnoOf(error) ?? "")) throw error;
  }
  await copyInto(source, target, name);
  return false;
};

/** What an opening of the parent would tell, the damage in shared files included. */
const gapBehind = (model: Model, point: StatePoint, { linked, copied }: Shared): GapData => {
  const shared = new Set([...linked, ...copied]);
  const bytes = point.history.end.damaged.filter(({ file }) => shared.has(file));
  return {
    ...newGap(model, point),
    bytes: bytes.map(({ file, startBytes, endBytes }) => ({ file, startBytes, endBytes })),
    report: "",
  };
};

async function* entriesBehind(
  source: Directory,
  { sequence: last, history }: StatePoint,
  base: number,
  { gap, at }: { readonly gap: GapData; readonly at: number },
): AsyncGenerator<LogEntry, void, void> {
  const records = recordsBetween(source, base, last, history.end.durable);
  yield* entriesOf(records, { first: base + 1, last }, (hole) =>
    systemEntry(lostType, { lost: [hole] } satisfies LostData, at),
  );
  if (gap.lost.length + gap.bytes.length > 0) yield systemEntry(gapType, gap, at);
}
