/**
 * Which message of the journal is the one that agentapi tells of under an id.
 *
 *     journal     g  u  a | g' u' a'           three of an earlier conversation, three of this one
 *     agentapi              0  1  2            runs: from 0 on at 3: nothing was loaded
 *
 *     journal     g  u  a  u' a' | a" u"
 *     agentapi    0  1  2          3  4        runs: from 0 on at 0, from 3 on at 5: an older state was loaded
 *
 * An agentapi that starts tells a boot screen as message 0 before it has loaded anything, and tells all
 * ids again when it has. So its place is not certain at first: what the journal does not have is only held, until it
 * is clear what it goes on with: the last conversation, or one that it loaded. That is so at the first message of a
 * user that the journal does not have, or at the first message after all that it has.
 *
 * The rule: a message that others follow is never rewritten. One that is told otherwise is of another
 * conversation, which is put behind all that there is.
 */
import type { ConversationMessage } from "./conversation-state.ts";
import { isLater } from "./command-match.ts";
import type { JournalEntry, Place } from "./journal-model.ts";

export interface Update extends ConversationMessage {
  readonly id: number;
}

/** The journal's messages, those that are not durable yet included. */
export interface Said {
  readonly length: number;
  at(index: number): SaidMessage | undefined;
}

type SaidMessage = ConversationMessage & { readonly origin?: JournalEntry["origin"] };

export type Heard =
  /** The journal has it. */
  | { readonly kind: "known" }
  /** Perhaps nothing but a boot screen. */
  | { readonly kind: "held" }
  /** The last message is the agent's and has another text now. */
  | { readonly kind: "revised"; readonly index: number }
  /** New messages, to be put at the end; undefined for one that was never told. */
  | {
      readonly kind: "added";
      readonly messages: readonly (ConversationMessage | undefined)[];
      readonly place: Place;
    };

type Runs = Place["runs"];

const wholeRuns: Runs = [{ id: 0, index: 0 }];

/** A place that is still to be found; what it goes on with most likely, default all that the journal has. */
export const uncertain = ({ runs }: { readonly runs: Runs } = { runs: wholeRuns }): Place => ({
  runs,
  isCertain: false,
});

export class Transcript {
  #place: Place;
  /** While the place is not certain: what was told, in the journal's own words where it has them. */
  readonly #told = new Map<number, SaidMessage>();
  /** Where the first message of a user that was told meanwhile stands in the journal, and so what was loaded. */
  #loaded: Runs | undefined;

  constructor(place: Place) {
    this.#place = place;
  }

  hear({ id, role, message, time }: Update, said: Said): Heard {
    const told = { role, message, time };
    if (!this.#place.isCertain) return this.#match(id, told, said);
    const index = indexOf(id, this.#place.runs);
    if (index >= said.length) {
      const missed = Array.from({ length: index - said.length }, () => undefined);
      return { kind: "added", messages: [...missed, told], place: this.#place };
    }
    const known = said.at(index);
    if (isSame(known, told)) return { kind: "known" };
    const isOpen = index === said.length - 1 && known?.role === "agent";
    if (isOpen && role === "agent") return { kind: "revised", index };
    // Another agentapi. What it tells of the ids below was the same as before.
    for (let below = 0; below < id; below += 1) {
      const same = said.at(indexOf(below, this.#place.runs));
      if (same) this.#told.set(below, same);
    }
    this.#place = uncertain(this.#place);
    return this.#match(id, told, said);
  }

  #match(id: number, told: ConversationMessage, said: Said): Heard {
    if (told.role === "user") this.#loaded ??= runsFrom(id, told, said);
    const candidates = [this.#place.runs, this.#loaded ?? wholeRuns];
    const known = candidates
      .map((runs) => said.at(indexOf(id, runs)))
      .find((message) => isSame(message, told));
    this.#told.set(id, known ?? told);
    if (known) return { kind: "known" };
    const [runs = wholeRuns] = candidates.sort(
      (one, other) => this.#sharedWith(other, said) - this.#sharedWith(one, said),
    );
    const shared = this.#sharedWith(runs, said);
    const isClear = told.role === "user" || indexOf(shared, runs) >= said.length;
    return isClear ? this.#settle(runs, shared, said) : { kind: "held" };
  }

  /** How many messages from the first on are as the journal has them there. */
  #sharedWith(runs: Runs, said: Said): number {
    let shared = 0;
    for (;;) {
      const told = this.#told.get(shared);
      if (!told || !isSame(said.at(indexOf(shared, runs)), told)) return shared;
      shared += 1;
    }
  }

  #settle(runs: Runs, shared: number, said: Said): Heard {
    const kept = runs.filter(({ id }) => id < shared);
    const goesOn = kept.length > 0 && indexOf(shared, kept) === said.length;
    const end = [...this.#told.keys()].reduce((most, id) => Math.max(most, id + 1), shared);
    const messages = Array.from({ length: end - shared }, (_, offset) =>
      this.#told.get(shared + offset),
    );
    this.#place = {
      runs: goesOn ? kept : [...kept, { id: shared, index: said.length }],
      isCertain: true,
    };
    this.#told.clear();
    this.#loaded = undefined;
    return { kind: "added", messages, place: this.#place };
  }
}

/** A conversation of which message `id` is this one of the journal. */
const runsFrom = (id: number, told: ConversationMessage, said: Said): Runs | undefined => {
  for (let index = id; index < said.length; index += 1) {
    if (isSame(said.at(index), told)) return [{ id: 0, index: index - id }];
  }
  return undefined;
};

/** Where in the journal a message of agentapi stands. */
export const indexOf = (id: number, runs: Runs): number => {
  const run = runs.findLast((one) => one.id <= id);
  return run ? run.index + id - run.id : id;
};

/** The indexes of the journal's messages that are those of agentapi, in the order of its ids. */
export const placesOf = (runs: Runs, length: number): readonly number[] =>
  runs.flatMap(({ id, index }, position) => {
    const next = runs[position + 1];
    const end = next ? index + next.id - id : length;
    return Array.from({ length: Math.max(0, end - index) }, (_, offset) => index + offset);
  });

/**
 * Two users' messages with the same text are one only if they were said at the same time, or before agentapi
 * accepted them, where nothing else is known. The agent's time is of its last change, which means nothing.
 */
const isSame = (one: SaidMessage | undefined, other: ConversationMessage): boolean => {
  if (one === other) return true;
  if (one?.role !== other.role || one.message !== other.message) return false;
  if (one.role === "agent" || one.time === other.time) return true;
  return one.origin === "accepted" && !isLater(other.time, one.time);
};
