/**
 * The shutdown of an agentapi that is known only by what its module was told: a port and a PID file.
 *
 *     PID file ─> ours? ─ it can save, it has loaded ─> checkpoint ─┐
 *                   └ no, or unknown: no signals at all ────────────┴─> snapshot ─> end ─> state put back, if it was lost
 *
 * The rule: a save before the load would replace the old conversation by a boot screen, so it is withheld
 * unless the running program tells the messages of the file. What cannot be found out counts as no.
 */
import { execFile } from "node:child_process";
import { basename, dirname, join } from "node:path";
import { promisify } from "node:util";
import { readWhole } from "@taskwal/disk";
import type { Disk, ProcessIdentity } from "@taskwal/disk";

import type { LogSnapshotOrder, LogSnapshotResult, SnapshotStep } from "./capture-log-snapshot.ts";
import { judgeCheckpoint, openEnded } from "./checkpoint-verdict.ts";
import type { ComparedMessage } from "./checkpoint-verdict.ts";
import type { EndStep } from "./end-process.ts";
import { openOutbox } from "./outbox.ts";
import { judgePidOwner } from "./pid-file.ts";
import type { PidOwner } from "./pid-file.ts";
import { readConversation } from "./read-conversation.ts";
import type { ShutdownRequest } from "./shutdown-request.ts";
import type { SnapshotMessage } from "./snapshot-message.ts";
import { guardState } from "./state-guard.ts";
import type { StateGuard } from "./state-guard.ts";
import { stopAgentApi } from "./stop-agentapi.ts";
import type { StopLimits, StopPhase, StopResult } from "./stop-agentapi.ts";
import { takeCheckpoint } from "./take-checkpoint.ts";
import type { Checkpoint } from "./take-checkpoint.ts";
import { withinMs } from "./time-limit.ts";
import { decideGate } from "./version-gate.ts";
import type { Gate } from "./version-gate.ts";

export interface ShutdownOptions {
  readonly request: ShutdownRequest;
  /** Default: "probe". */
  readonly gate?: Gate;
  readonly limits?: StopLimits;
  readonly onEvent?: (event: ShutdownEvent) => void;
}

export type ShutdownEvent =
  | { readonly event: "found"; readonly owner: PidOwner | undefined }
  /** No checkpoint is taken. */
  | { readonly event: "withheld"; readonly reason: string }
  | { readonly event: "phase"; readonly phase: StopPhase; readonly pid: number | undefined }
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

const askMs = 2000;
const versionMs = 5000;
const conversationMs = 10_000;

/** Never throws for what is found, and takes no longer than its limits and the few seconds of looking around. */
export const shutdownAgentApi = async (
  disk: Disk,
  { request, gate = "probe", limits = {}, onEvent }: ShutdownOptions,
): Promise<ShutdownResult> => {
  const baseUrl = `http://localhost:${request.port}`;
  const owner = await ownerOf(disk, request.pidFile);
  onEvent?.({ event: "found", owner });
  const identity = owner?.kind === "ours" ? owner.identity : undefined;
  const stateFile = await stateFileOf(disk, request, identity);
  const guard = identity && stateFile !== undefined ? await guardState(disk, stateFile) : undefined;
  const withheld = await reasonNotToSave({ request, identity, gate, baseUrl, guard });
  if (withheld !== undefined) onEvent?.({ event: "withheld", reason: withheld });
  const snapshot = snapshotOrder(disk, request, baseUrl, onEvent);
  if (typeof snapshot === "string") onEvent?.({ event: "no-snapshot", because: snapshot });
  const { checkpointMs = 6000 } = limits;
  const result = await stopAgentApi<Checkpoint>(disk, {
    identity,
    limits,
    ...(identity &&
      withheld === undefined && {
        checkpoint: (signal) =>
          takeCheckpoint(
            disk,
            {
              identity,
              stateFile,
              ...(request.folder !== undefined && {
                logFile: join(request.folder, "agentapi-start.log"),
              }),
              expected: async (within) => openEnded(compared(await conversation(baseUrl, within))),
            },
            { limitMs: checkpointMs * 0.8, signal },
          ),
      }),
    ...(typeof snapshot !== "string" && { snapshot }),
    onPhase: (phase) => onEvent?.({ event: "phase", phase, pid: identity?.pid }),
    onSnapshot: (result) => onEvent?.({ event: "snapshot-done", result }),
    onEndStep: (step) => onEvent?.({ event: "end", step }),
  });
  return {
    ...result,
    owner,
    withheld,
    snapshotOff: typeof snapshot === "string" ? snapshot : undefined,
    isRestored: (await guard?.restore().catch(() => "kept")) === "restored",
  };
};

