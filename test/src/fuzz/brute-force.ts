/**
 * What offline answers are compared with: every value of every entity, kept whole, behind every change.
 *
 *     readHistory ─> changes in the order in which they are told ─> values at N: all up to N, applied one by one
 *
 * The rule: nothing is clever here. Paths are looked up in whole values, and setters are found by comparing each change
 * with the one before.
 */
import {
  listItems,
  readHistory,
  type HistoryVisitor,
  type Model,
  type Slot,
  type SlotChange,
} from "@taskwal/core";
import { canonicalJson } from "@taskwal/format";

type Value = Readonly<Record<string, unknown>> | undefined;

interface Told {
  readonly sequence: number;
  readonly type: string;
  readonly entity: string;
  readonly id: string;
  readonly before: Value;
  readonly after: Value;
}

export interface Setter {
  readonly sequence: number;
  readonly type: string;
  readonly changes: number;
}

const whole = (slot: Slot | undefined): Value => {
  if (slot?.value === undefined) return undefined;
  const lists = Object.entries(slot.lists ?? {}).map(([name, view]) => [
    name,
    [...listItems(view)],
  ]);
  return { ...(slot.value as object), ...(Object.fromEntries(lists) as object) };
};

export const text = (value: unknown): string =>
  value === undefined ? "absent" : canonicalJson(value);

export const valueAtPath = (value: unknown, path: readonly (string | number)[]): unknown =>
  path.reduce<unknown>(
    (at, name) =>
      typeof at === "object" && at !== null && Object.hasOwn(at, name)
        ? (at as Record<string, unknown>)[name]
        : undefined,
    value,
  );

export class BruteForce {
  readonly told: readonly Told[];
  readonly first: number;
  readonly last: number;

  private constructor(told: readonly Told[], first: number, last: number) {
    this.told = told;
    this.first = first;
    this.last = last;
  }

  static async of(dir: string, model: Model): Promise<BruteForce> {
    let told: Told[] = [];
    const history = await readHistory({
      dir,
      model,
      start: (): HistoryVisitor => {
        told = [];
        return visitor(told);
      },
    });
    return new BruteForce(told, history.base?.sequence ?? 0, history.last);
  }

  /** By "entity\nid", those that are there. */
  at(sequence: number): ReadonlyMap<string, Value> {
    const values = new Map<string, Value>();
    for (const { entity, id, after } of this.#upTo(sequence)) values.set(`${entity}\n${id}`, after);
    return new Map([...values].filter(([, value]) => value !== undefined));
  }

  changesOf(entity: string, id: string): readonly Told[] {
    return this.told.filter((one) => one.entity === entity && one.id === id);
  }

  /** Who made what stands at a path what it is, above `after` and up to `to`; undefined if nobody did. */
  setter(
    entity: string,
    id: string,
    path: readonly (string | number)[],
    [after, to]: readonly [number, number],
  ): Setter | undefined {
    const setters = this.changesOf(entity, id).filter(
      ({ sequence, before, after: now }) =>
        sequence > after &&
        sequence <= to &&
        text(valueAtPath(before, path)) !== text(valueAtPath(now, path)),
    );
    const last = setters.at(-1);
    return last && { sequence: last.sequence, type: last.type, changes: setters.length };
  }

  flips(
    entity: string,
    id: string,
    test: (value: unknown) => boolean,
  ): readonly { readonly sequence: number; readonly value: boolean }[] {
    const flips: { sequence: number; value: boolean }[] = [];
    let held = test(this.at(this.first).get(`${entity}\n${id}`));
    for (const { sequence, after } of this.changesOf(entity, id)) {
      if (sequence <= this.first) continue;
      const holds = test(after);
      if (holds !== held) flips.push({ sequence, value: holds });
      held = holds;
    }
    return flips;
  }

  #upTo(sequence: number): readonly Told[] {
    return this.told.filter((one) => one.sequence <= sequence);
  }
}

const visitor = (told: Told[]): HistoryVisitor => {
  let last = 0;
  const add = (sequence: number, type: string, changes: Iterable<SlotChange>): void => {
    last = Math.max(last, sequence);
    for (const { entity, id, before, after } of changes) {
      told.push({
        sequence,
        type,
        entity: entity.name,
        id,
        before: whole(before),
        after: whole(after),
      });
    }
  };
  return {
    base: ({ name, sequence }, changes) => add(sequence, name, changes),
    correct: ({ name, sequence }, changes) => add(sequence, name, changes),
    record: ({ seq, type }, changes) => add(seq, type, changes),
    // Known at the end only, and so it stands there.
    dropped: ({ seq, type }, changes) => add(Math.max(seq, last), type, changes),
  };
};
