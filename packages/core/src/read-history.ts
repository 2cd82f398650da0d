/**
 * A whole log, record by record, with what each changed: for those who ask what happened, not what is.
 *
 *     oldest base ─ record ─> the very fold of recovery ─> slots before and after ─> visitor
 *                      └ hole ─> goes on behind it; the next snapshot that knows better puts the state right
 *
 * The rule: read-only, and no other judgement and no other reducers than those of an opening. A record that does not
 * replay ends the changes, not the reading: what comes behind it is told as records alone.
 */
import { openNodeDisk, type Directory, type Disk } from "@taskwal/disk";
import { CorruptError, ReplayFailedError } from "@taskwal/errors";
import { canonicalJson, type LogRecord } from "@taskwal/format";
import { listLog, replayLog, type LogListing } from "@taskwal/log";
import { besideWriter } from "./beside-writer.ts";
import type { Model } from "./define-model.ts";
import { Fold } from "./fold.ts";
import { foldLog, type Folding } from "./fold-log.ts";
import { RecentKeys } from "./idempotency.ts";
import type {
  History,
  HistorySnapshot,
  HistoryState,
  HistoryVisitor,
  Hole,
  SlotChange,
} from "./history.ts";
import { listItems } from "./list-view.ts";
import {
  loadableSnapshots,
  newestWithin,
  oldestBase,
  oldestFrom,
  type SnapshotSearch,
} from "./oldest-base.ts";
import { storeHintOf } from "./owner-lock.ts";
import { isLeft } from "./reader-host.ts";
import type { LoadableSnapshot } from "./recover.ts";
import { loadState } from "./load-state.ts";
import { diskErrors, openForReading } from "./state-directory.ts";
import { State, type Slot } from "./state.ts";
import { lostIn } from "./system-record.ts";

export interface ReadHistoryOptions {
  readonly dir: string;
  readonly model: Model;
  /** A visitor that knows nothing yet: called again where a writer pruned what was about to be read. */
  readonly start: () => HistoryVisitor;
  /** Begins at the oldest snapshot from this sequence on, instead of the oldest of all. CorruptError if there is none. */
  readonly from?: number | undefined;
  /** Ends behind this sequence, or with the transaction that holds it. Not below what it begins with. */
  readonly until?: number | undefined;
  /** Where the log's beginning is gone and no snapshot verifies: begins with nothing, the beginning being a hole. */
  readonly fromNothing?: boolean | undefined;
  /** Ends it: what it gives as its reason is thrown. */
  readonly signal?: AbortSignal | undefined;
  /** Told after every few thousand records, with the highest sequence that is promised. */
  readonly onProgress?:
    | ((at: { readonly sequence: number; readonly last: number }) => void)
    | undefined;
  /** Default: the real one. */
  readonly disk?: Disk;
}

/**
 * Tells the visitor all that is kept, beside a living writer only what is durable. Throws UnsupportedFormatError for newer
 * versions than the model's or what is no store, CorruptError where there is nothing to start from, DiskFailedError.
 */
export const readHistory = async (options: ReadHistoryOptions): Promise<History> =>
  (await readHistoryState(options)).history;

/** As readHistory, with what it comes to. */
export const readHistoryState = async (options: ReadHistoryOptions): Promise<HistoryState> => {
  const { disk = openNodeDisk(), dir } = options;
  const directory = await openForReading({ disk, dir });
  try {
    const durableOnly = !(await isLeft(disk, directory));
    return await diskErrors("read", dir, () =>
      besideWriter(directory, () => new Reading(options, directory, disk).run(durableOnly)),
    );
  } finally {
    await directory.close();
  }
};

/** What each snapshot that verifies holds, the newest first: to be compared with what the log comes to at its sequence. */
export async function* historySnapshots(
  { dir, model, disk = openNodeDisk() }: Pick<ReadHistoryOptions, "dir" | "model" | "disk">,
  { listing }: Pick<History, "listing">,
): AsyncGenerator<HistorySnapshot & { readonly slots: Iterable<SlotChange> }> {
  const directory = await openForReading({ disk, dir });
  try {
    for await (const one of loadableSnapshots({ directory, model, clock: disk.clock }, listing)) {
      const state = new State(model);
      loadInto(model, state, one);
      yield { ...placeOf(one), slots: slotsOf(model, state) };
    }
  } finally {
    await directory.close();
  }
}

