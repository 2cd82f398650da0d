/**
 * What a model would make of a whole log, without a lock and without a write: a dry run.
 *
 *     recover          what an opening would do: the very code of one, up to the first refusal
 *     oldest base ─ every record that is kept ─ every entity against its schema
 *                                     └ the same state? every step is right on old entities as on old records
 *
 * The rule: nothing in the directory is touched, and a failure ends only its own record: the report counts
 * all of them and names the first of each kind. Memory holds two states, never the log.
 */
import { openNodeDisk, type Clock, type Directory, type Disk } from "@taskwal/disk";
import { ReplayFailedError } from "@taskwal/errors";
import { canonicalJson, type LogRecord } from "@taskwal/format";
import { listLog, replayLog, type LogListing } from "@taskwal/log";
import { besideWriter } from "./beside-writer.ts";
import type { EntityModel, Model } from "./define-model.ts";
import type { Migration } from "./events.ts";
import { Fold } from "./fold.ts";
import type { HeldType } from "./held-records.ts";
import { RecentKeys } from "./idempotency.ts";
import { listItems, type ListView } from "./list-view.ts";
import { migrationOf } from "./migration.ts";
import { storeHintOf } from "./owner-lock.ts";
import { oldestBase } from "./oldest-base.ts";
import { newestSnapshot, recover, type LoadableSnapshot, type Recovered } from "./recover.ts";
import { loadState } from "./load-state.ts";
import { validate } from "./standard-schema.ts";
import { diskErrors, openForReading } from "./state-directory.ts";
import { State, type Slot } from "./state.ts";

export interface PlanMigrationOptions {
  readonly dir: string;
  /** What the directory is to be opened with. */
  readonly model: Model;
  /** Told after every few thousand records. */
  readonly onProgress?: (at: { readonly sequence: number; readonly last: number }) => void;
  /** Ends it: what it gives as its reason is thrown. */
  readonly signal?: AbortSignal;
  /** Default: the real one. */
  readonly disk?: Disk;
}

/** All failures of one kind. */
export interface PlannedFailure {
  /** A record that does not replay, an entity of a snapshot that does not migrate, one that its schema refuses at the end. */
  readonly kind: "record" | "migration" | "entity";
  /** The record's type, or the entity's name. */
  readonly type: string;
  /** How many records or entities. */
  readonly count: number;
  /** Of the first: its record, or the snapshot or state that holds it. */
  readonly sequence: number;
  readonly id: string | undefined;
  /** The place in the entity: "pinned". */
  readonly path: string | undefined;
  readonly reason: string;
}

export interface MigrationPlan {
  readonly dir: string;
  readonly store: string | undefined;
  /** What an opening by the model would do: as ever, migrate, or throw `refusal` and change nothing. */
  readonly opening: "open" | "migrate" | "refuse";
  readonly refusal: ReplayFailedError | undefined;
  /** What it would migrate; undefined unless it would. */
  readonly migration: Migration | undefined;
  /** What it would start from. */
  readonly snapshot: { readonly name: string; readonly sequence: number } | undefined;
  /** The reducers' text changed since the last opening, but no version did. */
  readonly modelChanged: boolean;
  /** The records that were read; undefined if the log has none. Those of the engine count. */
  readonly log:
    | { readonly first: number; readonly last: number; readonly records: number }
    | undefined;
  /** Records by type and version of their payload; `to` is the model's version, undefined for a type that it lacks. */
  readonly types: readonly {
    readonly type: string;
    readonly version: number;
    readonly to: number | undefined;
    readonly records: number;
  }[];
  /** What is there after the last record: every one was put to its schema. */
  readonly entities: readonly {
    readonly entity: string;
    readonly version: number;
    readonly count: number;
  }[];
  readonly failures: readonly PlannedFailure[];
  /** What would wait for a program that knows it; see docs/migrations.md. */
  readonly held: readonly HeldType[];
  /**
   * Entities that the migrated snapshot and the replayed log do not agree on: a step and an upcaster
   * that do not fit each other. Undefined where they cannot be compared: an opening would refuse, or the
   * log has a hole.
   */
  readonly differences:
    | { readonly count: number; readonly entity?: string; readonly id?: string }
    | undefined;
}

/**
 * Folds every record from the oldest that is kept with `model`. Throws UnsupportedFormatError if the directory is of
 * newer versions than the model or of no store, CorruptError where an opening would find nothing to start from,
 * DiskFailedError. Works beside a living writer.
 */
