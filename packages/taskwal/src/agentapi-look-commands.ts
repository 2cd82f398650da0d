/**
 * `taskwal agentapi status` and `checkpoint`: a session looked at, and saved, from beside.
 *
 * The rule: beside whoever supervises it. Only `checkpoint` makes anything happen.
 */
import {
  checkpointSession,
  sessionStatus,
  type SessionPaths,
  type SessionStatus,
} from "@taskwal/agentapi-bridge";
import { openNodeDisk } from "@taskwal/disk";
import { exitCodes } from "./exit-codes.ts";
import type { Terminal } from "./terminal.ts";
import { counted } from "./words.ts";

export interface LookOptions {
  readonly paths: SessionPaths;
  readonly json: boolean;
}

/** Fine if one runs and answers, or none does and its state is whole; a difference otherwise. */
export const runAgentApiStatus = async (
  { paths, json }: LookOptions,
  terminal: Terminal,
): Promise<number> => {
  const status = await sessionStatus(openNodeDisk(), paths);
  const { owner, facts, state } = status;
  const isRunning = owner?.kind === "ours";
  const isWell = isRunning
    ? status.answers !== undefined
    : ["verified", "ahead"].includes(state.verdict);
  const exitCode = isWell ? exitCodes.fine : exitCodes.difference;
  if (json) {
    const pid = isRunning ? owner.identity.pid : undefined;
    const { phase, checkpoint } = facts ?? {};
    const { isSupervised, answers, port, messageCount, openCommands, outboxCount } = status;
    const process = owner?.kind ?? "none";
    const told = { process, pid, isSupervised, port, answers, phase, checkpoint };
    const counts = { messages: messageCount, openCommands, outbox: outboxCount };
    terminal.raw(`${JSON.stringify({ ...told, state, ...counts, exitCode })}\n`);
  } else tellStatus(status, paths, terminal);
  return exitCode;
};

const ownerWords = {
  none: "none is known",
  malformed: "its PID file names no process",
  dead: "it has ended",
  stranger: "it has ended; another program has its PID",
  unknown: "the system does not tell whether it runs",
} as const;

const tellStatus = (status: SessionStatus, { sessionDir }: SessionPaths, out: Terminal): void => {
  const { owner, facts, state, answers } = status;
  const line = (name: string, isWell: boolean, text: string): void =>
    out.say(`  ${name.padEnd(12)}${isWell ? text : out.bad(text)}`);
  out.heading(`agentapi in ${sessionDir}`);
  if (owner?.kind === "ours") {
    const { pid } = owner.identity;
    const how = answers ?? "does not answer";
    line("process", answers !== undefined, `${pid} on port ${status.port ?? "?"}, ${how}`);
  } else line("process", true, ownerWords[owner?.kind ?? "none"]);
  if (owner?.kind === "ours" || status.isSupervised) {
    line("supervisor", status.isSupervised, status.isSupervised ? "runs" : "none: run adopts it");
  }
  const commands =
    status.openCommands > 0 ? `, ${counted(status.openCommands, "command")} open` : "";
  line(
    "journal",
    facts !== undefined,
    facts ? `${facts.phase}, ${counted(status.messageCount, "message")}${commands}` : "none",
  );
  const isWhole = ["verified", "ahead"].includes(state.verdict) || owner?.kind === "ours";
  line("state file", isWhole, `${state.verdict}: ${state.reason}`);
  if (facts?.checkpoint) {
    const { verdict, at, messages } = facts.checkpoint;
    const when = new Date(at).toISOString();
    line("checkpoint", true, `${verdict} at ${when}, ${counted(messages, "message")}`);
  }
  if (status.outboxCount > 0) line("outbox", false, counted(status.outboxCount, "log"));
};

export const runAgentApiCheckpoint = async (
  { paths, json, limitMs }: LookOptions & { readonly limitMs: number },
  terminal: Terminal,
): Promise<number> => {
  const taken = await checkpointSession(openNodeDisk(), paths, { limitMs });
  if (!taken) {
    if (json) terminal.raw(`${JSON.stringify({ verdict: "none", exitCode: exitCodes.unsaved })}\n`);
    else process.stderr.write(`taskwal: no agentapi of ${paths.sessionDir} runs\n`);
    return exitCodes.unsaved;
  }
  const { verdict, reason, ...content } = taken;
  const isSaved = ["verified", "clean", "ahead"].includes(verdict);
  const exitCode = isSaved ? exitCodes.fine : exitCodes.unsaved;
  const { sha256, messageCount: messages } = content as { sha256?: string; messageCount?: number };
  if (json) terminal.raw(`${JSON.stringify({ verdict, reason, sha256, messages, exitCode })}\n`);
  else terminal.say(`${isSaved ? terminal.good(verdict) : terminal.bad(verdict)}: ${reason}`);
  return exitCode;
};
