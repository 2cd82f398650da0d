/**
 * Rebuilds the state from what is on the disk. Reads only.
 *
 *     list wal/ ─ newest snapshot that verifies ─ records above it ─ fold ─> state, and what was found
 *
 * The rule: nothing is written here, so a crash of any later step finds the same and decides the same;
 * an unreadable store never opens as a new one.
 */
import { CorruptError, UnsupportedFormatError } from "@taskwal/errors";
import type { Clock, Directory } from "@taskwal/disk";
import { limits, stateName, walFolder } from "@taskwal/format";
import {
  listLog,
  recordCrc,
  replayLog,
  type DamagedBytes,
  type LogListing,
  type ReplayEnd,
} from "@taskwal/log";
import {
  listSnapshots,
  readSnapshot,
  type ScannedSnapshot,
  type WholeSnapshot,
} from "@taskwal/snapshot";
import type { Model } from "./define-model.ts";
import { snapshotDefect } from "./engine-shape.ts";
import { foldLog } from "./fold-log.ts";
import { Fold, type FoldFacts } from "./fold.ts";
import { RecentKeys } from "./idempotency.ts";
import { assertSnapshotSchema } from "./schema-versions.ts";
import { loadState } from "./load-state.ts";
import type { MigratedEntity } from "./migration.ts";
import { printModel } from "./snapshot-view.ts";
import { State } from "./state.ts";
import type { ModelPrint, Span } from "./system-record.ts";

export interface RecoverOptions {
  readonly directory: Directory;
  readonly clock: Clock;
  readonly model: Model;
  /** The store's id as LOCK says, for the case that nothing else does. */
  readonly storeHint: string | undefined;
  readonly onDamage: "salvage" | "refuse";
  /** The last sequence that is known to have been acknowledged, besides what the files say. */
  readonly promised?: number;
  /** Leaves out what no promise covers: for reading beside a writer, whose last batch may yet go. */
  readonly durableOnly?: boolean;
}

export interface LoadableSnapshot {
  readonly name: string;
  readonly reading: WholeSnapshot;
}

export interface Recovered {
  readonly state: State;
  readonly keys: RecentKeys;
  readonly listing: LogListing;
  readonly end: ReplayEnd;
  /** Undefined if there is neither a log nor a snapshot: a new store. */
  readonly store: string | undefined;
  readonly snapshot: { readonly name: string; readonly reading: ScannedSnapshot } | undefined;
  readonly skipped: readonly { readonly name: string; readonly reason: string }[];
  readonly facts: FoldFacts;
  /** Entities that the snapshot holds in older versions; the state has them migrated. */
  readonly migrated: readonly MigratedEntity[];
  /** For folding what comes later. */
  readonly fold: Fold;
  /** The last sequence that is in the state. */
  readonly folded: number;
  /** What a person should know of the snapshots, in sentences. */
  readonly notes: readonly string[];
  /** Reducers or schemas changed since the last opening, but none of the model's versions did. */
  readonly modelChanged: boolean;
  /** Lost sequences that no `$gap` record accounts for yet. */
  readonly newLost: readonly Span[];
  /** Damaged stretches that no `$gap` record accounts for yet. */
  readonly newDamaged: readonly DamagedBytes[];
}

/**
 * Throws CorruptError (nothing to start from; or, with "refuse", any damage), UnsupportedFormatError,
 * ReplayFailedError, DiskFailedError. Changes nothing.
 */
export const recover = async (options: RecoverOptions): Promise<Recovered> => {
  const onReadError = options.onDamage === "salvage" ? "damage" : "throw";
  const listing = await listLog(options.directory, options.storeHint, { onReadError });
  const skipped: { name: string; reason: string }[] = [];
  for (;;) {
    const snapshot = await newestSnapshot(options, listing, skipped);
    assertBase(listing, snapshot);
    const folded = await foldOnto(options, listing, snapshot);
    if (folded) return finish(options, listing, snapshot, skipped, folded);
    if (snapshot)
      skipped.push({ name: snapshot.name, reason: "it is of another branch of this log" });
  }
};

