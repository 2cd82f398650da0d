/**
 * `taskwal agentapi run`: an agentapi, supervised in the foreground until either ends.
 *
 *     superviseAgentApi ─ a line for each event ─┬─ a signal to end ─> checkpoint, log to Coder, end ─> the worst of it
 *                                                └─ agentapi ends by itself ────────────────────────> as it ended
 *
 * The rule: a Ctrl-C or SIGTERM stops it in order; a second one leaves it running, for the next run to adopt, as the end of
 * the terminal or a SIGKILL does. What is said in the conversation is never printed.
 */
import {
  superviseAgentApi,
  StartError,
  type SupervisedAgentApi,
  type SuperviseEvent,
  type SuperviseOptions,
} from "@taskwal/agentapi-bridge";
import { stopExitCode } from "./agentapi-shutdown-command.ts";
import { exitCodes } from "./exit-codes.ts";
import type { Terminal } from "./terminal.ts";

export interface RunCommandOptions extends SuperviseOptions {
  /** Undefined where Coder wants no log at the end. */
  readonly taskId: string | undefined;
  readonly json: boolean;
}

const endingSignals = ["SIGINT", "SIGTERM"] as const;

export const runAgentApiRun = async (
  { taskId, json, ...options }: RunCommandOptions,
  terminal: Terminal,
): Promise<number> => {
  // The journal is kept also for those who do not watch.
  terminal.outliveReader();
  const asking = new AbortController();
  const asked = askedToEnd().then(() => asking.abort());
  const onEvent = (event: SuperviseEvent): void => {
    if (json) terminal.raw(jsonLine(event));
    else tell(event, terminal);
  };
  let supervised: SupervisedAgentApi;
  try {
    supervised = await superviseAgentApi({ ...options, onEvent, signal: asking.signal });
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    if (asking.signal.aborted) return exitCodes.interrupted;
    if (json) terminal.raw(`${JSON.stringify({ event: "not-started", reason: error.reason })}\n`);
    process.stderr.write(`taskwal: ${error.message}\n`);
    if (error.printed) process.stderr.write(`it printed:\n${error.printed}\n`);
    return exitCodes.notStarted;
  }
  const isAsked = await Promise.race([asked.then(() => true), supervised.ended.then(() => false)]);
  if (!isAsked) {
    const { code, signal } = await supervised.ended;
    return code === 0 || (code === null && signal === null) ? exitCodes.fine : exitCodes.difference;
  }
  const { coder } = options;
  const result = await supervised.stop(
    coder && taskId !== undefined ? { taskId, coder } : undefined,
  );
  const exitCode = stopExitCode(result);
  const { checkpoint, snapshot, ended, phases } = result;
  const { verdict, reason } = checkpoint ?? {};
  const summary = {
    checkpoint: checkpoint && { verdict, reason },
    snapshot,
    ended,
    phases,
    exitCode,
  };
  if (json) terminal.raw(`${JSON.stringify({ event: "stopped", ...summary })}\n`);
  else terminal.say(`stopped: ${ended}${verdict === undefined ? "" : `, its state ${verdict}`}`);
  return exitCode;
};

/** Resolves at the first signal; the second ends this process and nothing else. */
const askedToEnd = (): Promise<void> =>
  new Promise((done) => {
    let isAsked = false;
    for (const signal of endingSignals) {
      process.on(signal, () => {
        if (isAsked) process.exit(exitCodes.interrupted);
        isAsked = true;
        done();
      });
    }
  });

/** Without what was said. */
const jsonLine = (event: SuperviseEvent): string => {
  if (event.event !== "told") return `${JSON.stringify(event)}\n`;
  const { told } = event;
  switch (told.kind) {
    case "message_update":
      return `${JSON.stringify({ event: "message", id: told.id, role: told.role })}\n`;
    case "status_change":
      return `${JSON.stringify({ event: "status", status: told.status })}\n`;
    case "agent_error":
      return `${JSON.stringify({ event: "agent-error", message: told.message })}\n`;
    case "connected":
      return `${JSON.stringify({ event: "connected" })}\n`;
    case "disconnected":
      return `${JSON.stringify({ event: "disconnected", reason: told.reason })}\n`;
    case "malformed":
    case "oversized":
    case "unknown":
      return "";
  }
};

const tell = (event: SuperviseEvent, { say, good, bad }: Terminal): void => {
  switch (event.event) {
    case "warning":
      return say(`${bad("warning")}: ${event.reason}`);
    case "reconciled":
      if (event.outcome !== "nothing") say(`state file ${event.outcome}: ${event.reason}`);
      return;
    case "spawned":
      return say(`agentapi ${event.pid} is starting on port ${event.port}`);
    case "adopted":
      return say(`agentapi ${event.pid} runs already on port ${event.port}: adopted`);
    case "started":
      return say(`agentapi ${event.pid} answers on port ${event.port}`);
    case "loaded":
      return say(good(loadedWords[event.outcome]));
    case "not-ready":
      return say(bad(`the agent is not ready after ${event.afterMs / 1000} s; it is waited for`));
    case "checkpoint":
      return say(`checkpoint ${event.verdict}: ${event.reason}`);
    case "stopping":
      return say(`stopping: ${event.phase}`);
    case "ended": {
      const how = event.code ?? event.signal;
      return say(`agentapi has ended${how === null ? "" : ` (${how})`}`);
    }
    case "told":
      if (event.told.kind === "agent_error") say(`${bad("agentapi")}: ${event.told.message}`);
      if (event.told.kind === "disconnected") say(`its events are cut: ${event.told.reason}`);
  }
};

const loadedWords = {
  loaded: "ready; it has loaded the conversation",
  nothing: "ready; there was no conversation to load",
  failed: "ready, but it could not load its state; the journal has it",
} as const;
