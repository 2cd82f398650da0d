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

/** agentapi takes the white space around a message away, and half of a surrogate pair cannot be sent. */
const comparable = (text: string): string =>
  text
    .replace(/\p{Surrogate}/gu, "\uFFFD")
    .replace(/[\s\u0085]+/g, " ")
    .trim();

/** As agentapi writes a time: it ends fractions with their last digit that is not 0, and journals compare texts. */
export const goTime = (atMs: number): string =>
  new Date(atMs).toISOString().replace(/\.?0*Z$/, "Z");

/** Of two times in RFC 3339, with up to nine digits of a second. */
export const isLater = (one: string, other: string): boolean => {
  const [oneMs, otherMs] = [Date.parse(one), Date.parse(other)];
  return oneMs === otherMs ? fractionOf(one) > fractionOf(other) : oneMs > otherMs;
};

const fractionOf = (time: string): string => (/\.(\d+)/.exec(time)?.[1] ?? "").padEnd(9, "0");
