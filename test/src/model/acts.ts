/**
 * What clients do at once: calls that are awaited or not, and whatever else may go on beside them.
 *
 *     act ─ turns pass ─ begin ─ (awaited before the next one, or not) ─ act ─ …
 *
 * A turn is a microtask: between two of them the engine and the simulated disk go on, so the turns
 * decide how calls, batches, snapshots and syncs overlap; all of it is drawn, and shrinks to nothing.
 *
 * The rule: an act is data. What it refers to (a tag, the current version) is settled when it is done.
 */
import * as fc from "fast-check";
import type { Change, Items } from "../crash/ledger.ts";
import { tooMuch } from "../crash/note-store.ts";
import { settle } from "../crash/recording.ts";
import { evaluate, keyOf, type Asked, type Expected } from "./asked.ts";
import { fail, noteIds, tallyIds, type Bench } from "./bench.ts";
import { intrude, readBeside, readSome } from "./beside.ts";
import { abortReason } from "./refusals.ts";

const verbs = ["create", "rename", "delete", "line", "open", "add", "overflow", "invalid"] as const;

export interface Part {
  readonly verb: (typeof verbs)[number];
  readonly which: number;
  /** How long its text is. */
  readonly size: number;
  /** As it is, though it may be refused; else what fits the entity is done instead. */
  readonly isExact: boolean;
}

export type Act = {
  readonly turns: number;
  /** Its answer is awaited before the next act. */
  readonly isAwaited: boolean;
} & (
  | {
      readonly kind: "call";
      readonly parts: readonly Part[];
      readonly isTransaction: boolean;
      readonly durability: "synced" | "written";
      readonly key: number | undefined;
      readonly expected: Expected | "current";
      /** Turns until its signal is aborted; -1: it was before. */
      readonly abort: number | undefined;
    }
  | { readonly kind: "again"; readonly which: number }
  | { readonly kind: (typeof otherActs)[number] }
);

const otherActs = [
  "snapshot",
  "compact",
  "flush",
  "flushSync",
  "flushSync twice",
  "idle mark",
  "accept",
  "records",
  "look",
  "reader",
  "intruder",
] as const;

const part = fc.record<Part>({
  verb: fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom("create", "rename", "open", "add") },
    { weight: 4, arbitrary: fc.constant("line" as const) },
    { weight: 1, arbitrary: fc.constantFrom("delete", "overflow", "invalid") },
  ),
  which: fc.nat({ max: 3 }),
  isExact: fc.oneof(
    { weight: 5, arbitrary: fc.constant(false) },
    { weight: 1, arbitrary: fc.constant(true) },
  ),
  size: fc.oneof(
    { weight: 8, arbitrary: fc.nat({ max: 8 }) },
    { weight: 1, arbitrary: fc.constantFrom(40, 120) },
  ),
});

/** Once in so many. */
const rarely = <T>(arbitrary: fc.Arbitrary<T>, every: number): fc.Arbitrary<T | undefined> =>
  fc.oneof({ weight: every - 1, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary });

const pace = {
  turns: fc.oneof(
    { weight: 3, arbitrary: fc.constant(0) },
    { weight: 1, arbitrary: fc.nat({ max: 40 }) },
  ),
  isAwaited: fc.boolean(),
};

const call: fc.Arbitrary<Act> = fc
  .record({
    ...pace,
    kind: fc.constant("call" as const),
    parts: fc.oneof(
      { weight: 4, arbitrary: fc.array(part, { minLength: 1, maxLength: 1 }) },
      { weight: 1, arbitrary: fc.array(part, { minLength: 2, maxLength: 4 }) },
    ),
    durability: fc.oneof(
      { weight: 2, arbitrary: fc.constant("synced" as const) },
      { weight: 1, arbitrary: fc.constant("written" as const) },
    ),
    key: rarely(fc.nat({ max: 5 }), 5),
    expected: fc.oneof(
      { weight: 6, arbitrary: fc.constant("any" as const) },
      {
        weight: 1,
        arbitrary: fc.constantFrom<Expected | "current">("current", "absent", "exists", 1),
      },
    ),
    abort: rarely(fc.integer({ min: -1, max: 30 }), 10),
  })
  .map(({ parts, key, abort, ...rest }) => ({
    ...rest,
    parts,
    isTransaction: parts.length > 1,
    key,
    // A call with a key, and a delete, cannot be told from its twin until it is answered.
    abort: key === undefined && !parts.some(({ verb }) => verb === "delete") ? abort : undefined,
  }));

