/**
 * Turns a history into a track, as it is read.
 *
 *     record, changes ─> a row each ─> how the value is kept (track-value.ts) ─> value file
 *        └ $boot, $close, $mark ─> where one can go back to
 *
 * The rule: nothing is kept per record but its row; what a person looks for by name (boots, marks, types) is kept apart.
 */
import type { EntityModel, HistorySnapshot, HistoryVisitor, SlotChange } from "@taskwal/core";
import type { LogRecord } from "@taskwal/format";
import { NameSets } from "./name-sets.ts";
import { Names } from "./names.ts";
import type { Boot, Mark } from "./offline.ts";
import { kinds, Rows } from "./rows.ts";
import { keptChange, patchesAfter } from "./track-value.ts";
import type { ValueWriter } from "./value-file.ts";

/** What is the same for every row of a record. */
interface Told {
  readonly sequence: number;
  readonly at: number;
  readonly type: number;
  readonly actor: number;
  readonly cause: number | undefined;
}

export class TrackBuilder implements HistoryVisitor {
  readonly rows = new Rows();
  /** "task\n6f…" */
  readonly entities = new Names();
  /** The names of records, and of snapshots that told what no record did. */
  readonly types = new Names();
  /** The first is nobody. */
  readonly actors = new Names([""]);
  /** Of names of fields. */
  readonly fieldSets = new NameSets();
  readonly boots: { -readonly [Name in keyof Boot]: Boot[Name] }[] = [];
  readonly marks: Mark[] = [];
  /** Of the model that wrote the last life. */
  modelHash: string | undefined;
  recordCount = 0;
  readonly #values: ValueWriter;
  #startBytes = 0;
  #last = 0;
  /** By id, within its kind: what was met already needs no name made for it. */
  readonly #ordinals = new Map<EntityModel, Map<string, number>>();
  /** Patches since the last whole value, by ordinal. */
  readonly #patches: number[] = [];

  constructor(values: ValueWriter) {
    this.#values = values;
  }

  base(snapshot: HistorySnapshot, changes: Iterable<SlotChange>): void {
    const told = this.#toldBy(snapshot);
    for (const change of changes) this.#change(change, told);
  }

  correct(snapshot: HistorySnapshot, changes: readonly SlotChange[]): void {
    const told = this.#toldBy(snapshot);
    for (const change of changes) this.#change(change, told);
  }

  record(record: LogRecord, changes: readonly SlotChange[]): void {
    this.#note(record);
    this.recordCount += 1;
    const told = this.#toldOf(record, record.seq);
    this.#last = record.seq;
    if (changes.length === 0) this.#none(record, told);
    for (const change of changes) this.#change(change, told);
  }

  /** What its loss made of its entity is known only at the end, and so it stands there. */
  dropped(record: LogRecord, changes: readonly SlotChange[]): void {
    const told = { ...this.#toldOf(record, Math.max(record.seq, this.#last)), at: Number.NaN };
    for (const change of changes) this.#change(change, told);
  }

  pause(): Promise<void> | undefined {
    return this.#values.drain();
  }

  #toldOf({ at, type, actor = "", cause }: LogRecord, sequence: number): Told {
    return {
      sequence,
      at,
      type: this.types.ordinal(type),
      actor: this.actors.ordinal(actor),
      cause,
    };
  }

  #toldBy({ name, sequence }: HistorySnapshot): Told {
    const type = this.types.ordinal(name);
    this.#last = Math.max(this.#last, sequence);
    return { sequence, at: Number.NaN, type, actor: 0, cause: undefined };
  }

  #none({ n = 0 }: LogRecord, { sequence, at, type, actor }: Told): void {
    const nothing = { fields: 0, startBytes: this.#startBytes, bytes: 0 };
    this.rows.add({ sequence, at, type, actor, n, ...nothing, entity: 0, kind: kinds.none });
  }

  #change({ entity, id, before, after }: SlotChange, told: Told): void {
    const ordinal = this.#ordinalOf(entity, id);
    const patches = this.#patches[ordinal] ?? 0;
    const { kind, value, fields } = keptChange(before, after, patches);
    this.#patches[ordinal] = patchesAfter(kind, patches);
    const { sequence, at, type, actor, cause } = told;
    const text = JSON.stringify(cause === undefined ? value : { ...value, cause });
    const startBytes = this.#startBytes;
    const bytes = this.#values.append(text);
    this.#startBytes += bytes;
    this.rows.add({
      sequence,
      at,
      type,
      actor,
      entity: ordinal + 1,
      n: after.n,
      fields: this.fieldSets.ordinal(fields),
      kind,
      startBytes,
      bytes,
    });
  }

  #ordinalOf(entity: EntityModel, id: string): number {
    let ordinals = this.#ordinals.get(entity);
    if (!ordinals) this.#ordinals.set(entity, (ordinals = new Map()));
    const known = ordinals.get(id);
    if (known !== undefined) return known;
    const ordinal = this.entities.ordinal(`${entity.name}\n${id}`);
    ordinals.set(id, ordinal);
    return ordinal;
  }

  #note({ type, seq: sequence, at, data }: LogRecord): void {
    if (type === "$boot") this.#boot(sequence, at, data);
    const boot = this.boots.at(-1);
    if (boot) {
      boot.last = sequence;
      boot.lastAt = at;
      boot.ended = type === "$close" ? "clean" : "not closed";
    }
    if (type !== "$mark") return;
    const { name, text } = data as { readonly name?: unknown; readonly text?: unknown };
    if (typeof name !== "string") return;
    this.marks.push({ sequence, name, text: typeof text === "string" ? text : undefined });
  }

  #boot(first: number, at: number, data: unknown): void {
    const { pid, host, engine, model } = data as {
      readonly pid?: number;
      readonly host?: string;
      readonly engine?: string;
      readonly model?: { readonly hash?: string };
    };
    this.modelHash = model?.hash;
    const boot = this.boots.length + 1;
    const times = { first, last: first, at, lastAt: at };
    this.boots.push({ boot, ...times, pid, host, engine, ended: "not closed" });
  }
}
