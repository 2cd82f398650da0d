/**
 * Which message of the journal is the one that agentapi tells of under an id.
 *
 *     journal    g  u  a | g' u' a'            three of an earlier conversation, three of this one
 *     agentapi             0  1  2             shared 0, begins 3: nothing was loaded
 *
 *     journal    g  u  a  u' a'
 *     agentapi   0  1  2  3  4                 shared 3, begins 3: the conversation was loaded and went on
 *
 * An agentapi that starts tells a boot screen as message 0 before it has loaded anything, and tells all
 * ids again when it has. So a new one has no place yet: what is not as in the journal is only held, until it is
 * clear what it continues. That is so at the first message of a user that the journal does not have, or at
 * the first message after all that it has.
 *
 * The rule: a message that others follow is never rewritten. One that is told otherwise is of another
 * conversation, which is put behind all that there is.
 */
import type { ConversationMessage } from "./conversation-state.ts";
import type { Place } from "./journal-model.ts";

export interface Update extends ConversationMessage {
  readonly id: number;
}

/** The journal's messages, those that are not durable yet included. */
export interface Said {
  readonly length: number;
  at(index: number): ConversationMessage | undefined;
}

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

export class Transcript {
  #place: Place | undefined;
  /** While there is no place: what was told otherwise than the journal has it. */
  readonly #held = new Map<number, ConversationMessage>();

  constructor(place?: Place) {
    this.#place = place;
  }

  hear({ id, role, message, time }: Update, said: Said): Heard {
    const told = { role, message, time };
    if (!this.#place) return this.#match(id, told, said);
    const place = this.#place;
    const index = indexOf(id, place);
    if (index >= said.length) {
      const missed = Array.from({ length: index - said.length }, () => undefined);
      return { kind: "added", messages: [...missed, told], place };
    }
    const known = said.at(index);
    if (isSame(known, told)) return { kind: "known" };
    const isOpen = index === said.length - 1 && known?.role === "agent";
    if (isOpen && role === "agent") return { kind: "revised", index };
    this.#leave(place, id, said);
    return this.#match(id, told, said);
  }

  /** Of the ids below, the texts are known: those that the place before gave them. */
  #leave(place: Place, end: number, said: Said): void {
    this.#place = undefined;
    for (let id = 0; id < end; id += 1) {
      const told = said.at(indexOf(id, place));
      if (told && !isSame(said.at(id), told)) this.#held.set(id, told);
    }
  }

  #match(id: number, told: ConversationMessage, said: Said): Heard {
    if (isSame(said.at(id), told)) {
      this.#held.delete(id);
      return { kind: "known" };
    }
    this.#held.set(id, told);
    const ids = [...this.#held.keys()].sort((one, other) => one - other);
    const [first = id] = ids;
    const isClear = told.role === "user" || first >= said.length;
    if (!isClear) return { kind: "held" };
    const shared = Math.min(first, said.length);
    const end = (ids.at(-1) ?? id) + 1;
    const messages = Array.from({ length: end - shared }, (_, offset) => {
      const place = shared + offset;
      return this.#held.get(place) ?? said.at(place);
    });
    this.#place = { shared, begins: said.length };
    this.#held.clear();
    return { kind: "added", messages, place: this.#place };
  }
}

/** Where in the journal a message of agentapi stands. */
export const indexOf = (id: number, { shared, begins }: Place): number =>
  id < shared ? id : begins + id - shared;

/**
 * Two users' messages with the same text are one only if they were said at the same time. The agent's is of
 * its last change, which means nothing.
 */
const isSame = (one: ConversationMessage | undefined, other: ConversationMessage): boolean =>
  one?.role === other.role &&
  one.message === other.message &&
  (one.role === "agent" || one.time === other.time);
