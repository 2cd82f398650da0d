/**
 * The messages of a journal within its transactions: what agentapi tells of them, and what is taken over after its end.
 *
 *     update ─> transcript ─> added    ─> message.heard, and the command that it is: command.seen
 *                          ├> revised  ─> waits ─> message.revised     at the next message, or when asked
 *                          └> known, held: nothing
 *
 * The rule: what is only in memory (a revision that waits, what a new agentapi told before its load) can be
 * forgotten at any time: agentapi tells it again.
 */
import type { TransactionOf } from "@taskwal/core";
import { InvalidMutationError } from "@taskwal/errors";

import { becomes, isLater, untoldMessages } from "./command-match.ts";
import type { ConversationMessage } from "./conversation-state.ts";
import type { JournalCommand, journalModel, Place } from "./journal-model.ts";
import {
  indexOf,
  Transcript,
  uncertain,
  type Heard,
  type Said,
  type Update,
} from "./transcript.ts";

export type Transaction = TransactionOf<typeof journalModel>;

/** There is one session in a journal. */
export const sessionId = "agentapi";

export class RecordedMessages {
  #transcript: Transcript;
  /** The last message as it is told now, if its text is not recorded yet. */
  #revision: { readonly index: number; readonly told: ConversationMessage } | undefined;
  #length = 0;

  constructor(place: Place) {
    this.#transcript = new Transcript(place);
  }

  /** Forgets what is only in memory. */
  restart(place: Place): void {
    this.#transcript = new Transcript(place);
    this.#revision = undefined;
  }

  get hasRevision(): boolean {
    return this.#revision !== undefined;
  }

  /** Messages as they are once all that was begun is durable. */
  said(tx: Transaction): Said {
    // What failed was taken back.
    while (this.#length > 0 && !tx.messages.get(String(this.#length - 1))) this.#length -= 1;
    while (tx.messages.get(String(this.#length))) this.#length += 1;
    const revision = this.#revision;
    return {
      length: this.#length,
      at: (index) => (revision?.index === index ? revision.told : tx.messages.get(String(index))),
    };
  }

  hear(tx: Transaction, update: Update): Heard["kind"] {
    const heard = this.#transcript.hear(update, this.said(tx));
    if (heard.kind === "revised") this.#revision = { index: heard.index, told: update };
    if (heard.kind !== "added") return heard.kind;
    this.revise(tx);
    for (const message of heard.messages) this.#add(tx, message, "message.heard");
    this.#place(tx, heard.place);
    return heard.kind;
  }

  /** Records the last message as it was told last: what differs from what was recorded. */
  revise(tx: Transaction): void {
    const revision = this.#revision;
    this.#revision = undefined;
    if (!revision) return;
    const id = String(revision.index);
    const { message: text, time } = revision.told;
    const before = tx.messages.get(id)?.message ?? "";
    if (text === before) return;
    const keep = commonLength(before, text);
    tx.messages.mutate(id, "message.revised", { keep, text: text.slice(keep), time });
  }

  /**
   * What comes next is told by another agentapi: it may have loaded what the one before had, or nothing. `isAfter`
   * one that was known, and has ended.
   */
  expectAnother(tx: Transaction, isAfter: boolean): void {
    this.revise(tx);
    if (isAfter) this.#recoverAccepted(tx);
    const place = tx.sessions.get(sessionId)?.place;
    this.#expect(tx, uncertain(place));
  }

  /** See Journal. */
  recover(tx: Transaction, messages: readonly ConversationMessage[]): void {
    this.revise(tx);
    const place = tx.sessions.get(sessionId)?.place;
    for (const [id, message] of messages.entries()) {
      this.#recoverOne(tx, place ? indexOf(id, place.runs) : id, message);
    }
    this.#recoverAccepted(tx);
    // The next one loads all that there is.
    this.#expect(tx, uncertain());
  }

  /** What agentapi accepted and never told: it has ended, and will not. */
  #recoverAccepted(tx: Transaction): void {
    for (const message of untoldMessages(commandsOf(tx))) {
      this.#add(tx, message, "message.accepted");
    }
  }

  #expect(tx: Transaction, place: Place): void {
    this.#transcript = new Transcript(place);
    this.#place(tx, place);
  }

  #place(tx: Transaction, place: Place): void {
    const before = tx.sessions.get(sessionId)?.place;
    if (JSON.stringify(before) === JSON.stringify(place)) return;
    tx.sessions.mutate(sessionId, "session.placed", { place });
  }

  #add(
    tx: Transaction,
    message: ConversationMessage | undefined,
    type: "message.heard" | "message.recovered" | "message.accepted",
  ): void {
    const index = this.said(tx).length;
    const id = String(index);
    if (!message) {
      tx.messages.mutate(id, "message.missed", {});
      return;
    }
    const { role, message: text, time } = message;
    tx.messages.mutate(id, type, { role, message: text, time });
    const command = role === "user" && becomes(commandsOf(tx), index, text);
    if (command) tx.commands.mutate(command.id, "command.seen", { messageId: index });
  }

  #recoverOne(tx: Transaction, index: number, message: ConversationMessage): void {
    const said = this.said(tx);
    const known = said.at(index);
    if (!known) return this.#add(tx, message, "message.recovered");
    if (known.role === message.role && known.message === message.message) return;
    const isOpen = index === said.length - 1 && known.role === "agent" && message.role === "agent";
    if (!isOpen) {
      const reason = "it is not the message that the journal has";
      throw new InvalidMutationError({ type: "message.recovered", id: String(index), reason });
    }
    if (!isLater(message.time, known.time)) return;
    this.#revision = { index, told: message };
    this.revise(tx);
  }
}

/** What has the ids `first`, `first` + 1, … A collection gives no order. */
export const inOrder = <Value>(get: (id: string) => Value | undefined, first: number): Value[] => {
  const values: Value[] = [];
  for (let value = get(String(first)); value; value = get(String(first + values.length))) {
    values.push(value);
  }
  return values;
};

export const commandsOf = (tx: Transaction): JournalCommand[] =>
  inOrder((id) => tx.commands.get(id), 1);

const commonLength = (one: string, other: string): number => {
  const end = Math.min(one.length, other.length);
  let length = 0;
  while (length < end && one.charCodeAt(length) === other.charCodeAt(length)) length += 1;
  return length;
};
