/**
 * Which command a message of a user is.
 *
 *     command 3  "fix it"   after 4   accepted         message 5  "fix it"  ─> command 3
 *     command 4  "go on"    after 5   indeterminate    message 6  "go on"   ─> command 4
 *
 * The rule: the text is the same but for white space, the message stands after what was there when the command
 * was intended, and no other message is that command. Of several the one that is being sent comes first, then
 * one that agentapi accepted, then the oldest of which nobody knows.
 */
import type { ConversationMessage } from "./conversation-state.ts";
import type { JournalCommand } from "./journal-model.ts";

const order: Readonly<Record<JournalCommand["outcome"], number>> = {
  pending: 0,
  accepted: 1,
  indeterminate: 2,
  rejected: 3,
};

/** The command that message `index` is, if any. */
export const becomes = (
  commands: readonly JournalCommand[],
  index: number,
  message: string,
): JournalCommand | undefined =>
  commands
    .filter(
      ({ outcome, afterId, messageId, text }) =>
        outcome !== "rejected" &&
        messageId === undefined &&
        afterId < index &&
        comparable(text) === comparable(message),
    )
    .sort((one, other) => order[one.outcome] - order[other.outcome])[0];

const white = /\p{White_Space}/u;

/** As agentapi stores what it is sent: no half of a surrogate pair, no white space around it, as Go counts it. */
export const asStored = (text: string): string => {
  let start = 0;
  let end = text.length;
  while (start < end && white.test(text.charAt(start))) start += 1;
  while (start < end && white.test(text.charAt(end - 1))) end -= 1;
  return text.slice(start, end).replace(/\p{Surrogate}/gu, "\uFFFD");
};

/** What agentapi has accepted and not told, as the messages that it becomes: now, or after an end that came before. */
export const untoldMessages = (
  commands: readonly JournalCommand[],
): readonly ConversationMessage[] =>
  commands
    .filter(({ outcome, messageId }) => outcome === "accepted" && messageId === undefined)
    .map(({ text, settledAt }) => ({
      role: "user",
      message: asStored(text),
      time: goTime(settledAt ?? 0),
    }));

const comparable = (text: string): string =>
  asStored(text)
    .split(/\p{White_Space}+/u)
    .join(" ");

/** As agentapi writes a time: it ends fractions with their last digit that is not 0, and journals compare texts. */
export const goTime = (atMs: number): string =>
  new Date(atMs).toISOString().replace(/\.?0*Z$/, "Z");

/** Of two times in RFC 3339, with up to nine digits of a second. */
export const isLater = (one: string, other: string): boolean => {
  const [oneMs, otherMs] = [Date.parse(one), Date.parse(other)];
  return oneMs === otherMs ? fractionOf(one) > fractionOf(other) : oneMs > otherMs;
};

const fractionOf = (time: string): string => (/\.(\d+)/.exec(time)?.[1] ?? "").padEnd(9, "0");
