/**
 * The log that Coder shows of a paused task: taken from a conversation, kept, posted.
 *
 *     messages ─> the last ten in at most 65,536 bytes ─> outbox (durable) ─> POST ─> out of the outbox
 *        └ none to be had: what an earlier try left in the outbox ─────────────┘
 *
 * The rule: it never throws and never takes longer than its limit; what went wrong is in the result.
 */
import { buildLogSnapshot } from "./log-snapshot.ts";
import { sendOne } from "./outbox.ts";
import type { Outbox, OutgoingSnapshot } from "./outbox.ts";
import type { CoderAccess } from "./post-log-snapshot.ts";
import { safeListener } from "./safe-listener.ts";
import type { SnapshotMessage } from "./snapshot-message.ts";
import { limitedSignal, withinMs } from "./time-limit.ts";

export interface LogSnapshotOrder {
  readonly taskId: string;
  readonly coder: CoderAccess;
  /** From the journal; without one, `readConversation`. */
  readonly messages: (signal: AbortSignal) => Promise<readonly SnapshotMessage[]>;
  /** Without one, what Coder does not take now is lost. */
  readonly outbox?: Outbox;
  readonly onStep?: (step: SnapshotStep) => void;
}

/** What it is about to do, or has seen. */
export type SnapshotStep =
  | { readonly step: "messages"; readonly count: number }
  | {
      readonly step: "sized";
      readonly bytes: number;
      readonly messageCount: number;
      /** Before anything was cut. */
      readonly uncutBytes: number;
      readonly cutIds: readonly number[];
      readonly isLastCut: boolean;
    }
  | { readonly step: "posting" };

export type LogSnapshotResult =
  | { readonly outcome: "posted"; readonly status: number }
  | { readonly outcome: "refused"; readonly status: number; readonly answer: string }
  /** It is in the outbox, and `sendOutbox` posts it. */
  | { readonly outcome: "queued"; readonly status?: number; readonly reason: string }
  /** There was no message. */
  | { readonly outcome: "empty" }
  | {
      readonly outcome: "failed";
      readonly status?: number;
      readonly reason: string;
      /** Neither the conversation nor one of before was to be had. */
      readonly isWithoutMessages?: true;
    };

/** The end of the time is the disk's: to take out what was posted, on a slow one. */
const settlePart = 0.15;

/** `limitMs` bounds it all, also on a disk that does not answer. */
export const captureLogSnapshot = async (
  order: LogSnapshotOrder,
  { limitMs }: { readonly limitMs: number },
): Promise<LogSnapshotResult> => {
  const sendMs = limitMs * (1 - settlePart);
  const { signal, release } = limitedSignal(sendMs);
  const progress = { isKept: false };
  try {
    return await withinMs(limitMs, () => capture(order, { limitMs: sendMs, signal }, progress));
  } catch (error) {
    const { message: reason } = error as Error;
    if (error instanceof NoMessagesError) {
      return { outcome: "failed", reason, isWithoutMessages: true };
    }
    return { outcome: progress.isKept ? "queued" : "failed", reason };
  } finally {
    release();
  }
};

const capture = async (
  order: LogSnapshotOrder,
  limits: Limits,
  progress: { isKept: boolean },
): Promise<LogSnapshotResult> => {
  const one = await outgoing(order, limits);
  if (!one) return { outcome: "empty" };
  progress.isKept = await keep(order, one, limits);
  safeListener(order.onStep)({ step: "posting" });
  const posted = await sendOne(order.outbox, one, order.coder, limits.limitMs, limits.signal);
  if (posted.outcome !== "kept") return posted;
  return { ...posted, outcome: progress.isKept ? "queued" : "failed" };
};

class NoMessagesError extends Error {}

interface Limits {
  readonly limitMs: number;
  readonly signal: AbortSignal;
}

const outgoing = async (
  order: LogSnapshotOrder,
  { limitMs, signal }: Limits,
): Promise<OutgoingSnapshot | undefined> => {
  const { taskId } = order;
  const onStep = safeListener(order.onStep);
  let messages: readonly SnapshotMessage[];
  try {
    // A program that answers nothing must leave time for the post.
    messages = await withinMs(limitMs / 2, order.messages, signal);
  } catch (error) {
    const left = await order.outbox?.pending();
    const one = left?.find((each) => each.taskId === taskId);
    if (one) return one;
    throw new NoMessagesError(`no messages could be had: ${(error as Error).message}`);
  }
  const snapshot = buildLogSnapshot({ messages });
  if (snapshot.outcome !== "snapshot") return undefined;
  const { body, messageCount, cutIds } = snapshot;
  const last = messages.slice(-messageCount);
  onStep({ step: "messages", count: messageCount });
  onStep({
    step: "sized",
    bytes: body.length,
    messageCount,
    uncutBytes: Buffer.byteLength(JSON.stringify({ messages: last })),
    cutIds,
    isLastCut: cutIds.includes(last.at(-1)?.id ?? -1),
  });
  return { taskId, body: new TextDecoder().decode(body) };
};

/** A full disk is no reason not to post. */
const keep = async (
  { outbox }: LogSnapshotOrder,
  one: OutgoingSnapshot,
  { limitMs, signal }: Limits,
): Promise<boolean> =>
  outbox
    ? withinMs(limitMs / 2, () => outbox.put(one), signal).then(
        () => true,
        () => false,
      )
    : false;