export const acts = (limits: {
  readonly minLength?: number;
  readonly maxLength: number;
}): fc.Arbitrary<Act[]> =>
  fc.array(
    fc.oneof(
      { weight: 10, arbitrary: call },
      {
        weight: 1,
        arbitrary: fc.record({
          ...pace,
          kind: fc.constant("again" as const),
          which: fc.nat({ max: 9 }),
        }),
      },
      { weight: 2, arbitrary: fc.record({ ...pace, kind: fc.constantFrom(...otherActs) }) },
    ),
    limits,
  );

const changeOf = ({ verb, which, size }: Part, tag: number): Change => {
  const text = `${tag} ${"abcdefgh".repeat(size)}`;
  const note = (type: string, payload: Change["payload"]): Change => ({
    collection: "notes",
    id: noteIds[which % noteIds.length] ?? "a",
    type,
    payload,
  });
  const tally = (type: string, payload: Change["payload"]): Change => ({
    collection: "tallies",
    id: tallyIds[which % tallyIds.length] ?? "x",
    type,
    payload,
  });
  switch (verb) {
    case "create":
      return note("note.created", { title: text });
    case "rename":
      return note("note.renamed", { title: text });
    case "delete":
      return note("note.deleted", {});
    case "line":
      return note("lines", { text });
    case "open":
      return tally("tally.opened", { total: tag });
    case "add":
      return tally("tally.added", { by: tag });
    case "overflow":
      return tally("tally.added", { by: tooMuch });
    case "invalid":
      return size % 2 === 0 ? tally("tally.added", { by: -0 }) : note("lines", { text: tag });
  }
};

const ifAbsent: Partial<Record<Part["verb"], Part["verb"]>> = {
  rename: "create",
  delete: "create",
  line: "create",
  add: "open",
};
const ifThere: Partial<Record<Part["verb"], Part["verb"]>> = { create: "rename", open: "add" };

/** The change, or what fits the entity as it stands if that would be refused. */
export const fitting = (one: Part, tag: number, items: Items): Change => {
  const change = changeOf(one, tag);
  if (one.isExact) return change;
  const isThere = items.get(keyOf(change))?.value !== undefined;
  const verb = (isThere ? ifThere : ifAbsent)[one.verb];
  return verb ? changeOf({ ...one, verb }, tag) : change;
};

const askedOf = (act: Extract<Act, { kind: "call" }>, bench: Bench): Asked => {
  const start = bench.reference.pendingItems();
  let items = start;
  const changes = act.parts.map((one) => {
    const change = fitting(one, bench.nextTag(), items);
    const asked = { changes: [change], expected: "any" } as const;
    const evaluation = evaluate(items, asked);
    if (evaluation.ok) ({ items } = evaluation);
    return change;
  });
  const [first] = changes;
  const current = first && start.get(keyOf(first))?.version;
  const expected = act.expected === "current" ? (current ?? 0) : act.expected;
  return {
    changes,
    isTransaction: act.isTransaction,
    durability: act.durability,
    key: act.key === undefined ? undefined : `key ${act.key}`,
    expected: act.isTransaction ? "any" : expected,
  };
};

export const passTurns = async (turns: number): Promise<void> => {
  for (let left = turns; left > 0; left -= 1) await Promise.resolve();
};

