/**
 * What the state file must hold before the next start, after whatever end.
 *
 *     state file            beside the journal
 *     all there is          verified   kept
 *     more                  ahead      the journal takes it over (a supervisor was away)       adopted
 *     less                  behind     agentapi lost something: written from the journal              repaired
 *     another               diverged   likewise, and set aside: a boot screen, or the file of another folder
 *     not whole, missing    bad        likewise
 *
 * The rule: only while no agentapi runs. Nothing is thrown away: what the journal does not have goes to quarantine first,
 * and what agentapi accepted is in the file it loads next.
 */
import type { Disk } from "@taskwal/disk";

import { judgeCheckpoint } from "./checkpoint-verdict.ts";
import { composeConversationState, parseConversationState } from "./conversation-state.ts";
import type { ConversationMessage, ConversationState } from "./conversation-state.ts";
import type { Journal } from "./journal.ts";
import { readFileAt, writeFileAt } from "./file-at.ts";
import { keepState } from "./session-directory.ts";
import type { SessionPaths } from "./session-directory.ts";

export interface Reconciled {
  readonly outcome: "kept" | "adopted" | "repaired" | "nothing";
  /** For people: one clause. */
  readonly reason: string;
  /** Of the state file as it is now. */
  readonly messageCount: number;
}

/** Throws what the disk and the journal throw. */
export const reconcile = async (
  disk: Disk,
  journal: Journal,
  paths: SessionPaths,
): Promise<Reconciled> => {
  const bytes = await readFileAt(disk, paths.stateFile);
  const read = bytes && parseConversationState(bytes);
  const state = read?.verdict === "ok" ? read.state : undefined;
  const before = journal.messages().length;
  const judged = state && judgeCheckpoint(state.messages, journal.projection());
  const goesOn = judged?.verdict === "verified" || judged?.verdict === "ahead";
  await journal.recover(state && goesOn ? state.messages : []);
  const messages = journal.messages();
  const messageCount = messages.length;
  const wanted = withPrompt(state, messages);
  const isPromptLost = state?.initialPromptSent !== wanted.initialPromptSent;
  if (state && goesOn && !isPromptLost && isSame(state.messages, messages)) {
    const isMore = messageCount > before;
    return isMore
      ? { outcome: "adopted", reason: `${messageCount - before} more messages`, messageCount }
      : { outcome: "kept", reason: "it holds the conversation", messageCount };
  }
  // The beginning of the journal is in the journal.
  if (bytes && (!judged || judged.verdict === "diverged")) {
    await keepState(disk, paths, "quarantine", bytes);
  }
  if (!bytes && messageCount === 0) {
    return { outcome: "nothing", reason: "there is no conversation yet", messageCount };
  }
  await writeFileAt(disk, paths.stateFile, composeConversationState(wanted));
  return { outcome: "repaired", reason: reasonOf(read, judged?.verdict), messageCount };
};

const reasonOf = (
  read: ReturnType<typeof parseConversationState> | undefined,
  verdict: string | undefined,
): string => {
  if (!read) return "it was missing, or could not be read";
  if (read.verdict === "invalid") return `it was not whole: ${read.reason}`;
  return verdict === "diverged" ? "it was another conversation" : "it lacked what was said";
};

/** agentapi counts a prompt as sent before it is: only a message of the user says that it arrived. */
const withPrompt = (
  state: ConversationState | undefined,
  messages: readonly ConversationMessage[],
): ConversationState => ({
  messages,
  initialPrompt: state?.initialPrompt ?? "",
  initialPromptSent:
    state?.initialPromptSent === true && messages.some(({ role }) => role === "user"),
});

const isSame = (
  some: readonly ConversationMessage[],
  others: readonly ConversationMessage[],
): boolean =>
  some.length === others.length &&
  some.every(
    ({ role, message }, id) => role === others[id]?.role && message === others[id]?.message,
  );
