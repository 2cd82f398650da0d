/**
 * Supervises an agentapi: starts one, or adopts the one that runs.
 *
 *     journal (the lock) ─ preflight ─┬─ one of ours runs ───────────────────────────────> adopted ─┐
 *                                     └─ reconcile ─ spawn ─ recorded ─ wait until it answers ──────┴─> follow ─ loaded
 *
 * The rule: what is about to happen is recorded before it does, so that a supervisor that is killed at any point is
 * followed by one that finds either nothing started or what was. A supervisor's end never ends agentapi.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { openNodeDisk } from "@taskwal/disk";
import type { Disk, ProcessIdentity } from "@taskwal/disk";

import { readAgentApiEnvironment, type AgentApiEnvironment } from "./agentapi-environment.ts";
import { asStored } from "./command-match.ts";
import { parseConversationState } from "./conversation-state.ts";
import { openJournal, type Journal } from "./journal.ts";
import { lastLines } from "./log-tail.ts";
import { openOutbox, sendOutbox } from "./outbox.ts";
import { runsAgentApi } from "./pid-file.ts";
import type { CoderAccess } from "./post-log-snapshot.ts";
import { assertPortFree, findRunning, portIn, probeBinary } from "./preflight.ts";
import { reconcile } from "./reconcile.ts";
import { readFileAt } from "./file-at.ts";
import { beginLog, sessionPaths, type SessionPaths } from "./session-directory.ts";
import { spawnAgentApi, type Launch, type Launched } from "./spawn-agentapi.ts";
import { StartError } from "./start-error.ts";
import { SupervisedAgentApi } from "./supervised-agentapi.ts";
import type { RunningAgentApi, SuperviseEvent, SuperviseLimits } from "./supervised-agentapi.ts";
import { endProcess } from "./end-process.ts";
import { withinMs } from "./time-limit.ts";
import type { Gate } from "./version-gate.ts";
import { waitForStart } from "./wait-for-start.ts";

export interface SuperviseOptions {
  /** The agent and its words; with `isScript` a script that runs `agentapi server` itself. */
  readonly command: readonly string[];
  readonly isScript?: boolean;
  /** The module's folder: `$HOME/<module_dir>`. Created (0700) if it is missing. */
  readonly sessionDir: string;
  /** Default: true. False: agentapi neither saves nor loads; the journal is kept all the same. */
  readonly enableStatePersistence?: boolean;
  /** Default: AGENTAPI_STATE_FILE, else `<sessionDir>/state.json`. */
  readonly stateFilePath?: string;
  /** Default: AGENTAPI_PID_FILE, else `<sessionDir>/agentapi.pid`. */
  readonly pidFilePath?: string;
  /** Default: AGENTAPI_PORT, else 3284. */
  readonly port?: number;
  /** Default: AGENTAPI_TYPE, else agentapi guesses. */
  readonly agentType?: string;
  /** Default: "agentapi", looked for on PATH. */
  readonly binary?: string;
  /** How it is decided whether it can keep its state. Default: "probe". */
  readonly gate?: Gate;
  /** Default: that of this process. What begins with AGENTAPI_ is told by flags. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Where logs go that an earlier stop could not post. */
  readonly coder?: CoderAccess;
  readonly limits?: SuperviseLimits;
  readonly onEvent?: (event: SuperviseEvent) => void;
  /** Gives up waiting: one that does not answer yet is ended, one that does is supervised. */
  readonly signal?: AbortSignal;
  /** Default: the real one. */
  readonly disk?: Disk;
}

/**
 * Resolves once agentapi answers and has loaded its state, or is not ready within `limits.loadMs`. Throws StartError
 * if it does not start, LockedError while another supervisor has the session, and what the disk throws.
 */
