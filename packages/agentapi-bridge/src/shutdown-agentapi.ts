/**
 * The shutdown of an agentapi that is known by what its module was told, a port and a PID file, and by its journal.
 *
 *     PID file ─> ours? ─ it can save, it has loaded ─> checkpoint ─┐
 *                   └ no, or unknown: no signals at all ────────────┴─> snapshot ─> end ─> state put back, if it was lost
 *
 * The rule: a save before the load would replace the old conversation by a boot screen, so it is withheld
 * unless the running program tells the messages of the file. What cannot be found out counts as no.
 */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Disk, ProcessIdentity } from "@taskwal/disk";

import type { LogSnapshotOrder, LogSnapshotResult, SnapshotStep } from "./capture-log-snapshot.ts";
import { judgeCheckpoint, openEnded } from "./checkpoint-verdict.ts";
import type { ComparedMessage } from "./checkpoint-verdict.ts";
import type { EndStep } from "./end-process.ts";
import { readFileAt, removeFileAt } from "./file-at.ts";
import { openOutbox } from "./outbox.ts";
import { parsePidFile } from "./pid-file.ts";
import type { PidOwner } from "./pid-file.ts";
import { ownerOfSession } from "./preflight.ts";
import { readConversation } from "./read-conversation.ts";
import { readJournal } from "./read-journal.ts";
import type { JournalReading } from "./read-journal.ts";
import { safeListener } from "./safe-listener.ts";
import type { ShutdownRequest } from "./shutdown-request.ts";
import { snapshotMessages } from "./snapshot-message.ts";
import type { SnapshotMessage } from "./snapshot-message.ts";
import { guardState } from "./state-guard.ts";
import type { StateGuard } from "./state-guard.ts";
import { stopAgentApi } from "./stop-agentapi.ts";
import type { StopLimits, StopPhase, StopResult } from "./stop-agentapi.ts";
import { takeCheckpoint } from "./take-checkpoint.ts";
import type { Checkpoint, CheckpointOrder } from "./take-checkpoint.ts";
import { withinMs } from "./time-limit.ts";
import { decideGate } from "./version-gate.ts";
import type { Gate, GateFacts } from "./version-gate.ts";

export interface ShutdownOptions {
  readonly request: ShutdownRequest;
  /** Default: "probe". */
  readonly gate?: Gate;
  readonly limits?: StopLimits;
  readonly onEvent?: (event: ShutdownEvent) => void;
}

export type ShutdownEvent =
  | { readonly event: "found"; readonly owner: PidOwner | undefined }
  | { readonly event: "phase"; readonly phase: StopPhase }
  /** It is about to be asked for a save. */
  | { readonly event: "saving"; readonly pid: number }
  /** No snapshot is taken. */
  | { readonly event: "no-snapshot"; readonly because: SnapshotOff }
  | { readonly event: "snapshot"; readonly step: SnapshotStep }
  | { readonly event: "snapshot-done"; readonly result: LogSnapshotResult }
  | { readonly event: "end"; readonly step: EndStep };

export type SnapshotOff = "disabled" | "no-task" | "no-url" | "no-token";

export interface ShutdownResult extends StopResult<Checkpoint> {
  /** Whose the PID in the PID file is; undefined where there was no file. */
  readonly owner: PidOwner | undefined;
  /** Why no checkpoint was taken. */
  readonly withheld: string | undefined;
  readonly snapshotOff: SnapshotOff | undefined;
  /** Whether the state file of before was put back. */
  readonly isRestored: boolean;
}

const conversationMs = 10_000;
const askMs = 3000;