export const planMigration = async (options: PlanMigrationOptions): Promise<MigrationPlan> => {
  const { disk = openNodeDisk(), dir } = options;
  const directory = await openForReading({ disk, dir });
  try {
    return await diskErrors("read", dir, () =>
      besideWriter(directory, () => new DryRun(options, directory, disk.clock).run()),
    );
  } finally {
    await directory.close();
  }
};

class DryRun {
  readonly #options: PlanMigrationOptions;
  readonly #directory: Directory;
  readonly #clock: Clock;
  readonly #model: Model;
  readonly #failures = new Map<string, PlannedFailure>();
  #hasHole = false;
  readonly #types = new Map<string, MigrationPlan["types"][number]>();

  constructor(options: PlanMigrationOptions, directory: Directory, clock: Clock) {
    this.#options = options;
    this.#directory = directory;
    this.#clock = clock;
    this.#model = options.model;
  }

  async run(): Promise<MigrationPlan> {
    const opened = await this.#open();
    const recovered = opened instanceof ReplayFailedError ? undefined : opened;
    const refusal = opened instanceof ReplayFailedError ? opened : undefined;
    const listing = recovered?.listing ?? (await this.#list());
    const snapshot = recovered?.snapshot ?? (await this.#refused(listing));
    const { state, log } = await this.#fold(listing, recovered);
    const entities = await this.#validate(state, log?.last ?? snapshot?.reading.head.sequence ?? 0);
    const migration = recovered && migrationOf(recovered);
    return {
      dir: this.#directory.path,
      store: listing.store ?? snapshot?.reading.head.store,
      opening: refusal ? "refuse" : migration ? "migrate" : "open",
      refusal,
      migration,
      snapshot: snapshot && { name: snapshot.name, sequence: snapshot.reading.head.sequence },
      modelChanged: recovered?.modelChanged ?? false,
      log,
      types: [...this.#types.values()],
      entities,
      failures: [...this.#failures.values()],
      held: (recovered?.state ?? state).held.types(),
      differences:
        recovered && !this.#hasHole ? await this.#compare(state, recovered.state) : undefined,
    };
  }

  /** What an opening would find, or what it would throw of the model. */
  async #open(): Promise<Recovered | ReplayFailedError> {
    const storeHint = await storeHintOf(this.#directory);
    const how = { storeHint, onDamage: "salvage", durableOnly: true } as const;
    const at = { directory: this.#directory, clock: this.#clock, model: this.#model };
    try {
      return await recover({ ...how, ...at });
    } catch (error) {
      if (error instanceof ReplayFailedError) return error;
      throw error;
    }
  }

  async #list(): Promise<LogListing> {
    return listLog(this.#directory, await storeHintOf(this.#directory));
  }

  /** The snapshot that an opening would refuse to go on from: every entity of it that does not migrate. */
  async #refused(listing: LogListing): Promise<LoadableSnapshot | undefined> {
    const at = { directory: this.#directory, clock: this.#clock, model: this.#model };
    const snapshot = await newestSnapshot(at, listing, []);
    if (snapshot) this.#load(new State(this.#model), new RecentKeys(), snapshot);
    return snapshot;
  }

  async #fold(
    listing: LogListing,
    recovered: Recovered | undefined,
  ): Promise<{ readonly state: State; readonly log: MigrationPlan["log"] }> {
    const state = new State(this.#model);
    const keys = new RecentKeys();
    const search = { directory: this.#directory, model: this.#model, clock: this.#clock };
    const oldest = await oldestBase(search, listing);
    const base = oldest?.reading.head.sequence ?? 0;
    if (oldest) this.#load(state, keys, oldest);
    const fold = new Fold(this.#model, state, keys);
    fold.takeUp();
    const last = recovered?.folded ?? Math.max(base, listing.promised);
    let first: number | undefined;
    let sequence = base;
    let records = 0;
    if (last > base || !recovered) {
      const until = recovered ? { until: last } : {};
      const range = { base, promised: base, onReadError: "damage", ...until } as const;
      const steps = replayLog(this.#directory, listing, range);
      try {
        for (let step = await steps.next(); ; step = await steps.next()) {
          this.#options.signal?.throwIfAborted();
          if (step.done) {
            for (const record of step.value.droppedRecords) fold.drop(record);
            break;
          }
          if (step.value.kind === "lost") {
            this.#hasHole = true;
            continue;
          }
          for (const record of step.value.records) this.#take(fold, record);
          first ??= step.value.records[0]?.seq;
          sequence = step.value.records.at(-1)?.seq ?? sequence;
          records += step.value.records.length;
          this.#options.onProgress?.({ sequence, last: Math.max(last, sequence) });
          await this.#clock.yield();
        }
      } finally {
        await steps.return(undefined as never);
      }
    }
    return { state, log: first === undefined ? undefined : { first, last: sequence, records } };
  }

  #load(state: State, keys: RecentKeys, { name, reading }: LoadableSnapshot): void {
    const { sequence, schema } = reading.head;
    const from = { ...reading, name, sequence, schema };
    loadState(this.#model, state, keys, from, (error) => this.#fail("migration", error));
  }

  #take(fold: Fold, record: LogRecord): void {
    this.#count(record);
    try {
      fold.add([record]);
    } catch (error) {
      if (!(error instanceof ReplayFailedError)) throw error;
      this.#fail("record", error);
    }
  }

  #count({ type, v: version = 1 }: LogRecord): void {
    const key = `${type} ${version}`;
    const to = this.#model.mutations.get(type)?.version;
    const { records } = this.#types.get(key) ?? { records: 0 };
    this.#types.set(key, { type, version, to, records: records + 1 });
  }

  #fail(kind: PlannedFailure["kind"], failure: Omit<PlannedFailure, "kind" | "count">): void {
    const { type, sequence, id, path, reason } = failure;
    const key = `${kind} ${type}`;
    const known = this.#failures.get(key) ?? { kind, type, sequence, id, path, reason, count: 0 };
    this.#failures.set(key, { ...known, count: known.count + 1 });
  }

  async #validate(state: State, sequence: number): Promise<MigrationPlan["entities"]> {
    const counts = [];
    for (const entity of this.#model.entities.values()) {
      let count = 0;
      for (const [id, { value, damage }] of state.slots(entity)) {
        if (value === undefined) continue;
        if (++count % validatedAtOnce === 0) await this.#clock.yield();
        // What lost mutations, or was left out above, is no news of the model's.
        const fits = damage ? undefined : validate(entity.schema, value);
        if (fits === undefined || fits.ok) continue;
        const [issue] = fits.issues;
        const { message: reason = "its schema refuses it", path } = issue ?? {};
        this.#fail("entity", { type: entity.name, sequence, id, path: path?.join("."), reason });
      }
      counts.push({ entity: entity.name, version: entity.version, count });
    }
    return counts;
  }

  async #compare(
    replayed: State,
    opened: State,
  ): Promise<NonNullable<MigrationPlan["differences"]>> {
    let count = 0;
    let where: { readonly entity: string; readonly id: string } | undefined;
    for (const entity of this.#model.entities.values()) {
      let seen = 0;
      for (const id of idsOf(entity, replayed, opened)) {
        if (++seen % validatedAtOnce === 0) await this.#clock.yield();
        // A snapshot of a program that knows more may be ahead of the records that wait.
        if (replayed.held.has(id) || opened.held.has(id)) continue;
        if (isAlike(replayed.committed(entity, id), opened.committed(entity, id))) continue;
        count += 1;
        where ??= { entity: entity.name, id };
      }
    }
    return { count, ...where };
  }
}

/** So many entities are looked at before others have a turn. */
const validatedAtOnce = 500;

function* idsOf(entity: EntityModel, one: State, other: State): Generator<string> {
  yield* one.slots(entity).keys();
  for (const id of other.slots(entity).keys()) if (!one.committed(entity, id)) yield id;
}

const isAlike = (one: Slot | undefined, other: Slot | undefined): boolean => {
  if (one?.damage ?? other?.damage) return true;
  const names = new Set([...Object.keys(one?.lists ?? {}), ...Object.keys(other?.lists ?? {})]);
  return (
    one?.n === other?.n &&
    canonicalJson(one?.value ?? null) === canonicalJson(other?.value ?? null) &&
    [...names].every((name) => isSameList(one?.lists?.[name], other?.lists?.[name]))
  );
};

/** Item by item: a list may be longer than a text can be. */
const isSameList = (one: ListView | undefined, other: ListView | undefined): boolean => {
  if (!one || !other || one.length !== other.length) return false;
  const others = listItems(other);
  for (const item of listItems(one)) {
    if (canonicalJson(item) !== canonicalJson(others.next().value ?? null)) return false;
  }
  return true;
};
