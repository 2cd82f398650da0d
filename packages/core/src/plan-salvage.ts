/**
 * What of a store can still be read, damaged or not: by sequence and by entity.
 *
 *     oldest snapshot ─ every record that verifies ─ over holes ─> whole, damaged, gone
 *            └ none verifies, the log's beginning is gone: from nothing, its beginning being a hole
 *
 * The rule: reads only, by the reducers of an opening; mirrors tell what the log no longer does, as in an opening.
 */
import { CorruptError } from "@taskwal/errors";
import { openNodeDisk, type Directory, type Disk } from "@taskwal/disk";
import type { DamagedBytes } from "@taskwal/log";
import type { Model } from "./define-model.ts";
import { fillFromMirrors, type Recovery } from "./mirror-fill.ts";
import type { HistorySnapshot, HistoryState, Hole } from "./history.ts";
import { readHistoryState } from "./read-history.ts";
import { newGap } from "./new-gap.ts";
import type { DamagedEntity } from "./snapshot-view.ts";
import { openForReading } from "./state-directory.ts";
import type { Damage } from "./state.ts";
import { endOf } from "./state-point.ts";
import type { GapData } from "./system-record.ts";

export interface SalvageSource {
  readonly dir: string;
  readonly model: Model;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?:
    | ((at: { readonly sequence: number; readonly last: number }) => void)
    | undefined;
  /** Default: the real one. */
  readonly disk?: Disk | undefined;
}

export interface SalvagePlan {
  readonly dir: string;
  readonly store: string;
  /** What the log that is kept is folded onto: its history before is not there; undefined for nothing. */
  readonly base: HistorySnapshot | undefined;
  /** The sequences from the first record that could be kept to the last, lost ones included. */
  readonly first: number;
  readonly last: number;
  /** How many of them are kept. */
  readonly records: number;
  /** The others, by sequence; `healedAt`: from there on a snapshot makes up for it. */
  readonly lost: readonly Hole[];
  /** What a crash cut off behind the last promise: it is not kept, and may hold acknowledged records of the last batch. */
  readonly torn: { readonly records: number; readonly bytes: readonly DamagedBytes[] };
  readonly damaged: readonly DamagedBytes[];
  readonly entities: readonly SalvagedKind[];
  /** Snapshots before this record are not used, and it is not folded: the model does not replay it. */
  readonly notReplayed: { readonly sequence: number; readonly message: string } | undefined;
}

/** What becomes of the entities of one kind. */
export interface SalvagedKind {
  readonly entity: string;
  /** How many are as they were acknowledged, as far as anything tells. */
  readonly whole: number;
  /** Those that lost mutations: they are kept as what is left of them comes to. */
  readonly damaged: readonly DamagedEntity[];
  /** Those of which only the id and the versions are known. */
  readonly gone: readonly DamagedEntity[];
  /** Those that their mirror file tells, since it is ahead of what is left of the log. */
  readonly fromMirrors: readonly string[];
}

/** Everything that is read for a salvage. */
export interface Salvageable extends HistoryState {
  readonly plan: SalvagePlan;
  readonly recoveries: readonly Recovery[];
  /** What no `$gap` record tells of yet. */
  readonly gap: Pick<GapData, "lost" | "entities" | "unattributed">;
}

/**
 * Takes no lock and writes nothing. Throws CorruptError where nothing verifies, ReplayFailedError where the model does
 * not replay a record and no snapshot behind it verifies, UnsupportedFormatError, DiskFailedError.
 */
export const planSalvage = async (options: SalvageSource): Promise<SalvagePlan> =>
  (await readSalvageable({ ...options, disk: options.disk ?? openNodeDisk() })).plan;

export const readSalvageable = async (
  options: SalvageSource & { readonly disk: Disk },
): Promise<Salvageable> => {
  const { dir, disk, model } = options;
  let { records, ...read } = await readFrom(options, undefined);
  const failure = read.history.failure;
  if (failure) {
    // Behind it an opening goes on as well, from a newer snapshot.
    ({ records, ...read } = await readFrom(options, failure.sequence).catch((error: unknown) => {
      throw error instanceof CorruptError ? failure : error;
    }));
    if (read.history.failure) throw read.history.failure;
  }
  const { history, state } = read;
  if (history.store === undefined)
    throw new CorruptError({ file: dir, reason: "nothing in it verifies" });
  const directory = await openForReading({ disk, dir });
  try {
    const known = await gapIn(directory, model, { ...read, store: history.store });
    const plan = planOf(model, { ...read, recoveries: known.recoveries }, records, failure);
    return { history, state, keys: read.keys, plan, ...known };
  } finally {
    await directory.close();
  }
};

const readFrom = async (
  options: SalvageSource & { readonly disk: Disk },
  from: number | undefined,
): Promise<HistoryState & { records: number }> => {
  let records = 0;
  const start = () => {
    records = 0;
    const count = (): void => void (records += 1);
    return { correct: () => {}, dropped: () => {}, record: count };
  };
  const read = await readHistoryState({ ...options, from, fromNothing: true, start });
  return { ...read, records };
};

/** Fills the state from mirrors, as an opening does; what they make up for is told as lost, and restored behind that. */
const gapIn = async (
  directory: Directory,
  model: Model,
  read: HistoryState & { readonly store: string },
): Promise<Pick<Salvageable, "recoveries" | "gap">> => {
  const gap = newGap(model, read);
  const { state, store, history } = read;
  const losses = { newLost: gap.lost, state, end: history.end };
  // A file that is longer than a record can be stays where it is: nothing is written in the salvaged directory.
  const { recoveries } = await fillFromMirrors(directory, model, losses, store);
  return { recoveries, gap };
};

const noDamage: Damage = { lost: [], frozen: false };

const planOf = (
  model: Model,
  { history, state, recoveries }: HistoryState & Pick<Salvageable, "recoveries">,
  records: number,
  failure: { readonly sequence: number; readonly message: string } | undefined,
): SalvagePlan => {
  const { dir, store = "", base, holes, end } = history;
  const behind = holes[0]?.first === 1 && !base ? holes[0].last : (base?.sequence ?? 0);
  const kinds = [...model.entities.values()].map((entity): SalvagedKind => {
    const slots = [...state.slots(entity)];
    const { name } = entity;
    const damaged = slots.flatMap(([id, slot]) => (slot.damage ? [{ id, slot }] : []));
    const lossesOf = (isThere: boolean): DamagedEntity[] =>
      damaged
        .filter(({ slot }) => (slot.value !== undefined) === isThere)
        .map(({ id, slot: { damage = noDamage } }) => ({ entity: name, id, ...damage }));
    return {
      entity: name,
      whole: slots.filter(([, { value, damage }]) => value !== undefined && !damage).length,
      damaged: lossesOf(true),
      gone: lossesOf(false),
      fromMirrors: recoveries.filter((one) => one.entity === name).map(({ id }) => id),
    };
  });
  return {
    dir,
    store,
    base,
    first: behind + 1,
    last: endOf(history),
    records,
    lost: holes,
    torn: { records: end.tornRecords, bytes: end.torn },
    damaged: end.damaged,
    entities: kinds,
    notReplayed: failure && { sequence: failure.sequence, message: failure.message },
  };
};
