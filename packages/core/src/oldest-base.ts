/**
 * Snapshots that a whole log can be folded from, instead of the newest that an opening takes.
 *
 *     |state.json @900   backup @700   backup @400 ── first kept record @300
 *                                      └ the oldest of them: everything kept is folded onto it
 *
 * The rule: only one that verifies, of this store and of this branch of its log; what is damaged is passed over.
 */
import type { Clock, Directory } from "@taskwal/disk";
import { recordCrc, type LogListing } from "@taskwal/log";
import { listSnapshots, readSnapshot } from "@taskwal/snapshot";
import type { Model } from "./define-model.ts";
import { snapshotDefect } from "./engine-shape.ts";
import type { LoadableSnapshot } from "./recover.ts";
import { assertSnapshotSchema } from "./schema-versions.ts";

export interface SnapshotSearch {
  readonly directory: Directory;
  readonly model: Model;
  readonly clock: Clock;
}

/**
 * The oldest snapshot that the log that is kept goes on from, or the newest without a log; undefined if the log begins
 * at the beginning, or nothing verifies. Throws UnsupportedFormatError for one of a newer schema.
 */
export const oldestBase = async (
  search: SnapshotSearch,
  listing: LogListing,
): Promise<LoadableSnapshot | undefined> => {
  const first = listing.segments[0]?.id.first;
  if (first === 1) return undefined;
  if (first !== undefined) return oldestFrom(search, listing, first - 1);
  const newestFirst = await loadableSnapshots(search, listing).next();
  return newestFirst.done ? undefined : newestFirst.value;
};

/** Those that verify, the newest first. */
export async function* loadableSnapshots(
  search: SnapshotSearch,
  listing: LogListing,
): AsyncGenerator<LoadableSnapshot, undefined> {
  for (const { name } of await listSnapshots(search.directory)) {
    const loaded = await loadable(search, listing, name);
    if (loaded) yield loaded;
  }
  return undefined;
}

/** The oldest snapshot at or above `sequence`; undefined if none there verifies. */
export const oldestFrom = async (
  search: SnapshotSearch,
  listing: LogListing,
  sequence: number,
): Promise<LoadableSnapshot | undefined> => {
  const oldestFirst = (await listSnapshots(search.directory)).toReversed();
  for (const file of oldestFirst) {
    if (file.sequence < sequence) continue;
    const loaded = await loadable(search, listing, file.name);
    if (loaded) return loaded;
  }
  return undefined;
};

/** The newest snapshot from `first` to `last`; undefined if none there verifies. */
export const newestWithin = async (
  search: SnapshotSearch,
  listing: LogListing,
  first: number,
  last: number,
): Promise<LoadableSnapshot | undefined> => {
  for (const { name, sequence } of await listSnapshots(search.directory)) {
    if (sequence < first) return undefined;
    const loaded = sequence <= last ? await loadable(search, listing, name) : undefined;
    if (loaded) return loaded;
  }
  return undefined;
};

const loadable = async (
  { directory, model, clock }: SnapshotSearch,
  listing: LogListing,
  name: string,
): Promise<LoadableSnapshot | undefined> => {
  const reading = await readSnapshot(directory, name, clock);
  if (!reading.ok || snapshotDefect(model, reading) !== undefined) return undefined;
  const { head } = reading;
  if (listing.store !== undefined && head.store !== listing.store) return undefined;
  const written = await recordCrc(listing, head, { directory, onReadError: "damage" });
  if (written !== undefined && written !== head.last) return undefined;
  assertSnapshotSchema(name, reading, model);
  return { name, reading };
};
