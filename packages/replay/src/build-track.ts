/**
 * Turns a history into a track, as it is read.
 *
 *     record, changes ─> a row each ─> how the value is kept (track-value.ts) ─> value file
 *        └ $boot, $close, $mark ─> where one can go back to
 *
 * The rule: nothing is kept per record but its row; what a person looks for by name (boots, marks, types) is kept apart.
 */
import type { HistorySnapshot, HistoryVisitor, SlotChange } from "@taskwal/core";
import type { LogRecord } from "@taskwal/format";
import { Names } from "./names.ts";
import { kinds, Rows, type Kind } from "./rows.ts";
import { changeValue } from "./track-value.ts";
import type { ValueWriter } from "./value-file.ts";

/** One life of the program that wrote. */
export interface Boot {
  /** Of its "$boot" record. */
  readonly sequence: number;
  readonly at: number;
  /** What the record says: pid, host, engine. */
  readonly data: unknown;
  /** Of its last record. */
  last: number;
  lastAt: number;
  /** It ended with a "$close" record. */
  closed: boolean;
}

export interface Mark {
  readonly sequence: number;
  readonly name: string;
  readonly text: string | undefined;
}

export class TrackBuilder implements HistoryVisitor {
  readonly rows = new Rows();
  readonly entities = new Names();
  /** The first is of what no record but a snapshot tells. */
  readonly types = new Names([""]);
  /** The first is nobody. */
  readonly actors = new Names([""]);
  readonly boots: Boot[] = [];
  readonly marks: Mark[] = [];
  readonly corrections: HistorySnapshot[] = [];
  readonly #values: ValueWriter;
  #startBytes = 0;
  /** Patches since the last whole value, by ordinal. */
  readonly #patches: number[] = [];

  constructor(values: ValueWriter) {
    this.#values = values;
  }

  base({ sequence }: HistorySnapshot, changes: Iterable<SlotChange>): void {
    for (const change of changes) this.#change(change, { sequence, at: NaN, type: 0, actor: 0 });
  }

  correct(snapshot: HistorySnapshot, changes: readonly SlotChange[]): void {
    this.corrections.push(snapshot);
    for (const change of changes) {
      const whole = { ...change, before: undefined };
      this.#change(whole, { sequence: snapshot.sequence, at: NaN, type: 0, actor: 0 });
    }
  }

  record(record: LogRecord, changes: readonly SlotChange[]): void {
    this.#note(record);
    const told = {
      sequence: record.seq,
      at: record.at,
      type: this.types.ordinal(record.type),
      actor: this.actors.ordinal(record.actor ?? ""),
    };
    if (changes.length === 0) this.#none(record, told);
    else for (const change of changes) this.#change(change, told);
  }

  dropped(record: LogRecord, changes: readonly SlotChange[]): void {
    if (changes.length > 0) this.record(record, changes);
  }

  pause(): Promise<void> | undefined {
    return this.#values.drain();
  }

  #none(record: LogRecord, told: Told): void {
    const nothing = { n: record.n ?? 0, startBytes: this.#startBytes, bytes: 0 };
    this.rows.add({ ...told, ...nothing, entity: 0, kind: kinds.none });
  }

  #change({ entity, id, before, after }: SlotChange, told: Told): void {
    const ordinal = this.entities.ordinal(`${entity.name}\n${id}`);
    const { kind, value } = changeValue({ before, after }, this.#patches[ordinal] ?? 0);
    this.#patches[ordinal] = patchesAfter(kind, this.#patches[ordinal] ?? 0);
    const startBytes = this.#startBytes;
    const bytes = this.#values.append(JSON.stringify(value));
    this.#startBytes += bytes;
    this.rows.add({ ...told, entity: ordinal + 1, n: after.n, kind, startBytes, bytes });
  }

  #note({ type, seq: sequence, at, data }: LogRecord): void {
    if (type === "$boot") {
      this.boots.push({ sequence, at, data, last: sequence, lastAt: at, closed: false });
    }
    const boot = this.boots.at(-1);
    if (boot) {
      boot.last = sequence;
      boot.lastAt = at;
      boot.closed = type === "$close";
    }
    if (type !== "$mark") return;
    const { name, text } = data as { readonly name?: unknown; readonly text?: unknown };
    if (typeof name !== "string") return;
    this.marks.push({ sequence, name, text: typeof text === "string" ? text : undefined });
  }
}

interface Told {
  readonly sequence: number;
  readonly at: number;
  readonly type: number;
  readonly actor: number;
}

const patchesAfter = (kind: Kind, patches: number): number => {
  if (kind === kinds.patch) return patches + 1;
  return kind === kinds.append ? patches : 0;
};
