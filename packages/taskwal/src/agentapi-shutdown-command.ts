/**
 * `taskwal agentapi shutdown`: in the place of the registry module's agentapi-shutdown.sh.
 *
 *     environment of the module ─> checkpoint ─ snapshot ─ end ─> what came of each, and a code for the worst
 *
 * The rule: with `--compat registry` the script's lines and always 0, whatever happens: who calls it so looks at
 * nothing else. Otherwise the code says what is lost or left: a program that still runs before a log that is missing.
 */
import {
  firstRegistryLine,
  lastRegistryLines,
  readShutdownRequest,
  registryLines,
  shutdownAgentApi,
  type Checkpoint,
  type Gate,
  type ShutdownEvent,
  type ShutdownResult,
  type StopLimits,
  type StopResult,
} from "@taskwal/agentapi-bridge";
import { openNodeDisk } from "@taskwal/disk";
import { exitCodes } from "./exit-codes.ts";
import type { Terminal } from "./terminal.ts";

export interface ShutdownCommandOptions {
  readonly compat: "registry" | undefined;
  readonly gate: Gate;
  readonly limits: StopLimits;
  readonly json: boolean;
}

export const runAgentApiShutdown = async (
  { compat, gate, limits, json }: ShutdownCommandOptions,
  terminal: Terminal,
): Promise<number> => {
  // Whoever started this may be gone before agentapi is.
  terminal.outliveReader();
  const request = readShutdownRequest(process.env);
  const shutDown = (onEvent: (event: ShutdownEvent) => void): Promise<ShutdownResult> =>
    shutdownAgentApi(openNodeDisk(), { request, gate, limits, onEvent });
  if (compat === "registry") {
    const print = (lines: readonly string[]): void => {
      for (const line of lines) {
        if (line.startsWith("Error: ")) process.stderr.write(`${line}\n`);
        else terminal.raw(`${line}\n`);
      }
    };
    print([firstRegistryLine]);
    try {
      const result = await shutDown((event) => print(registryLines(event, request.port)));
      print(lastRegistryLines(result));
    } catch (error) {
      print([`Error: ${(error as Error).message}`]);
    }
    return exitCodes.fine;
  }
  const result = await shutDown((event) => {
    if (event.event === "phase") terminal.progress(event.phase);
  });
  if (json) terminal.raw(`${JSON.stringify(resultForMachines(result))}\n`);
  else tell(result, terminal);
  return shutdownExitCode(result);
};

/** The worst that came of it. */
const shutdownExitCode = (result: ShutdownResult): number => {
  const { snapshotOff } = result;
  const code = stopExitCode(result);
  const isMissing = snapshotOff === "no-url" || snapshotOff === "no-token";
  return code === exitCodes.fine && isMissing ? exitCodes.unposted : code;
};

export const stopExitCode = ({ ended, checkpoint, snapshot }: StopResult<Checkpoint>): number => {
  if (ended === "alive") return exitCodes.stillRunning;
  if (ended === "killed") return exitCodes.killed;
  const isSaved = ["verified", "clean", "ahead"].includes(checkpoint?.verdict ?? "verified");
  if (!isSaved) return exitCodes.unsaved;
  const isPosted = snapshot === undefined || ["posted", "empty"].includes(snapshot.outcome);
  return isPosted ? exitCodes.fine : exitCodes.unposted;
};

/** Without the conversation itself. */
const resultForMachines = (result: ShutdownResult): object => {
  const { verdict, reason, ...rest } = result.checkpoint ?? {};
  const content = rest as { readonly sha256?: string; readonly messageCount?: number };
  return {
    pid: result.owner && "pid" in result.owner ? result.owner.pid : pidOf(result),
    process: result.owner?.kind ?? "none",
    checkpoint: result.checkpoint && {
      verdict,
      reason,
      sha256: content.sha256,
      messages: content.messageCount,
    },
    withheld: result.withheld,
    snapshot: result.snapshot ?? { outcome: "off", reason: result.snapshotOff },
    ended: result.ended,
    restored: result.isRestored,
    phases: result.phases,
    exitCode: shutdownExitCode(result),
  };
};

const pidOf = ({ owner }: ShutdownResult): number | undefined =>
  owner?.kind === "ours" ? owner.identity.pid : undefined;

const snapshotOffWords = {
  disabled: "not wanted",
  "no-task": "there is no task",
  "no-url": "CODER_AGENT_URL is not set",
  "no-token": "CODER_AGENT_TOKEN is not set",
} as const;

const tell = (result: ShutdownResult, { say, heading, good, bad }: Terminal): void => {
  const { checkpoint, withheld, snapshot, snapshotOff, ended, isRestored } = result;
  const pid = pidOf(result);
  heading(pid === undefined ? "no agentapi that is known to run" : `agentapi ${pid}`);
  const line = (name: string, isWell: boolean, word: string, why = ""): void =>
    say(`  ${name.padEnd(12)}${isWell ? good(word) : bad(word)}${why === "" ? "" : `: ${why}`}`);
  if (checkpoint) {
    const isWell = ["verified", "clean", "ahead"].includes(checkpoint.verdict);
    line("checkpoint", isWell, checkpoint.verdict, checkpoint.reason);
  } else line("checkpoint", true, "none", withheld);
  if (snapshot) {
    const isWell = ["posted", "empty"].includes(snapshot.outcome);
    line("snapshot", isWell, snapshot.outcome, "reason" in snapshot ? snapshot.reason : "");
  } else if (snapshotOff) line("snapshot", true, "none", snapshotOffWords[snapshotOff]);
  line("end", ended === "terminated" || ended === "already", ended);
  if (isRestored) {
    line("state", false, "put back", "agentapi replaced a state that it had not loaded");
  }
};