class Reading implements Folding {
  readonly #options: ReadHistoryOptions;
  readonly #search: SnapshotSearch;
  readonly #visitor: HistoryVisitor;
  readonly #state: State;
  readonly #keys = new RecentKeys();
  readonly #fold: Fold;
  #listing: LogListing | undefined;
  #changes: SlotChange[] = [];
  readonly #snapshots: HistorySnapshot[] = [];
  #failure: ReplayFailedError | undefined;
  readonly #holes: { -readonly [Name in keyof Hole]: Hole[Name] }[] = [];
  /** What the first record is folded onto is the state behind this one. */
  #base = 0;
  /** What puts the state right behind the last hole, once its sequence is reached. */
  #correction: LoadableSnapshot | undefined;
  #last = 0;

  constructor(options: ReadHistoryOptions, directory: Directory, { clock }: Disk) {
    const { model, start } = options;
    this.#options = options;
    this.#visitor = start();
    this.#search = { directory, model, clock };
    this.#state = new State(model);
    this.#fold = new Fold(model, this.#state, this.#keys);
  }

  async run(durableOnly: boolean): Promise<HistoryState> {
    const { directory } = this.#search;
    const listing = await listLog(directory, await storeHintOf(directory), {
      onReadError: "damage",
    });
    this.#listing = listing;
    const base = await this.#findBase(listing);
    if (base) this.#load(base);
    this.#fold.onSlot = (entity, id, before, after) =>
      this.#changes.push({ entity, id, before, after });
    const sequence = base?.reading.head.sequence ?? this.#missingUpTo(listing);
    this.#last = this.#base = sequence;
    // What a snapshot holds was there, also where the end of the log is gone.
    const newest = await loadableSnapshots(this.#search, listing).next();
    const promised = Math.max(sequence, newest.value?.reading.head.sequence ?? 0);
    const { until } = this.#options;
    const range = { base: sequence, promised, onReadError: "damage" } as const;
    const bounded = until === undefined ? range : { ...range, until };
    const steps = replayLog(directory, listing, bounded);
    const durable = durableOnly ? Math.max(listing.promised, promised) : Infinity;
    const { end } = await foldLog(steps, this, sequence, durable);
    const correction = this.#correction;
    if (correction && correction.reading.head.sequence <= (until ?? Infinity))
      this.#correct(correction);
    const history = {
      dir: directory.path,
      store: listing.store ?? base?.reading.head.store,
      base: base && placeOf(base),
      snapshots: this.#snapshots,
      last: this.#last,
      holes: this.#holes,
      end,
      listing,
      facts: this.#fold.facts,
      failure: this.#failure,
    };
    return { history, state: this.#state, keys: this.#keys };
  }

  async #findBase(listing: LogListing): Promise<LoadableSnapshot | undefined> {
    const { from } = this.#options;
    if (from === undefined) return oldestBase(this.#search, listing);
    const found = await oldestFrom(this.#search, listing, from);
    if (found) return found;
    throw new CorruptError({ file: "state.json", reason: `no snapshot from @${from} on verifies` });
  }

  /** Without a snapshot: what is missing before the first record, if it is taken for a hole. */
  #missingUpTo({ segments }: LogListing): number {
    const missing = this.#options.fromNothing ? (segments[0]?.id.first ?? 1) - 1 : 0;
    if (missing > 0) this.#lost(1, missing, false);
    return missing;
  }

  add(records: readonly LogRecord[]): void {
    for (const record of records) {
      const correction = this.#correction;
      if (correction && record.seq > correction.reading.head.sequence) this.#correct(correction);
      if (standsForItself(record)) continue;
      this.#change(() => this.#fold.add([record]));
      this.#visitor.record(record, this.#changes);
      this.#last = record.seq;
    }
  }

  drop(record: LogRecord): void {
    this.#change(() => this.#fold.drop(record));
    this.#visitor.dropped(record, this.#changes);
  }

  /** What a snapshot from within the hole holds is not lost. */
  async lose(first: number, last: number, recorded = false): Promise<void> {
    if (!this.#listing) return;
    // The base is what it left of the state.
    if (last <= this.#base) return this.#lost(first, last, recorded);
    const known = await newestWithin(this.#search, this.#listing, first, last);
    const sequence = known?.reading.head.sequence ?? first - 1;
    if (known) {
      this.#lost(first, sequence, recorded);
      this.#correct(known);
    }
    if (sequence === last) return;
    this.#lost(sequence + 1, last, recorded);
    this.#correction = await oldestFrom(this.#search, this.#listing, last);
  }

  #lost(first: number, last: number, recorded: boolean): void {
    this.#holes.push({ first, last, recorded, healedAt: undefined });
  }

  pause(): Promise<void> | undefined {
    const { signal, onProgress } = this.#options;
    signal?.throwIfAborted();
    const last = Math.max(this.#listing?.promised ?? 0, this.#last);
    onProgress?.({ sequence: this.#last, last });
    return this.#visitor.pause?.() ?? this.#search.clock.yield();
  }

  #change(fold: () => void): void {
    this.#changes = [];
    if (this.#failure) return;
    try {
      fold();
    } catch (error) {
      if (!(error instanceof ReplayFailedError)) throw error;
      this.#failure = error;
    }
  }

  #load(base: LoadableSnapshot): void {
    this.#snapshots.push(placeOf(base));
    loadInto(this.#search.model, this.#state, base, this.#keys);
    this.#visitor.base?.(placeOf(base), slotsOf(this.#search.model, this.#state));
  }

  /** Where an opening has told of the loss before the snapshot was taken, the snapshot holds it too, and heals nothing. */
  #correct(snapshot: LoadableSnapshot): void {
    this.#correction = undefined;
    this.#snapshots.push(placeOf(snapshot));
    const { model } = this.#search;
    const { sequence } = snapshot.reading.head;
    this.#last = Math.max(this.#last, sequence);
    const known = new State(model);
    loadInto(model, known, snapshot);
    const changes: SlotChange[] = [];
    for (const { entity, id, after } of slotsOf(model, known)) {
      const before = this.#state.committed(entity, id);
      if (isSame(before, after)) continue;
      this.#state.restore(entity, id, after);
      changes.push({ entity, id, before, after });
    }
    this.#visitor.correct(placeOf(snapshot), changes);
    const told = this.#fold.facts.gaps.flatMap(({ lost }) => lost);
    for (const hole of this.#holes) {
      const isTold = told.some(([first, last]) => first <= hole.last && last >= hole.first);
      if (!isTold) hole.healedAt ??= sequence;
    }
  }
}

/** It is one of a hole's, and told as that. */
const standsForItself = (record: LogRecord): boolean =>
  lostIn(record).some(([first, last]) => first <= record.seq && record.seq <= last);

const placeOf = ({ name, reading }: LoadableSnapshot): HistorySnapshot => ({
  name,
  sequence: reading.head.sequence,
});

const loadInto = (
  model: Model,
  state: State,
  { name, reading }: LoadableSnapshot,
  keys = new RecentKeys(),
): void => {
  const { sequence, schema } = reading.head;
  loadState(model, state, keys, { ...reading, name, sequence, schema });
};

function* slotsOf(model: Model, state: State): Generator<SlotChange> {
  for (const entity of model.entities.values()) {
    for (const [id, after] of state.slots(entity)) yield { entity, id, before: undefined, after };
  }
}

const isSame = (one: Slot | undefined, other: Slot): boolean =>
  one !== undefined && one.n === other.n && slotText(one) === slotText(other);

const slotText = ({ value = null, lists, damage }: Slot): string => {
  const listed = Object.entries(lists ?? {}).map(([name, list]) => [name, [...listItems(list)]]);
  return canonicalJson([value, Object.fromEntries(listed), (damage ?? null) as never]);
};