const ownerOf = async (disk: Disk, pidFile: string | undefined): Promise<PidOwner | undefined> => {
  if (pidFile === undefined) return undefined;
  try {
    const directory = await disk.openDirectory(dirname(pidFile));
    try {
      const bytes = await readWhole(directory, basename(pidFile), 64);
      return judgePidOwner(disk, new TextDecoder().decode(bytes));
    } finally {
      await directory.close();
    }
  } catch {
    return undefined;
  }
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
    const directory = await disk.openDirectory(dirname(path)).catch(() => undefined);
    const stat = await directory?.stat(basename(path)).catch(() => undefined);
    await directory?.close();
    if (stat?.kind === "file") return path;
  }
  // Not saved yet, perhaps: the first that it would be saved under.
  return paths[0];
};

const conversation = (baseUrl: string, signal?: AbortSignal): Promise<readonly SnapshotMessage[]> =>
  readConversation(baseUrl, { limitMs: conversationMs, ...(signal && { signal }) });

const compared = (messages: readonly SnapshotMessage[]): readonly ComparedMessage[] =>
  messages.map(({ role, content }) => ({
    role: role === "user" ? "user" : "agent",
    message: content,
  }));

interface SaveQuestion {
  readonly request: ShutdownRequest;
  readonly identity: ProcessIdentity | undefined;
  readonly gate: Gate;
  readonly baseUrl: string;
  readonly guard: StateGuard | undefined;
}

/** Undefined: it may be asked to save. */
const reasonNotToSave = async ({
  request,
  identity,
  gate,
  baseUrl,
  guard,
}: SaveQuestion): Promise<string | undefined> => {
  if (!request.savesState) return "state persistence is not enabled";
  if (!identity) return "no agentapi runs that could be asked";
  const { supported, reason } = await gateOf(gate, baseUrl);
  if (!supported) return `it cannot save its state: ${reason}`;
  const saved = guard?.messages ?? [];
  if (saved.length === 0) return undefined;
  try {
    const told = compared(await conversation(baseUrl));
    const { verdict } = judgeCheckpoint(told, openEnded(saved));
    const hasLoaded = verdict === "verified" || verdict === "ahead";
    return hasLoaded ? undefined : "it has not loaded the conversation in its state file";
  } catch {
    return "it does not tell whether it has loaded its state file";
  }
};

const gateOf = async (gate: Gate, baseUrl: string): Promise<ReturnType<typeof decideGate>> => {
  const openApiText = gate === "probe" ? await openApi(baseUrl) : undefined;
  if (openApiText !== undefined) return decideGate(gate, { openApiText });
  const versionText = await installedVersion();
  return decideGate(gate, versionText === undefined ? {} : { versionText });
};

const openApi = (baseUrl: string): Promise<string | undefined> =>
  withinMs(askMs, async (signal) => {
    const response = await fetch(`${baseUrl}/openapi.json`, { signal });
    const text = await response.text();
    return response.ok ? text : undefined;
  }).catch(() => undefined);

const installedVersion = async (): Promise<string | undefined> => {
  try {
    const run = promisify(execFile)("agentapi", ["--version"], { timeout: versionMs });
    return (await run).stdout;
  } catch {
    return undefined;
  }
};

const snapshotOrder = (
  disk: Disk,
  { wantsSnapshot, taskId, coderUrl, coderToken, folder }: ShutdownRequest,
  baseUrl: string,
  onEvent: ShutdownOptions["onEvent"],
): LogSnapshotOrder | SnapshotOff => {
  if (!wantsSnapshot) return "disabled";
  if (taskId === undefined) return "no-task";
  if (coderUrl === undefined) return "no-url";
  if (coderToken === undefined) return "no-token";
  return {
    taskId,
    coder: { url: coderUrl, token: coderToken },
    messages: (signal) => conversation(baseUrl, signal),
    ...(folder !== undefined && { outbox: openOutbox(disk, join(folder, "outbox")) }),
    onStep: (step) => onEvent?.({ event: "snapshot", step }),
  };
};