/** Never throws for what is found, and takes no longer than its limits together. */
export const shutdownAgentApi = async (
  disk: Disk,
  options: ShutdownOptions,
): Promise<ShutdownResult> => {
  const { request, limits = {} } = options;
  const onEvent = safeListener(options.onEvent);
  const journal =
    request.folder === undefined ? undefined : await readJournal(disk, request.folder);
  const owner = await ownerOfSession(disk, journal?.process, request.pidFile);
  onEvent({ event: "found", owner });
  const identity = owner?.kind === "ours" ? owner.identity : undefined;
  const stateFile = await stateFileOf(disk, request, identity);
  const guard = stateFile === undefined ? undefined : await guarded(disk, stateFile);
  let withheld: string | undefined = "no agentapi runs that could be asked";
  const save = async (signal: AbortSignal): Promise<Checkpoint | undefined> => {
    if (!identity) return undefined;
    const { checkpointMs = 6000 } = limits;
    // Looking around has a part of the time, and what is left of it must do for the save.
    const question = { ...options, guard, limitMs: checkpointMs / 3 };
    withheld = await reasonNotToSave(question, signal);
    if (withheld !== undefined) return undefined;
    onEvent({ event: "saving", pid: identity.pid });
    const order = checkpointOrder(request, identity, stateFile);
    return takeCheckpoint(disk, order, { limitMs: checkpointMs / 2, signal });
  };
  const snapshot = snapshotOrder(disk, options, journal);
  if (typeof snapshot === "string") onEvent({ event: "no-snapshot", because: snapshot });
  const result = await stopAgentApi<Checkpoint>(disk, {
    identity,
    limits,
    ...(identity && { checkpoint: save }),
    ...(typeof snapshot !== "string" && { snapshot }),
    onPhase: (phase) => onEvent({ event: "phase", phase }),
    onSnapshot: (posted) => onEvent({ event: "snapshot-done", result: posted }),
    onEndStep: (step) => onEvent({ event: "end", step }),
  });
  if (result.ended !== "alive") await removePidFile(disk, request, owner);
  return {
    ...result,
    owner,
    withheld,
    snapshotOff: typeof snapshot === "string" ? snapshot : undefined,
    isRestored: (await guard?.restore().catch(() => "kept")) === "restored",
  };
};

/** A full disk is no reason not to end. */
const guarded = (disk: Disk, stateFile: string): Promise<StateGuard | undefined> =>
  guardState(disk, stateFile).catch(() => undefined);

const checkpointOrder = (
  { port, folder }: ShutdownRequest,
  identity: ProcessIdentity,
  stateFile: string | undefined,
): CheckpointOrder => ({
  identity,
  stateFile,
  // Where the module has its output go.
  ...(folder !== undefined && { logFile: join(folder, "agentapi-start.log") }),
  expected: async (signal) => openEnded(compared(await conversation(port, signal))),
});

/** A process that was killed leaves its PID file, over which agentapi does not start once another has the PID. */
const removePidFile = async (
  disk: Disk,
  { pidFile }: ShutdownRequest,
  owner: PidOwner | undefined,
): Promise<void> => {
  if (pidFile === undefined || (owner?.kind !== "ours" && owner?.kind !== "dead")) return;
  const pid = owner.kind === "ours" ? owner.identity.pid : owner.pid;
  const bytes = await readFileAt(disk, pidFile);
  if (!bytes || parsePidFile(new TextDecoder().decode(bytes)) !== pid) return;
  // What cannot be removed is no reason to fail: the next start looks at it again.
  await removeFileAt(disk, pidFile).catch(() => {});
};

const stateFileOf = async (
  disk: Disk,
  { stateFiles }: ShutdownRequest,
  identity: ProcessIdentity | undefined,
): Promise<string | undefined> => {
  const words = (identity && disk.findProcess(identity.pid)?.argv) ?? [];
  const flag = words.findIndex((word) => word === "--state-file" || word === "-s");
  const named = flag < 0 ? undefined : words[flag + 1];
  const paths = [...(named === undefined ? [] : [named]), ...stateFiles];
  for (const path of paths) {
    if (await readFileAt(disk, path)) return path;
  }
  // Not saved yet, perhaps: the first that it would be saved under.
  return paths[0];
};

