/**
 * Whether agentapi's state file holds what the journal holds.
 *
 *     journal    a u a u         committed: their texts will not change any more
 *                        [a]     open: the agent's last message, still being rewritten
 *
 *     file       a u a u [a]     verified     each committed message, with the same role and raw text
 *                a u a           behind       a shorter beginning; the rest is named
 *                a u a u [a] u   ahead        more than the journal knows; what is more is named
 *                a u b …         diverged     another conversation from that message on
 *
 * The rule: roles and raw texts are compared, in order, and nothing else: times and sizes of files
 * prove nothing. An open message may be there or not, with any text.
 */
import type { ConversationMessage } from "./conversation-state.ts";

/** What is compared of a message. */
export type ComparedMessage = Pick<ConversationMessage, "role" | "message">;

export interface JournalProjection {
  /** Messages 0, 1, 2, … whose texts are final. */
  readonly committed: readonly ComparedMessage[];
  /** Whether the agent's message after them is still being rewritten. */
  readonly hasOpenMessage: boolean;
}

/** A conversation as a program or a file tells it: an agent's message at its end may still be rewritten. */
export const openEnded = (messages: readonly ComparedMessage[]): JournalProjection =>
  messages.at(-1)?.role === "agent"
    ? { committed: messages.slice(0, -1), hasOpenMessage: true }
    : { committed: messages, hasOpenMessage: false };

export type CheckpointVerdict =
  | { readonly verdict: "verified" }
  | { readonly verdict: "behind"; readonly missingIds: readonly number[] }
  | { readonly verdict: "ahead"; readonly extraIds: readonly number[] }
  | { readonly verdict: "diverged"; readonly firstId: number };

export const judgeCheckpoint = (
  file: readonly ComparedMessage[],
  { committed, hasOpenMessage }: JournalProjection,
): CheckpointVerdict => {
  const common = Math.min(file.length, committed.length);
  for (let id = 0; id < common; id += 1) {
    if (!isSame(file[id], committed[id])) return { verdict: "diverged", firstId: id };
  }
  if (file.length < committed.length) {
    return { verdict: "behind", missingIds: idsBetween(file.length, committed.length) };
  }
  const known = committed.length + (hasOpenMessage ? 1 : 0);
  if (hasOpenMessage && file[committed.length]?.role === "user") {
    return { verdict: "diverged", firstId: committed.length };
  }
  return file.length <= known
    ? { verdict: "verified" }
    : { verdict: "ahead", extraIds: idsBetween(known, file.length) };
};

const isSame = (one: ComparedMessage | undefined, other: ComparedMessage | undefined): boolean =>
  one?.role === other?.role && one?.message === other?.message;

const idsBetween = (first: number, end: number): readonly number[] =>
  Array.from({ length: end - first }, (_, index) => first + index);