const assertBase = (listing: LogListing, snapshot: Recovered["snapshot"]): void => {
  if (snapshot || listing.segments.length > 0 || listing.promised === 0) return;
  throw new CorruptError({
    file: "wal",
    reason: "HEAD tells of records, but no segment is there and no snapshot verifies",
    sequences: [[1, listing.promised]],
  });
};

/** No log comes this far in 285 years; what claims it would leave no number for the next record. */
const sequencesLeftMin = 2 ** 32;

const assertRoom = (next: number): void => {
  const highest = limits.sequenceMax - sequencesLeftMin;
  if (next <= highest) return;
  throw new UnsupportedFormatError({
    file: walFolder,
    found: `sequence ${next - 1}`,
    supported: `sequences up to ${highest - 1}`,
  });
};

type Folded = Pick<Recovered, "state" | "keys" | "fold" | "end" | "folded"> & {
  /** The model that wrote the snapshot. */
  readonly model: ModelPrint | undefined;
  readonly migrated: readonly MigratedEntity[];
};

/** Loads the snapshot and folds the log onto it; undefined if they turn out not to belong together. */
const foldOnto = async (
  { directory, model, onDamage, durableOnly, promised: known = 0 }: RecoverOptions,
  listing: LogListing,
  snapshot: LoadableSnapshot | undefined,
): Promise<Folded | undefined> => {
  const head = snapshot?.reading.head;
  const base = head?.sequence ?? 0;
  const state = new State(model);
  const keys = new RecentKeys();
  const onReadError = onDamage === "salvage" ? "damage" : "throw";
  const written = head && (await recordCrc(listing, head, { directory, onReadError }));
  if (written !== undefined && written !== head?.last) return undefined;
  const promised = Math.max(base, known);
  const steps = replayLog(directory, listing, { base, promised, onReadError });
  const loaded =
    snapshot &&
    head &&
    loadState(model, state, keys, {
      ...snapshot.reading,
      name: snapshot.name,
      sequence: base,
      schema: head.schema,
    });
  const fold = new Fold(model, state, keys);
  fold.takeUp();
  const durable = durableOnly ? listing.promised : Infinity;
  const { end, folded } = await foldLog(steps, fold, base, durable);
  const { model: wrote, migrated = [] } = loaded ?? {};
  return { state, keys, fold, end, folded, model: wrote, migrated };
};

const finish = async (
  { directory, model, onDamage }: RecoverOptions,
  listing: LogListing,
  loaded: LoadableSnapshot | undefined,
  skipped: Recovered["skipped"],
  { model: wrote, ...folded }: Folded,
): Promise<Recovered> => {
  const { end } = folded;
  const { facts } = folded.fold;
  assertRoom(end.next);
  const found = {
    newLost: subtract(
      [...end.lost, ...end.dropped],
      facts.gaps.flatMap(({ lost }) => lost),
    ),
    newDamaged: end.damaged.filter((bytes) => !isAccounted(bytes, facts)),
  };
  if (onDamage === "refuse") assertWhole(found, end);
  const notes = await olderState(directory, end, loaded?.name, facts);
  const modelChanged = isChangedModel(model, facts.model ?? wrote);
  const store = listing.store ?? loaded?.reading.head.store;
  const snapshot = loaded && { name: loaded.name, reading: scanned(loaded.reading) };
  return { ...folded, listing, store, snapshot, skipped, facts, ...found, notes, modelChanged };
};

/** Without the values: those that the state replaces would never be let go. */
const scanned = ({ ok, head, sizeBytes, sha256, stat }: WholeSnapshot): ScannedSnapshot => ({
  ok,
  head,
  sizeBytes,
  sha256,
  stat,
});

