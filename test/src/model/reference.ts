/**
 * The reference: what a store shows and promises, kept in plain arrays beside it.
 *
 *     ask ─> waiting ─(mutation event)─> visible ─(acknowledged)─> durable
 *               └ refused: nothing of it is ever seen          crash: a prefix, no shorter than durable
 *
 * Events make waiting calls visible, in the order in which they were asked; whatever stands before one
 * that became visible must be refused. Answers are held against what their event said.
 *
 * The rule: every disagreement is a Broken that names the invariant (I1, I2, …).
 */
import type { StoreEvents } from "taskwal";
import { Broken } from "../crash/inspect.ts";
import { dumpItems, sameValue, type Dump, type Items } from "../crash/ledger.ts";
import { evaluate, printOf, type Asked, type Evaluation, type Step } from "./asked.ts";

export type MutationFacts = StoreEvents["mutation"][0];

/** A call that was made and is not settled. */
export interface Waiting {
  asked: Asked;
  /** Where it stands among all calls. */
  readonly order: number;
  /** What was to be expected of it when it was asked: to be staged, refused, or to join another. */
  readonly forecast: Evaluation | "known" | "key conflict" | "dead" | "closed" | "aborted";
  /** Its signal was aborted while it may have waited. */
  isAborted: boolean;
  /** How it ended. */
  outcome: "open" | "answered" | "refused";
  /** Set once it is visible. */
  entry: Entry | undefined;
}

/** A call that is visible. */
export interface Entry {
  asked: Asked;
  call: Waiting | undefined;
  readonly steps: readonly Step[];
  /** The whole state after it. */
  readonly items: Items;
  /** Of its changes; found in the log where nobody was told. */
  sequences: readonly number[] | undefined;
  isAnswered: boolean;
}

export const emptyItems: Items = new Map();

const broken = (invariant: string, details: unknown): never => {
  throw new Broken(invariant, typeof details === "string" ? details : JSON.stringify(details));
};

export class Reference {
  readonly visible: Entry[] = [];
  /** How many of them a power cut must leave. */
  durableCount = 0;
  /** In the order of the calls; settled ones go when their command ends. */
  waiting: Waiting[] = [];
  /** After poison: what may be there or not, behind what is visible. */
  unknown: Asked[] = [];
  /** Calls with a key, to be made again. */
  readonly keyed: Asked[] = [];
  #order = 0;
  #lastSequence = 0;
  /** The transaction whose events are under way, and how many of them came. */
  #partial: { readonly entry: Entry; readonly sequences: number[] } | undefined;

  get items(): Items {
    return this.visible.at(-1)?.items ?? emptyItems;
  }

  get dump(): Dump {
    return dumpItems(this.items);
  }

