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
export { captureLogSnapshot } from "./capture-log-snapshot.ts";
export type { LogSnapshotOrder, LogSnapshotResult, SnapshotStep } from "./capture-log-snapshot.ts";
export { judgeCheckpoint, openEnded } from "./checkpoint-verdict.ts";
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
export { endProcess } from "./end-process.ts";
export type { Ended, EndOptions, EndStep } from "./end-process.ts";
export { createEventStreamReader } from "./event-stream.ts";
export type { EventStreamOptions, EventStreamReader, StreamEvent } from "./event-stream.ts";
export { followEvents } from "./follow-events.ts";
export type { FollowEvent, Following, FollowOptions } from "./follow-events.ts";
export { Journal, openJournal } from "./journal.ts";
export type { Command, OpenJournalOptions, Phase, SessionFacts } from "./journal.ts";
export { journalModel } from "./journal-model.ts";
export type { JournalEntry } from "./journal-model.ts";
export { buildLogSnapshot } from "./log-snapshot.ts";
export type { LogSnapshotOptions } from "./log-snapshot.ts";
export { openOutbox, sendOutbox } from "./outbox.ts";
export type { Outbox, OutgoingSnapshot } from "./outbox.ts";
export { judgePidOwner, parsePidFile, signalProcess } from "./pid-file.ts";
export type { PidOwner } from "./pid-file.ts";
export { postLogSnapshot } from "./post-log-snapshot.ts";
export type { CoderAccess, PostOptions, PostOutcome } from "./post-log-snapshot.ts";
export { readConversation } from "./read-conversation.ts";
export { readJournal } from "./read-journal.ts";
export type { JournalReading } from "./read-journal.ts";
export { sendMessage } from "./send-message.ts";
export type { SendOptions } from "./send-message.ts";
export type { LogSnapshot, SnapshotMessage } from "./snapshot-message.ts";
export { firstRegistryLine, lastRegistryLines, registryLines } from "./registry-lines.ts";
export { shutdownAgentApi } from "./shutdown-agentapi.ts";
export type {
  ShutdownEvent,
  ShutdownOptions,
  ShutdownResult,
  SnapshotOff,
} from "./shutdown-agentapi.ts";
export { readShutdownRequest } from "./shutdown-request.ts";
export type { ShutdownRequest } from "./shutdown-request.ts";
export { guardState } from "./state-guard.ts";
export type { StateGuard } from "./state-guard.ts";
export { takeCheckpoint } from "./take-checkpoint.ts";
export type { Checkpoint, CheckpointOrder } from "./take-checkpoint.ts";
export { stopAgentApi } from "./stop-agentapi.ts";
export type {
  CheckpointOutcome,
  StopLimits,
  StopOptions,
  StopPhase,
  StopResult,
} from "./stop-agentapi.ts";
export { reconcile } from "./reconcile.ts";
export type { Reconciled } from "./reconcile.ts";
export { checkpointSession, sessionStatus } from "./session-status.ts";
export type { SessionStatus, StateStatus } from "./session-status.ts";
export { sessionPaths } from "./session-directory.ts";
export type { NamedPaths, SessionPaths } from "./session-directory.ts";
export { StartError } from "./start-error.ts";
export type { StartFailure } from "./start-error.ts";
export { superviseAgentApi } from "./supervise.ts";
export type { SuperviseOptions } from "./supervise.ts";
export { SupervisedAgentApi } from "./supervised-agentapi.ts";
export type { RunningAgentApi, SuperviseEvent, SuperviseLimits } from "./supervised-agentapi.ts";
export { decideGate, parseVersionText, versionAtLeast } from "./version-gate.ts";
export type { Gate, GateDecision, GateFacts } from "./version-gate.ts";