/** The first that can be used, of those in `skipped` none; what cannot is added to `skipped`. */
export const newestSnapshot = async (
  { directory, model, clock }: Pick<RecoverOptions, "directory" | "model" | "clock">,
  listing: LogListing,
  skipped: { name: string; reason: string }[],
): Promise<LoadableSnapshot | undefined> => {
  for (const { name } of await listSnapshots(directory)) {
    if (skipped.some((one) => one.name === name)) continue;
    const reading = await readSnapshot(directory, name, clock);
    if (!reading.ok) {
      if (reading.kind === "unsupported") throw unsupported(name, reading.reason);
      // Beside no log at all it is what the caller imports, not a snapshot that failed.
      const imported = reading.kind === "foreign" && listing.segments.length === 0;
      if (reading.kind !== "missing" && !imported) skipped.push({ name, reason: reading.reason });
      continue;
    }
    assertSnapshotSchema(name, reading, model);
    if (listing.store !== undefined && reading.head.store !== listing.store) {
      skipped.push({ name, reason: `it belongs to another store (${reading.head.store})` });
      continue;
    }
    const defect = snapshotDefect(model, reading);
    if (defect === undefined) return { name, reading };
    skipped.push({ name, reason: defect });
  }
  return undefined;
};

/** Reducers that changed under the same versions fold old records to another state than before. */
const isChangedModel = (model: Model, before: ModelPrint | undefined): boolean => {
  const now = printModel(model);
  return before !== undefined && before.hash !== now.hash && before.versions === now.versions;
};

/**
 * What became of state.json since we wrote it, where its own bytes do not tell: a backup was copied over
 * it, or it is gone. Neither changes what is recovered: the log wins.
 */
const olderState = async (
  directory: Directory,
  end: ReplayEnd,
  base: string | undefined,
  { closed }: FoldFacts,
): Promise<string[]> => {
  const snapshots = await listSnapshots(directory);
  const state = snapshots.find(({ name }) => name === stateName);
  const newest = snapshots.find(({ name }) => name !== stateName);
  if (!newest) return [];
  const went = `the log continued to @${end.lastKept} and wins: no record of it was lost`;
  if (!state) {
    const built = base === undefined ? "the log alone" : `${base} and the log`;
    return [`state.json is missing; the state was rebuilt from ${built}, up to @${end.lastKept}`];
  }
  if (newest.sequence < state.sequence) return [];
  // Of the same sequence: a crash between link and rename leaves that too, a clean end does not.
  const equal = newest.sequence === state.sequence;
  if (equal && (!closed || (await isSameFile(directory, newest.name)))) return [];
  return [`state.json is the backup @${state.sequence}, ${went}`];
};

const isSameFile = async (directory: Directory, backup: string): Promise<boolean> =>
  (await directory.stat(backup))?.inode === (await directory.stat(stateName))?.inode;

const unsupported = (file: string, found: string): UnsupportedFormatError =>
  new UnsupportedFormatError({ file, found, supported: `snapshot format ${limits.formatVersion}` });

/** What of `spans` no span of `known` covers. */
export const subtract = (spans: readonly Span[], known: readonly Span[]): Span[] => {
  let rest: Span[] = [...spans];
  for (const [first, last] of known) {
    rest = rest.flatMap(([a, b]): Span[] => {
      if (last < a || first > b) return [[a, b]];
      const parts: Span[] = [];
      if (a < first) parts.push([a, first - 1]);
      if (b > last) parts.push([last + 1, b]);
      return parts;
    });
  }
  return rest.sort(([a], [b]) => a - b);
};

const isAccounted = ({ file, startBytes, endBytes }: DamagedBytes, { gaps }: FoldFacts): boolean =>
  gaps.some(({ bytes }) =>
    bytes.some(
      (one) => one.file === file && one.startBytes <= startBytes && one.endBytes >= endBytes,
    ),
  );

const assertWhole = (
  { newLost, newDamaged }: Pick<Recovered, "newLost" | "newDamaged">,
  end: ReplayEnd,
): void => {
  if (newLost.length === 0 && newDamaged.length === 0) return;
  const [where] = [...newDamaged, ...end.damaged, ...end.torn];
  throw new CorruptError({
    file: where?.file ?? stateName,
    reason: where?.reason ?? "acknowledged records are missing",
    ...(where ? { startBytes: where.startBytes, endBytes: where.endBytes } : {}),
    sequences: newLost,
  });
};
