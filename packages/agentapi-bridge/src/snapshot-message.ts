/**
 * What Coder takes as the log of a paused task, and what comes of building it.
 *
 * The rule: the limit is Coder's and holds for the raw body; a body over it is refused whole.
 */

import type { ConversationMessage } from "./conversation-state.ts";

export const snapshotBytesMax = 65_536;
export const snapshotMessagesMax = 10;

/** A message as GET /messages gives it; further fields are handed on. */
export interface SnapshotMessage {
  readonly id: number;
  readonly content: string;
  readonly role?: string;
  readonly time?: string;
  readonly [field: string]: unknown;
}

/** A journal's conversation as Coder takes it. */
export const snapshotMessages = (
  conversation: readonly ConversationMessage[],
): readonly SnapshotMessage[] =>
  conversation.map(({ role, message, time }, id) => ({ id, role, content: message, time }));

export type LogSnapshot =
  | {
      readonly outcome: "snapshot";
      /** JSON, at most 65,536 bytes. */
      readonly body: Uint8Array<ArrayBuffer>;
      readonly messageCount: number;
      /** The ids of messages whose content was cut. */
      readonly cutIds: readonly number[];
    }
  /** There was no message. */
  | { readonly outcome: "empty" }
  /** Only with `compat: "registry"`, which gives up where the last message is too long for its sizing. */
  | { readonly outcome: "gave-up"; readonly bytes: number };
