/**
 * What coder/agentapi says and saves: read, checked and sized.
 *
 *     /events ─> event-stream ─> agentapi-event          its state file ─> conversation-state ─> checkpoint-verdict
 *     its PID file ─> pid-file ─> signal                 --help, --version ─> version-gate
 *     its messages ─> log-snapshot                       (pure, but for the signal)
 *
 * The rule: agentapi is frozen, and what it gets wrong stays wrong. Nothing here believes a file, a PID
 * or a version that it has not checked. See README.md for what there is and what is to come.
 */
export { readAgentApiEvent } from "./agentapi-event.ts";
export type { AgentApiEvent } from "./agentapi-event.ts";
export { judgeCheckpoint } from "./checkpoint-verdict.ts";
export type {
  CheckpointVerdict,
  ComparedMessage,
  JournalProjection,
} from "./checkpoint-verdict.ts";
export { composeConversationState, parseConversationState } from "./conversation-state.ts";
export type {
  ConversationMessage,
  ConversationState,
  ReadConversationState,
} from "./conversation-state.ts";
export { createEventStreamReader } from "./event-stream.ts";
export type { EventStreamOptions, EventStreamReader, StreamEvent } from "./event-stream.ts";
export { followEvents } from "./follow-events.ts";
export type { FollowEvent, Following, FollowOptions } from "./follow-events.ts";
export { Journal, openJournal } from "./journal.ts";
export type {
  Command,
  OpenJournalOptions,
  OutgoingSnapshot,
  Phase,
  SessionFacts,
} from "./journal.ts";
export { journalModel } from "./journal-model.ts";
export type { JournalEntry } from "./journal-model.ts";
export { buildLogSnapshot } from "./log-snapshot.ts";
export type { LogSnapshotOptions } from "./log-snapshot.ts";
export { judgePidOwner, parsePidFile, signalProcess } from "./pid-file.ts";
export type { PidOwner } from "./pid-file.ts";
export { sendMessage } from "./send-message.ts";
export type { SendOptions } from "./send-message.ts";
export type { LogSnapshot, SnapshotMessage } from "./snapshot-message.ts";
export { decideGate, parseVersionText, versionAtLeast } from "./version-gate.ts";
export type { Gate, GateDecision, GateFacts } from "./version-gate.ts";