export const superviseAgentApi = async (options: SuperviseOptions): Promise<SupervisedAgentApi> => {
  const { disk = openNodeDisk(), coder, limits = {}, onEvent } = options;
  const environment = readAgentApiEnvironment(options.env ?? process.env);
  const paths = pathsOf(options, environment);
  const journal = await openJournal({ sessionDir: paths.sessionDir, disk });
  const start: Start = {
    options,
    disk,
    environment,
    paths,
    journal,
    tell: (event) => onEvent?.(event),
  };
  let agent: RunningAgentApi;
  try {
    agent = (await adopt(start)) ?? (await launch(start));
  } catch (error) {
    await journal.close().catch(() => {});
    throw error;
  }
  if (coder) void sendOutbox(openOutbox(disk, paths.outbox), { coder });
  const supervised = new SupervisedAgentApi({ disk, agent, journal, limits, tell: start.tell });
  const { loadMs = 30_000 } = limits;
  try {
    const { loaded, ready } = supervised;
    await withinMs(loadMs, () => Promise.all([loaded, ready]), options.signal);
  } catch {
    start.tell({ event: "not-ready", afterMs: loadMs });
  }
  void deliverPrompt(supervised, environment.initialPrompt);
  return supervised;
};

interface Start {
  readonly options: SuperviseOptions;
  readonly disk: Disk;
  readonly environment: AgentApiEnvironment;
  readonly paths: SessionPaths;
  readonly journal: Journal;
  readonly tell: (event: SuperviseEvent) => void;
}

const pathsOf = (
  { sessionDir, stateFilePath, pidFilePath }: SuperviseOptions,
  { stateFile, pidFile }: AgentApiEnvironment,
): SessionPaths => {
  const [state, pid] = [stateFilePath ?? stateFile, pidFilePath ?? pidFile];
  return sessionPaths({
    sessionDir,
    ...(state !== undefined && { stateFilePath: state }),
    ...(pid !== undefined && { pidFilePath: pid }),
  });
};

const defaultPort = 3284;
/** Between a start and its record; a PID file is there sooner. */
const unrecordedMs = 2000;

const adopt = async (start: Start): Promise<RunningAgentApi | undefined> => {
  const { disk, journal, paths, options, environment, tell } = start;
  const { phase, port: recordedPort, process: recorded } = journal.session;
  const find = (): Promise<ProcessIdentity | undefined> =>
    findRunning(disk, recorded, paths.pidFile);
  let identity = await find();
  // The supervisor before may have been killed when it had started one and not yet recorded it.
  const limitMs = phase === "preflight" && recordedPort !== undefined ? unrecordedMs : 0;
  for (let waitedMs = 0; !identity && waitedMs < limitMs; waitedMs += 100) {
    await sleep(100);
    identity = await find();
  }
  if (!identity) return undefined;
  const port =
    portIn(disk, identity) ?? recordedPort ?? options.port ?? environment.port ?? defaultPort;
  const isRecorded = recorded?.pid === identity.pid && recorded.startTime === identity.startTime;
  if (!isRecorded)
    await journal.note({ phase: "spawned", process: identity, port, loadResolved: false });
  tell({ event: "adopted", pid: identity.pid, port });
  const agent: RunningAgentApi = {
    ...(await settingsOf(start)),
    identity,
    port,
    baseUrl: baseUrlOf(port),
    paths,
    isAdopted: true,
    saved: await savedIn(start),
    child: undefined,
  };
  const began = await waitForStart({
    baseUrl: agent.baseUrl,
    limitMs: options.limits?.startMs ?? 15_000,
    hasEnded: () => disk.isAlive(agent.identity) === "dead",
    ...(options.signal && { signal: options.signal }),
  });
  if (began === "ended") return undefined;
  // It may be busy for long with a message; its stream of events answers all the same.
  if (began === "timeout") tell({ event: "warning", reason: "it does not answer yet" });
  const { loadResolved } = journal.session;
  if (phase !== "ready") await journal.note({ phase: loadResolved ? "ready" : "started" });
  return agent;
};

const launch = async (start: Start): Promise<RunningAgentApi> => {
  const { options, disk, environment, paths, journal, tell } = start;
  const port = options.port ?? environment.port ?? defaultPort;
  const settings = await settingsOf(start);
  await assertPortFree(port);
  await journal.note({ phase: "preflight", process: undefined, port, loadResolved: false });
  if (settings.savesState || settings.loadsState) {
    tell({ event: "reconciled", ...(await reconcile(disk, journal, paths)) });
  } else {
    await journal.recover([]);
  }
  const saved = await savedIn(start);
  await beginLog(disk, paths);
  const order: Launch = {
    ...settings,
    paths,
    environment,
    port,
    binary: options.binary ?? "agentapi",
    agentType: options.agentType ?? environment.agentType,
    command: options.command,
    isScript: options.isScript ?? false,
  };
  const child = await spawnAgentApi(disk, order);
  // A script is not the program: a signal that agentapi takes for a question would end it.
  if (!order.isScript) await journal.note({ phase: "spawned", process: child.identity });
  tell({ event: "spawned", pid: child.pid, port });
  const identity = await started(start, order, child);
  await journal.note({ phase: "started", process: identity });
  tell({ event: "started", pid: identity.pid, port });
  const isChild = identity.pid === child.pid;
  const baseUrl = baseUrlOf(port);
  return {
    ...settings,
    identity,
    port,
    baseUrl,
    paths,
    isAdopted: false,
    saved,
    child: isChild ? child : undefined,
  };
};

