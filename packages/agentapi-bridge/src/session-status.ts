/**
 * A session as it is, looked at beside whoever supervises it, and a checkpoint asked for from beside.
 *
 *     journal (read-only) ─┐
 *     PID file, /status ───┼─> status          state file ─ compared with the journal ─> verdict
 *     outbox ──────────────┘                   SIGUSR1 ─ takeCheckpoint ─> checkpoint
 *
 * The rule: no lock is taken and nothing is changed, but for the state that agentapi is asked to save, and its copy.
 */
import { loadOutcomeIn, readLog } from "./log-tail.ts";
import { judgeCheckpoint } from "./checkpoint-verdict.ts";
import { parseConversationState } from "./conversation-state.ts";
import type { JournalFacts } from "./journal-model.ts";
import { openOutbox } from "./outbox.ts";
import type { PidOwner } from "./pid-file.ts";
import { ownerOfSession, portIn } from "./preflight.ts";
import { readJournal, type JournalReading } from "./read-journal.ts";
import { readFileAt } from "./file-at.ts";
import { keepState, type SessionPaths } from "./session-directory.ts";
import { takeCheckpoint, type Checkpoint } from "./take-checkpoint.ts";
import { withinMs } from "./time-limit.ts";
import type { Disk, ProcessIdentity } from "@taskwal/disk";

export interface SessionStatus {
  /** Undefined where neither the journal nor a PID file names a process. */
  readonly owner: PidOwner | undefined;
  /** Whether a supervisor, in another process, keeps its journal. */
  readonly isSupervised: boolean;
  readonly port: number | undefined;
  /** What it answers; undefined where it does not within a second. */
  readonly answers: "running" | "stable" | undefined;
  /** Undefined where there is no journal. */
  readonly facts: JournalFacts | undefined;
  readonly messageCount: number;
  /** Messages of which nobody knows whether agentapi has them. */
  readonly openCommands: number;
  readonly state: StateStatus;
  /** Logs that Coder has not taken yet. */
  readonly outboxCount: number;
}

export interface StateStatus {
  /** As `judgeCheckpoint`; `unverified` without a journal. */
  readonly verdict:
    | "missing"
    | "invalid"
    | "verified"
    | "behind"
    | "ahead"
    | "diverged"
    | "unverified";
  /** For people: one clause. */
  readonly reason: string;
}

const askMs = 1000;

/** Never throws for what is found. */
export const sessionStatus = async (disk: Disk, paths: SessionPaths): Promise<SessionStatus> => {
  const journal = await readJournal(disk, paths.sessionDir);
  const owner = await ownerOfSession(disk, journal?.process, paths.pidFile);
  const identity = owner?.kind === "ours" ? owner.identity : undefined;
  const port = identity && (portIn(disk, identity) ?? journal?.facts?.port ?? undefined);
  return {
    owner,
    isSupervised: journal?.isKept ?? false,
    port,
    answers: port === undefined ? undefined : await statusOf(port),
    facts: journal?.facts,
    messageCount: journal?.messages.length ?? 0,
    openCommands: (journal?.commands ?? []).filter(({ outcome }) =>
      ["pending", "indeterminate"].includes(outcome),
    ).length,
    state: stateStatus(await readFileAt(disk, paths.stateFile), journal),
    outboxCount: (await openOutbox(disk, paths.outbox).pending()).length,
  };
};

const stateStatus = (
  bytes: Uint8Array | undefined,
  journal: JournalReading | undefined,
): StateStatus => {
  if (!bytes) return { verdict: "missing", reason: "there is none that can be read" };
  const read = parseConversationState(bytes);
  if (read.verdict === "invalid") return { verdict: "invalid", reason: read.reason };
  const { messages } = read.state;
  const reason = `it holds ${messages.length} of ${journal?.messages.length ?? "?"} messages`;
  if (!journal) return { verdict: "unverified", reason };
  return { verdict: judgeCheckpoint(messages, journal.projection).verdict, reason };
};

const statusOf = (port: number): Promise<SessionStatus["answers"]> =>
  withinMs(askMs, async (signal) => {
    const response = await fetch(`http://127.0.0.1:${port}/status`, { signal });
    const { status } = (await response.json()) as { readonly status?: unknown };
    return status === "running" || status === "stable" ? status : undefined;
  }).catch(() => undefined);

/** Undefined where no agentapi of this session runs. Otherwise never throws. */
export const checkpointSession = async (
  disk: Disk,
  paths: SessionPaths,
  { limitMs }: { readonly limitMs: number },
): Promise<Checkpoint | undefined> => {
  const journal = await readJournal(disk, paths.sessionDir);
  const owner = await ownerOfSession(disk, journal?.process, paths.pidFile);
  if (owner?.kind !== "ours") return undefined;
  const withheld = await reasonNotToSave(disk, paths, owner.identity, journal);
  if (withheld !== undefined) return { verdict: "unverified", reason: withheld };
  const { stateFile, logFile } = paths;
  const expected = async () => (await readJournal(disk, paths.sessionDir))?.projection;
  const order = { identity: owner.identity, stateFile, logFile, expected };
  const taken = await withinMs(limitMs, (signal) =>
    takeCheckpoint(disk, order, { limitMs: limitMs * 0.8, signal }),
  ).catch((error: unknown) => ({ verdict: "failed" as const, reason: (error as Error).message }));
  if (["verified", "clean", "ahead"].includes(taken.verdict) && "bytes" in taken && taken.bytes) {
    await keepState(disk, paths, "checkpoints", taken.bytes).catch(() => {});
  }
  return taken;
};

/** Undefined: it may be asked to save. */
const reasonNotToSave = async (
  disk: Disk,
  { logFile }: SessionPaths,
  identity: ProcessIdentity,
  journal: JournalReading | undefined,
): Promise<string | undefined> => {
  const port = portIn(disk, identity) ?? journal?.facts?.port ?? undefined;
  const canSave = port !== undefined && (await knowsState(port));
  if (!canSave) return "it does not say that it can save its state";
  const isRecorded =
    journal?.process?.pid === identity.pid && journal.process.startTime === identity.startTime;
  const hasLoaded =
    (isRecorded && journal.facts?.loadResolved) ||
    loadOutcomeIn(await readLog(disk, logFile, "beginning")) !== undefined;
  return hasLoaded ? undefined : "it has not loaded its state, and a save would replace it";
};

const knowsState = (port: number): Promise<boolean> =>
  withinMs(askMs, async (signal) => {
    const response = await fetch(`http://127.0.0.1:${port}/openapi.json`, { signal });
    return (await response.text()).includes('"agent_error"');
  }).catch(() => false);