  /** The last call with this key that happened or is expected to. */
  #holderOf(key: string): Asked | undefined {
    const staged = this.waiting.filter(
      ({ asked, outcome, forecast }) =>
        asked.key === key && outcome !== "refused" && typeof forecast === "object" && forecast.ok,
    );
    return staged.at(-1)?.asked ?? this.visible.findLast(({ asked }) => asked.key === key)?.asked;
  }

  /**
   * The first call with this key was refused while another repeated it: whether that one is refused as well, or is the
   * first now, only its answer tells. A campaign took the one for the other.
   */
  isUnsure(key: string | undefined): boolean {
    if (key === undefined || this.#holderOf(key)) return false;
    return this.waiting.some(({ asked, outcome }) => asked.key === key && outcome === "open");
  }

  /** The state that the next call is reduced on, if all that waits goes as expected. */
  pendingItems(without: ReadonlySet<Waiting> = new Set(), upTo = Infinity): Items {
    let { items } = this;
    for (const call of this.waiting) {
      if (call.order >= upTo || without.has(call) || call.entry || call.outcome === "refused")
        continue;
      if (typeof call.forecast !== "object" || !call.forecast.ok) continue;
      const evaluation = evaluate(items, call.asked);
      if (evaluation.ok) ({ items } = evaluation);
    }
    return items;
  }

  ask(asked: Asked, condition: "open" | "dead" | "closed" | "aborted"): Waiting {
    const call: Waiting = {
      asked,
      order: (this.#order += 1),
      forecast: condition === "open" ? this.#forecast(asked) : condition,
      isAborted: condition === "aborted",
      outcome: "open",
      entry: undefined,
    };
    this.waiting.push(call);
    if (asked.key !== undefined && typeof call.forecast === "object") this.keyed.push(asked);
    return call;
  }

  #forecast(asked: Asked): Waiting["forecast"] {
    const evaluation = evaluate(this.pendingItems(), asked);
    const holder = asked.key === undefined ? undefined : this.#holderOf(asked.key);
    if (!holder) return evaluation;
    if (asked.isTransaction) return "known";
    if (!evaluation.ok && evaluation.refusal === "invalid") return evaluation;
    return printOf(holder) === printOf(asked) ? "known" : "key conflict";
  }

  /** A mutation has become visible. Returns the call that it is of. */
  saw(event: MutationFacts): Entry {
    if (event.sequence <= this.#lastSequence) broken("I5 events come in order", event);
    this.#lastSequence = event.sequence;
    const partial = this.#partial ?? { entry: this.#begin(event), sequences: [] };
    const { entry, sequences } = partial;
    const step = entry.steps[sequences.length];
    if (!step || !isOf(event, step))
      broken("I2 what is shown was asked, and is reduced right", event);
    const last = sequences.at(-1);
    if (last !== undefined && event.sequence !== last + 1)
      broken("I4 a transaction is one run of records", event);
    sequences.push(event.sequence);
    this.#partial = partial;
    if (sequences.length === entry.steps.length) {
      entry.sequences = sequences;
      this.visible.push(entry);
      this.#partial = undefined;
    }
    return entry;
  }

  #begin(event: MutationFacts): Entry {
    const open = this.waiting.filter(({ entry, outcome }) => !entry && outcome !== "refused");
    // Those that are expected first: a delete looks like another of the same entity.
    const rank = ({ isAborted, forecast }: Waiting): number =>
      typeof forecast === "object" && forecast.ok ? Number(isAborted) : 2;
    for (const call of open.toSorted((one, other) => rank(one) - rank(other))) {
      const evaluation = evaluate(this.items, call.asked);
      const [step] = evaluation.ok ? evaluation.steps : [];
      if (!evaluation.ok || !step || !isOf(event, step)) continue;
      const { steps, items } = evaluation;
      call.entry = {
        asked: call.asked,
        call,
        steps,
        items,
        sequences: undefined,
        isAnswered: false,
      };
      return call.entry;
    }
    return broken("I2 what is shown was asked, and is reduced right", event);
  }

  /** Twins, and deletes of one entity, cannot be told apart by their events: only by their answers. */
  exchange(call: Waiting, other: Waiting): void {
    const { entry } = other;
    other.entry = call.entry;
    call.entry = entry;
    if (call.entry) Object.assign(call.entry, { call, asked: call.asked });
    if (other.entry) Object.assign(other.entry, { call: other, asked: other.asked });
  }

  /** All visible up to this one is durable. */
  promise(count: number): void {
    this.durableCount = Math.max(this.durableCount, Math.min(count, this.visible.length));
  }

  entryAt(sequence: number): Entry | undefined {
    return this.visible.findLast(({ sequences }) => sequences?.includes(sequence));
  }

  /** How many entries end at or before a sequence. */
  countAt(sequence: number): number {
    return (
      this.visible.findLastIndex(({ sequences }) => (sequences?.at(-1) ?? Infinity) <= sequence) + 1
    );
  }

  /** The state at a sequence: what a snapshot of it holds. */
  dumpAt(sequence: number): Dump {
    return dumpItems(this.visible[this.countAt(sequence) - 1]?.items ?? emptyItems);
  }

  /** A dead writer: what is visible and not durable is taken back. Returns its sequences. */
  die(durable: number): number[] {
    const gone = this.visible.splice(this.countAt(durable));
    this.unknown.push(...gone.map(({ asked }) => asked));
    return gone.flatMap(({ sequences = [] }) => sequences);
  }

  /**
   * What an opening found, held against what it may find: all that is durable, then any prefix of what
   * was visible, unknown or waiting. From here on that is what happened. Returns how much was lost.
   */
  recover(dump: Dump, least: number): void {
    const rest = this.visible.splice(least);
    const reachable: { asked: Asked; mayMiss: boolean }[] = [
      ...rest.map(({ asked }) => ({ asked, mayMiss: false })),
      ...this.unknown.map((asked) => ({ asked, mayMiss: false })),
      ...this.waiting
        .filter(
          ({ entry, outcome, forecast }) =>
            !entry && outcome === "open" && typeof forecast === "object" && forecast.ok,
        )
        .map(({ asked, isAborted }) => ({ asked, mayMiss: isAborted })),
    ];
    const found = reach(this.items, reachable, dump);
    if (!found) {
      const what = this.visible.some(({ items }) => dumpItems(items) === dump) || dump === "";
      broken(
        what && dump !== this.dump
          ? "I1 what was acknowledged is in every later opening"
          : "I2 what is found is a prefix of what was asked and not refused",
        `${dump}\n-- not, at the least --\n${this.dump}\n-- then --\n${JSON.stringify(reachable)}`,
      );
    }
    for (const asked of found ?? []) {
      const known = rest.find((entry) => entry.asked === asked);
      const evaluation = evaluate(this.items, asked);
      if (!evaluation.ok) continue;
      const { steps, items } = evaluation;
      const sequences = known?.sequences;
      this.visible.push({ asked, call: undefined, steps, items, sequences, isAnswered: true });
    }
    this.durableCount = this.visible.length;
    // Whom a crash left without an answer gets none.
    for (const entry of this.visible) entry.isAnswered = true;
    this.#lastSequence = Math.max(0, ...this.visible.flatMap(({ sequences = [] }) => sequences));
    this.#partial = undefined;
    this.unknown = [];
    this.waiting = [];
  }
}

/** The calls that lead to the dump, if a prefix of them does; those that may miss are left out where needed. */
const reach = (
  items: Items,
  rest: readonly { asked: Asked; mayMiss: boolean }[],
  dump: Dump,
): Asked[] | undefined => {
  if (dumpItems(items) === dump) return [];
  const [next, ...later] = rest;
  if (!next) return undefined;
  const evaluation = evaluate(items, next.asked);
  if (!evaluation.ok) return reach(items, later, dump);
  const taken = reach(evaluation.items, later, dump);
  if (taken) return [next.asked, ...taken];
  return next.mayMiss ? reach(items, later, dump) : undefined;
};

const isOf = (event: MutationFacts, { change, before, after }: Step): boolean =>
  event.collection === change.collection &&
  event.id === change.id &&
  event.type.endsWith(change.type === "lines" ? ".lines.appended" : change.type) &&
  event.version === after.version &&
  sameValue(event.before, before.value) &&
  sameValue(event.after, after.value) &&
  sameValue(event.item, change.type === "lines" ? change.payload : undefined);