/** Waits until it answers; whatever it was that did not is ended. Its own process, which a script may have started. */
const started = async (start: Start, order: Launch, child: Launched): Promise<ProcessIdentity> => {
  const { disk, options, paths } = start;
  const isGone = (): boolean => disk.isAlive(child.identity) === "dead";
  const { startMs = 15_000 } = options.limits ?? {};
  const began = await waitForStart({
    baseUrl: baseUrlOf(order.port),
    limitMs: startMs,
    // A script may have started it behind itself and ended.
    hasEnded: () => !order.isScript && isGone(),
    ...(options.signal && { signal: options.signal }),
  });
  const identity = order.isScript ? await agentApiBelow(disk, child, paths) : child.identity;
  if (began === "started" && identity) return identity;
  const printed = await lastLines(disk, paths.logFile);
  for (const each of [identity, child.identity]) {
    if (each && !(each === child.identity && isGone())) {
      await endProcess(disk, each, { termTimeoutMs: 12_000, killTimeoutMs: 2000 });
    }
  }
  const reason =
    began === "timeout"
      ? `it did not answer on port ${order.port} within ${startMs} ms`
      : began === "ended"
        ? "it ended at once"
        : "something else answers on its port";
  throw new StartError({ reason, printed });
};

const agentApiBelow = async (
  disk: Disk,
  child: Launched,
  paths: SessionPaths,
): Promise<ProcessIdentity | undefined> => {
  const named = await findRunning(disk, undefined, paths.pidFile);
  if (named) return named;
  const self = disk.findProcess(child.pid);
  return [...(self ? [self] : []), ...disk.findDescendants(child.pid)].find(
    ({ argv }) => runsAgentApi(argv) && argv.slice(1, 3).includes("server"),
  )?.identity;
};

interface Settings {
  readonly knowsState: boolean;
  readonly savesState: boolean;
  readonly loadsState: boolean;
}

const settingsOf = async ({ options, environment, tell }: Start): Promise<Settings> => {
  const { binary = "agentapi", gate = "probe", enableStatePersistence = true } = options;
  const { hasFlags, decision } = await probeBinary(binary, gate, environment.handedOn);
  const isWanted = enableStatePersistence && !environment.isAcp;
  const isSupported = decision.supported && hasFlags;
  if (isWanted && !isSupported) {
    const reason = decision.supported ? "its help has no flags of state" : decision.reason;
    const why = `state persistence needs agentapi 0.12.0 or later, and is skipped: ${reason}`;
    tell({ event: "warning", reason: why });
  }
  const keepsState = isSupported && isWanted;
  return {
    knowsState: hasFlags,
    savesState: keepsState && (environment.savesState ?? true),
    loadsState: keepsState && (environment.loadsState ?? true),
  };
};

const savedIn = async ({ disk, paths }: Start): Promise<RunningAgentApi["saved"]> => {
  const bytes = await readFileAt(disk, paths.stateFile);
  const read = bytes && parseConversationState(bytes);
  return read?.verdict === "ok" ? read.state.messages : [];
};

const baseUrlOf = (port: number): string => `http://127.0.0.1:${port}`;

/** Once in the life of a conversation, and with its intent recorded: agentapi would forget it in a crash. */
const deliverPrompt = async (
  supervised: SupervisedAgentApi,
  prompt: string | undefined,
): Promise<void> => {
  if (prompt === undefined || (await supervised.loaded) === undefined) return;
  const { journal } = supervised;
  const wasSent =
    journal.commands().some(({ text, outcome }) => text === prompt && outcome !== "rejected") ||
    journal.messages().some(({ role, message }) => role === "user" && message === asStored(prompt));
  if (!wasSent) await supervised.send(prompt).catch(() => {});
};