const conversation = (port: number, signal: AbortSignal): Promise<readonly SnapshotMessage[]> =>
  readConversation(`http://localhost:${port}`, { limitMs: conversationMs, signal });

const compared = (messages: readonly SnapshotMessage[]): readonly ComparedMessage[] =>
  messages.map(({ role, content }) => ({
    role: role === "user" ? "user" : "agent",
    message: content,
  }));

interface SaveQuestion extends ShutdownOptions {
  readonly guard: StateGuard | undefined;
  readonly limitMs: number;
}

/** Undefined: it may be asked to save. */
const reasonNotToSave = async (
  { request, gate = "probe", guard, limitMs }: SaveQuestion,
  above: AbortSignal,
): Promise<string | undefined> => {
  if (!request.savesState) return "state persistence is not enabled";
  const decide = async (signal: AbortSignal): Promise<string | undefined> => {
    const { supported, reason } = decideGate(gate, await gateFacts(gate, request.port, signal));
    if (!supported) return `it cannot save its state: ${reason}`;
    const saved = guard?.messages ?? [];
    if (saved.length === 0) return undefined;
    const told = compared(await conversation(request.port, signal));
    const { verdict } = judgeCheckpoint(told, openEnded(saved));
    const hasLoaded = verdict === "verified" || verdict === "ahead";
    return hasLoaded ? undefined : "it has not loaded the conversation in its state file";
  };
  return withinMs(limitMs, decide, above).catch(
    () => "it does not tell whether it can save and has loaded its state file",
  );
};

const gateFacts = async (gate: Gate, port: number, signal: AbortSignal): Promise<GateFacts> => {
  const openApiText = gate === "probe" ? await openApi(port, signal) : undefined;
  if (openApiText !== undefined) return { openApiText };
  const versionText = await installedVersion(signal);
  return versionText === undefined ? {} : { versionText };
};

const openApi = async (port: number, signal: AbortSignal): Promise<string | undefined> => {
  try {
    const response = await fetch(`http://localhost:${port}/openapi.json`, { signal });
    const text = await response.text();
    return response.ok ? text : undefined;
  } catch {
    return undefined;
  }
};

/** Of the program on PATH: the script of the registry asks the same one. */
const installedVersion = async (signal: AbortSignal): Promise<string | undefined> => {
  try {
    const { stdout } = await promisify(execFile)("agentapi", ["--version"], { signal });
    return stdout;
  } catch {
    return undefined;
  }
};

const snapshotOrder = (
  disk: Disk,
  { request, onEvent }: ShutdownOptions,
  journal: JournalReading | undefined,
): LogSnapshotOrder | SnapshotOff => {
  const { wantsSnapshot, taskId, coderUrl, coderToken, folder, port } = request;
  if (!wantsSnapshot) return "disabled";
  if (taskId === undefined) return "no-task";
  if (coderUrl === undefined) return "no-url";
  if (coderToken === undefined) return "no-token";
  return {
    taskId,
    coder: { url: coderUrl, token: coderToken },
    messages: (signal) => messagesOf(port, journal, signal),
    ...(folder !== undefined && { outbox: openOutbox(disk, join(folder, "outbox")) }),
    onStep: (step) => onEvent?.({ event: "snapshot", step }),
  };
};

/** Whichever knows more: a journal that nobody keeps any more, or an agentapi that has lost something. */
const messagesOf = async (
  port: number,
  journal: JournalReading | undefined,
  signal: AbortSignal,
): Promise<readonly SnapshotMessage[]> => {
  const kept = snapshotMessages(journal?.conversation ?? []);
  // What is kept must not wait for what may never answer.
  const limitMs = kept.length > 0 ? askMs : conversationMs;
  const told = withinMs(limitMs, (within) => conversation(port, within), signal);
  if (kept.length === 0) return told;
  return told.then(
    (messages) => (messages.length >= kept.length ? messages : kept),
    () => kept,
  );
};
