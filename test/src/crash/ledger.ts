/**
 * What was asked of a store, in order, and what it answered: the truth that a recovery is held against.
 *
 *     issue 0 ─ issue 1 ─ ack 0 ─ issue 2 ─ refuse 1 ─ ack 2 ─ …        entries, in the order of time
 *                                      ^ mark of a crash point
 *     chain at the mark     {} ─ {0} ─ {0,1} ─ {0,1,2}                  states that a recovery may reach
 *                                 └ required: 0 was acknowledged
 *
 * The rule: it knows nothing of the engine. Its reducers are written a second time, on plain maps, and
 * it counts only what had been answered when the power failed.
 */
import { isDeepStrictEqual } from "node:util";

export interface Change {
  readonly collection: string;
  readonly id: string;
  /** A mutation of the notes; or "becomes", with what the entity is from then on. */
  readonly type: string;
  readonly payload: Readonly<Record<string, unknown>>;
}

/** All of it or none of it. */
export interface Operation {
  readonly changes: readonly Change[];
  readonly durability: "synced" | "written";
}

export interface Item {
  readonly version: number;
  readonly value: Readonly<Record<string, unknown>> | undefined;
  readonly lines: readonly unknown[];
}
export type Items = ReadonlyMap<string, Item>;

/** A state as text, one line per entity, sorted: equal states have equal dumps. */
export type Dump = string;

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** With the fields of all objects in one order. */
const sorted = (_: string, value: unknown): unknown =>
  isObject(value)
    ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
    : value;

export const dumpLine = (key: string, { version, value, lines }: Item): string =>
  JSON.stringify([key, version, value ?? null, lines], sorted);

export const dumpOf = (lines: readonly string[]): Dump => lines.toSorted().join("\n");

export const withoutVersions = (dump: Dump): Dump =>
  dump.replaceAll(/^\["([^"]*)",\d+,/gm, '["$1",');

/** The second implementation of the model's reducers. */
export const applyChange = (items: Items, { collection, id, type, payload }: Change): Items => {
  const key = `${collection}/${id}`;
  const before = items.get(key) ?? { version: 0, value: undefined, lines: [] };
  const after = ((): Omit<Item, "version"> => {
    switch (type) {
      case "note.created":
      case "tally.opened":
        return { value: { id, ...payload }, lines: [] };
      case "note.deleted":
        return { value: undefined, lines: [] };
      case "note.renamed":
        return { ...before, value: { ...before.value, ...payload } };
      case "tally.added": {
        const total = (before.value?.["total"] as number) + (payload["by"] as number);
        return { ...before, value: { ...before.value, total } };
      }
      case "becomes":
        return payload as unknown as Omit<Item, "version">;
      case "lines":
        return { ...before, lines: [...before.lines, payload] };
      default:
        throw new Error(`the ledger knows no ${type}`);
    }
  })();
  return new Map([...items, [key, { ...after, version: before.version + 1 }]]);
};

export const dumpItems = (items: Items): Dump =>
  dumpOf([...items].map(([key, item]) => dumpLine(key, item)));

type Entry =
  | { readonly kind: "issued" | "acknowledged" | "refused"; readonly operation: number }
  /** Everything up to this operation is durable, as `flush` and `snapshot` say. */
  | { readonly kind: "flushed"; readonly operation: number };

/** The states that a recovery may reach, from the least to the most. */
export interface Expectation {
  readonly allowed: readonly Dump[];
  /** Dumps of fewer operations than were acknowledged: known, and wrong. */
  readonly tooLittle: readonly Dump[];
}

export class Ledger {
  readonly operations: Operation[] = [];
  readonly #base: Items;
  readonly #entries: Entry[] = [];
  readonly #chains = new Map<string, { readonly dumps: Dump[]; readonly numbers: number[] }>();
  /** Sequences of operations' last records, as receipts and events told them. */
  readonly sequences = new Map<number, number>();

  constructor(base: Items = new Map()) {
    this.#base = base;
  }

  /** A place in time. */
  get mark(): number {
    return this.#entries.length;
  }

  issue(operation: Operation): number {
    const number = this.operations.push(operation) - 1;
    this.#entries.push({ kind: "issued", operation: number });
    return number;
  }

