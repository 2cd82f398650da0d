/**
 * Replays records into a state: the very reducers that ran when they were written.
 *
 *     record ─ $…?  ── system: gaps and marks
 *            ├ type ── upcast ─ n as expected? ─ applyMutation ─ commit
 *            │                      └ no: versions were lost; the entity is marked damaged
 *            └ not known, or its id waits already ── held (held-records.ts)
 *
 * The rule: a record of a known type that this model cannot replay stops the opening (ReplayFailedError),
 * except on an entity that lost mutations: that one is frozen as it stands, and the rest goes on.
 */
import { ReplayFailedError, UnsupportedFormatError } from "@taskwal/errors";
import { isSystemType, type JsonValue, type LogRecord } from "@taskwal/format";
import type { EntityModel, Model, MutationModel } from "./define-model.ts";
import { isSystemData } from "./engine-shape.ts";
import { entityOf, type HeldRecord } from "./held-records.ts";
import { fingerprint, type KeyedMutation, type RecentKeys } from "./idempotency.ts";
import { recoveredSlot, type Recovery } from "./mirror-fill.ts";
import { assertSchema } from "./schema-versions.ts";
import { applyMutation, type Damage, type Slot, type State } from "./state.ts";
import {
  asJson,
  bootType,
  closeType,
  gapType,
  markType,
  migratedType,
  recoveredType,
  type BootData,
  type GapData,
  type LostVersions,
  type MarkData,
  type MigratedData,
  type ModelPrint,
  type SchemaVersions,
} from "./system-record.ts";

/** What a fold learns besides the state. */
export interface FoldFacts {
  /** What `$gap` records have already accounted for. */
  readonly gaps: readonly GapData[];
  /** Versions that were found missing, in the order found. */
  readonly lostVersions: readonly LostVersions[];
  /** Whether the last system record was a clean end. */
  readonly closed: boolean;
  /** The model of the last opening that was seen, if one was. */
  readonly model: ModelPrint | undefined;
  /** What the last migration that was seen reached, if one was. */
  readonly migrated: SchemaVersions | undefined;
}

export class Fold {
  readonly #model: Model;
  readonly #state: State;
  readonly #keys: RecentKeys;
  readonly #gaps: GapData[] = [];
  readonly #lostVersions: LostVersions[] = [];
  #closed = false;
  /** The last one that was folded: the next is mostly of the same type. */
  #mutationBefore: MutationModel | undefined;
  #print: ModelPrint | undefined;
  #migrated: SchemaVersions | undefined;
  /** Members of a transaction whose first member carries a key. */
  #keyed: { first: LogRecord; members: KeyedMutation[] } | undefined;

  /** What was folded onto the snapshot, by entity: files of these may be old. */
  readonly touched = new Map<EntityModel, Set<string>>();

  /** Told of each change as it is folded; for followers. */
  onChange:
    | ((record: LogRecord, mutation: MutationModel, before: Slot | undefined, after: Slot) => void)
    | undefined;

  /** Told of each slot that is set, by whatever record: for those who ask what each changed. */
  onSlot:
    | ((entity: EntityModel, id: string, before: Slot | undefined, after: Slot) => void)
    | undefined;

  constructor(model: Model, state: State, keys: RecentKeys) {
    this.#model = model;
    this.#state = state;
    this.#keys = keys;
  }

  get facts(): FoldFacts {
    return {
      gaps: this.#gaps,
      lostVersions: this.#lostVersions,
      closed: this.#closed,
      model: this.#print,
      migrated: this.#migrated,
    };
  }

  /** Folds records in the order of their sequences. Throws ReplayFailedError, UnsupportedFormatError. */
  add(records: readonly LogRecord[]): void {
    for (const record of records) {
      if (isSystemType(record.type)) this.#system(record);
      else {
        this.#mutation(record);
        this.#noteKey(record, record.id ?? "", record.seq);
      }
    }
  }