const makeCall = (bench: Bench, act: Extract<Act, { kind: "call" }>): Promise<void> => {
  const asked = askedOf(act, bench);
  if (act.abort === undefined) return bench.make(asked).done;
  const controller = new AbortController();
  if (act.abort < 0) controller.abort(abortReason);
  const { call, done } = bench.make(asked, controller.signal);
  if (act.abort >= 0) {
    void passTurns(act.abort).then(() => {
      if (call.outcome === "open") call.isAborted = true;
      controller.abort(abortReason);
    });
  }
  return done;
};

/** Answers of a failing disk are no fault of the act; what was promised is promised all the same. */
const tolerating = async (bench: Bench, work: () => Promise<void>): Promise<void> => {
  const { life } = bench;
  try {
    await work();
  } catch (error) {
    const { code } = error as { code?: string };
    // A compaction goes on after its snapshot; the store may be closed by then.
    if (life.isClosing && code === "CLOSED") return;
    if (life.isOver || (code === "DISK_FAILED" && (bench.isFaulty || bench.store.poisoned))) return;
    bench.found.push(error);
  }
};

/** What is visible now will be durable once `work` resolves. */
const promising = async (bench: Bench, work: () => Promise<unknown>): Promise<void> => {
  const { life, reference } = bench;
  const last = reference.visible.at(-1);
  await work();
  if (!life.isOver && last) reference.promise(reference.visible.indexOf(last) + 1);
};

const other = async (bench: Bench, kind: (typeof otherActs)[number]): Promise<void> => {
  const { store, life } = bench;
  switch (kind) {
    case "flush":
      return promising(bench, () => store.flush());
    case "flushSync":
      return promising(bench, async () => flushNow(bench));
    case "flushSync twice":
      return promising(bench, async () => {
        flushNow(bench);
        flushNow(bench);
      });
    case "idle mark":
      bench.sim.clock.advance(60);
      return undefined;
    case "snapshot":
    case "compact": {
      const sequence = await store[kind]();
      if (life.isOver) return undefined;
      if (store.sequence < sequence) fail("I8 a snapshot holds only what is durable", { sequence });
      return bench.promised(sequence);
    }
    case "accept":
      return store.accept("notes", "a");
    case "records":
      return readSome(bench);
    case "look":
      return bench.look("between two turns");
    case "reader":
      return readBeside(bench);
    case "intruder":
      return intrude(bench);
  }
};

/** In one turn: everything that was asked before is visible and durable on return, or nothing changes. */
const flushNow = (bench: Bench): void => {
  const { store, reference } = bench;
  try {
    store.flushSync();
  } catch (error) {
    const { code, outcome } = error as { code?: string; outcome?: string };
    if (code === "DISK_FAILED" && outcome === "not-written")
      return bench.look("after a refused flushSync");
    throw error;
  }
  reference.promise(reference.visible.length);
};

/** Does them; resolves once all are answered. Never rejects: see `bench.found`. */
export const perform = async (bench: Bench, list: readonly Act[]): Promise<void> => {
  const { life } = bench;
  const all: Promise<void>[] = [];
  for (const act of list) {
    if (act.turns > 0) await passTurns(act.turns);
    if (life.isOver) break;
    bench.options.count(act.kind);
    const done = begin(bench, act);
    all.push(done);
    if (act.isAwaited) await done;
  }
  await Promise.all(all);
  // Nobody awaits what falls due.
  if (!life.isOver && list.some(({ kind }) => kind === "idle mark")) await settle(bench.sim);
};

const begin = (bench: Bench, act: Act): Promise<void> => {
  if (act.kind === "call") return makeCall(bench, act);
  if (act.kind !== "again") return tolerating(bench, () => other(bench, act.kind));
  const { keyed } = bench.reference;
  const asked = keyed[keyed.length - 1 - (act.which % Math.max(1, keyed.length))];
  return asked ? bench.make(asked).done : Promise.resolve();
};