  acknowledge(operation: number): void {
    this.#entries.push({ kind: "acknowledged", operation });
  }

  /** The engine said that it is not and never will be there. */
  refuse(operation: number): void {
    this.#entries.push({ kind: "refused", operation });
  }

  flushed(): void {
    this.#entries.push({ kind: "flushed", operation: this.operations.length - 1 });
  }

  /** How many operations were acknowledged by the end. */
  get acknowledgedCount(): number {
    return this.#entries.filter(({ kind }) => kind === "acknowledged").length;
  }

  /** What may be found after a crash at `mark`: of power, or only of the process. */
  expectation(mark: number, crash: "power" | "process"): Expectation {
    const entries = this.#entries.slice(0, mark);
    const issued = entries.filter(({ kind }) => kind === "issued").length;
    const { dumps, numbers } = this.#chain(this.#refusedBy(mark));
    const required = Math.max(
      -1,
      ...entries.map((entry) => (this.#isPromise(entry, crash) ? entry.operation : -1)),
    );
    const least = numbers.filter((number) => number <= required).length;
    const most = numbers.filter((number) => number < issued).length;
    return { allowed: dumps.slice(least, most + 1), tooLittle: dumps.slice(0, least) };
  }

  /** The state once all that is not refused by now has happened. */
  get finalDump(): Dump {
    return this.expectation(this.mark, "power").allowed.at(-1) ?? "";
  }

  /** Values and lists, without versions, as they would be had one operation never been. */
  finalValuesWithout(operation: number | undefined): Dump {
    const refused = this.#refusedBy(this.mark);
    let items: Items = this.#base;
    for (const [number, { changes }] of this.operations.entries()) {
      if (number === operation || refused.has(number)) continue;
      for (const change of changes) items = applyChange(items, change);
    }
    return withoutVersions(dumpItems(items));
  }

  /** The entity as it stands after an operation, without what was refused by now. */
  valueAfter(operation: number): Item | undefined {
    const refused = this.#refusedBy(this.mark);
    let items: Items = this.#base;
    for (const [number, { changes }] of this.operations.slice(0, operation + 1).entries()) {
      if (refused.has(number)) continue;
      for (const change of changes) items = applyChange(items, change);
    }
    const last = this.operations[operation]?.changes.at(-1);
    return last && items.get(`${last.collection}/${last.id}`);
  }

  /**
   * What a snapshot that claims this sequence may hold: one dump, or a few next to each other where an
   * operation's own sequence was never told because its answer was "unknown".
   */
  dumpsAtSequence(sequence: number): readonly Dump[] {
    const { dumps, numbers } = this.#chain(this.#refusedBy(this.mark));
    const known = numbers.map((number) => this.sequences.get(number));
    const least = known.findLastIndex((at) => at !== undefined && at <= sequence) + 1;
    const above = known.findIndex((at) => at !== undefined && at > sequence);
    return dumps.slice(least, above < 0 ? undefined : above + 1);
  }

  #refusedBy(mark: number): ReadonlySet<number> {
    const entries = this.#entries.slice(0, mark);
    return new Set(entries.flatMap((e) => (e.kind === "refused" ? [e.operation] : [])));
  }

  #isPromise(entry: Entry, crash: "power" | "process"): boolean {
    if (entry.kind === "flushed") return true;
    if (entry.kind !== "acknowledged") return false;
    return crash === "process" || this.operations[entry.operation]?.durability === "synced";
  }

  #chain(refused: ReadonlySet<number>): { readonly dumps: Dump[]; readonly numbers: number[] } {
    const key = `${this.operations.length} ${[...refused].join()}`;
    const known = this.#chains.get(key);
    if (known) return known;
    let items: Items = this.#base;
    const dumps = [dumpItems(items)];
    const numbers: number[] = [];
    for (const [number, { changes }] of this.operations.entries()) {
      if (refused.has(number)) continue;
      for (const change of changes) items = applyChange(items, change);
      dumps.push(dumpItems(items));
      numbers.push(number);
    }
    const chain = { dumps, numbers };
    this.#chains.set(key, chain);
    return chain;
  }
}

export const sameValue = (a: unknown, b: unknown): boolean => isDeepStrictEqual(a, b);