  /** Folds what was held until a model came that knows it; what this one does not know either stays. */
  takeUp(): void {
    const isKnown = ({ record }: HeldRecord): boolean =>
      isSystemType(record.type)
        ? this.#entity(entityOf(record) ?? "") !== undefined
        : this.#model.mutations.has(record.type);
    this.#state.held.release(isKnown, ({ record, dropped }) => {
      if (dropped) this.drop(record);
      else if (isSystemType(record.type)) this.#system(record);
      else this.#mutation(record);
    });
  }

  /** A record that is left out because its transaction lost a member: its entity lost that version. */
  drop(record: LogRecord): void {
    const mutation = this.#model.mutations.get(record.type);
    const { id, n } = record;
    if (id === undefined || n === undefined) return;
    if (!mutation || this.#state.held.has(id)) {
      this.#state.held.hold({ id, record, dropped: true });
      return;
    }
    const slot = this.#state.committed(mutation.entity, id);
    if (slot && slot.n >= n) return;
    this.#commit(mutation, id, this.#withLoss(mutation, id, slot, n));
  }

  #system(record: LogRecord): void {
    const { type, data } = record;
    if (!isSystemData(type, data)) {
      throw this.#failed(record, "it holds what the engine does not write");
    }
    if (type === gapType) {
      const gap = data as unknown as GapData;
      this.#gaps.push(gap);
      for (const lost of gap.entities) {
        // Only what concerns it: the rest of the gap is accounted for here.
        const own: GapData = { ...gap, lost: [], bytes: [], unattributed: 0, entities: [lost] };
        if (!this.#isHeld(record, lost, own)) this.#markLost(lost);
      }
    } else if (type === markType) {
      for (const accepted of (data as MarkData).accepted ?? []) {
        const { entity, id } = accepted;
        if (!this.#isHeld(record, accepted, { accepted: [accepted] })) this.#accept(entity, id);
      }
    } else if (type === recoveredType) {
      const recovery = data as unknown as Recovery;
      const entity = this.#entity(recovery.entity);
      if (!this.#isHeld(record, recovery, recovery) && entity)
        this.#restore(entity, recovery.id, recoveredSlot(recovery));
    } else if (type === bootType) {
      this.#closed = false;
      const { model, schema = {} } = data as unknown as BootData;
      assertSchema(`record ${record.seq}`, schema, this.#model);
      this.#state.held.note(schema, this.#model);
      this.#print = model;
    } else if (type === migratedType) {
      const { schema } = data as unknown as MigratedData;
      assertSchema(`record ${record.seq}`, schema, this.#model);
      this.#state.held.note(schema, this.#model);
      this.#migrated = schema;
    } else if (type === closeType) {
      this.#closed = true;
    }
  }

  /** What the engine says of an entity that waits, or that the model lacks, waits as well. */
  #isHeld(record: LogRecord, about: { entity: string; id: string }, data: object): boolean {
    const { id, entity } = about;
    if (this.#entity(entity) && !this.#state.held.has(id)) return false;
    this.#state.held.hold({ id, record: { ...record, data: asJson({ ...data }) } });
    return true;
  }

  #mutation(record: LogRecord): void {
    const mutation = this.#mutationOf(record.type);
    const { id, n } = record;
    if (id === undefined || n === undefined) throw this.#failed(record, "it names no entity");
    if (!mutation || this.#state.held.has(id)) {
      this.#state.held.hold({ id, record });
      return;
    }
    let before = this.#state.committed(mutation.entity, id);
    const expected = (before?.n ?? 0) + 1;
    if (n > expected) {
      before = this.#withLoss(mutation, id, before, n - 1);
    } else if (n < expected) {
      throw this.#failed(
        record,
        `it is version ${n} of ${id}, which is at ${expected - 1} already`,
      );
    }
    const after = this.#after(record, mutation, before, id, n);
    this.#commit(mutation, id, after);
    this.onChange?.(record, mutation, before, after);
  }

  #mutationOf(type: string): MutationModel | undefined {
    if (this.#mutationBefore?.type !== type) {
      this.#mutationBefore = this.#model.mutations.get(type);
    }
    return this.#mutationBefore;
  }

  #after(
    record: LogRecord,
    mutation: MutationModel,
    before: Slot | undefined,
    id: string,
    n: number,
  ): Slot {
    const damage = before?.damage;
    if (damage?.frozen) return { value: before?.value, lists: before?.lists, n, damage };
    const exists = before?.value !== undefined;
    if (exists === (mutation.kind === "create")) {
      if (damage)
        return {
          value: before?.value,
          lists: before?.lists,
          n,
          damage: { ...damage, frozen: true },
        };
      throw this.#failed(record, exists ? `${id} exists already` : `${id} does not exist`);
    }
    const payload = this.#payload(record, mutation);
    try {
      return applyMutation(mutation, before, payload, { id, at: record.at, n });
    } catch (cause) {
      if (!damage) throw this.#failed(record, "its reducer threw", cause);
      return { value: before?.value, lists: before?.lists, n, damage: { ...damage, frozen: true } };
    }
  }

  #payload(record: LogRecord, mutation: MutationModel): JsonValue {
    const version = record.v ?? 1;
    if (version > mutation.version) {
      throw new UnsupportedFormatError({
        file: `record ${record.seq}`,
        found: `${record.type} version ${version}`,
        supported: `version ${mutation.version}`,
      });
    }
    if (version === mutation.version) return record.data;
    try {
      return mutation.upcast(record.data, version);
    } catch (cause) {
      throw this.#failed(record, "its upcaster threw", cause);
    }
  }

  #commit(mutation: MutationModel, id: string, after: Slot): void {
    this.#restore(mutation.entity, id, after);
  }

  #restore(entity: EntityModel, id: string, slot: Slot): void {
    this.onSlot?.(entity, id, this.#state.committed(entity, id), slot);
    this.#state.restore(entity, id, slot);
    const ids = this.touched.get(entity);
    if (ids) ids.add(id);
    else this.touched.set(entity, new Set([id]));
  }

  /** A slot that lost the versions up to `last`. */
  #withLoss(mutation: MutationModel, id: string, slot: Slot | undefined, last: number): Slot {
    const versions = [(slot?.n ?? 0) + 1, last] as const;
    this.#lostVersions.push({ entity: mutation.entity.name, id, versions });
    return damagedSlot(slot, versions);
  }

  /** What an earlier salvage found, unless the jump of versions has shown it already. */
  #markLost({ entity: name, id, versions }: LostVersions): void {
    const entity = this.#entity(name);
    if (!entity) return;
    const slot = this.#state.committed(entity, id);
    const known = slot?.damage?.lost.some(
      ([first, last]) => first <= versions[0] && last >= versions[1],
    );
    if (known) return;
    // The life that found the loss went on from the lost version.
    const n = Math.max(slot?.n ?? 0, versions[1]);
    this.#restore(entity, id, { ...damagedSlot(slot, versions), n });
  }

  #accept(name: string, id: string): void {
    const entity = this.#entity(name);
    const slot = entity && this.#state.committed(entity, id);
    if (slot) this.#restore(entity, id, { ...slot, damage: undefined });
  }

  #entity(name: string): EntityModel | undefined {
    return [...this.#model.entities.values()].find((one) => one.name === name);
  }

  #noteKey(record: LogRecord, id: string, sequence: number): void {
    if (record.key === undefined && record.tx === undefined) {
      this.#keyed = undefined;
      return;
    }
    const member = { type: record.type, id, data: record.data };
    const [index, count] = record.tx ?? [1, 1];
    if (index === 1)
      this.#keyed = record.key === undefined ? undefined : { first: record, members: [] };
    if (!this.#keyed) return;
    this.#keyed.members.push(member);
    if (index < count) return;
    const { first, members } = this.#keyed;
    this.#keyed = undefined;
    this.#keys.add({
      key: first.key ?? "",
      fingerprint: fingerprint(members),
      type: first.type,
      id: first.id ?? id,
      version: first.n ?? 0,
      sequence: sequence - count + 1,
      at: first.at,
    });
  }

  #failed(record: LogRecord, reason: string, cause?: unknown): ReplayFailedError {
    const { seq: sequence, type, id } = record;
    return new ReplayFailedError({
      sequence,
      type,
      reason,
      cause,
      ...(id === undefined ? {} : { id }),
    });
  }
}

/** A slot whose versions `lost` are missing. Without a value there is nothing to go on from: it is frozen. */
const damagedSlot = (slot: Slot | undefined, lost: readonly [number, number]): Slot => {
  const damage: Damage = {
    lost: [...(slot?.damage?.lost ?? []), lost],
    frozen: slot?.damage?.frozen ?? false,
  };
  return { value: slot?.value, lists: slot?.lists, n: lost[1], damage };
};
