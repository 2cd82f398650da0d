/**
 * Before an agentapi is started: what the program can do, and whether one runs already.
 *
 *     agentapi --version, server --help ─> can it keep its state?      no: a warning, and it runs without
 *     journal, then the PID file ────────> ours, running               adopted
 *                                          dead, or a stranger's       the file goes: agentapi would not start over it
 *                                          not to be told              refused
 *
 * The rule: nothing is signalled here. A stranger who has our old PID keeps running, and never learns of it.
 */
import { execFile } from "node:child_process";
import { connect } from "node:net";
import { promisify } from "node:util";
import type { Disk, ProcessIdentity } from "@taskwal/disk";

import type { SessionFacts } from "./journal.ts";
import { judgePidOwner } from "./pid-file.ts";
import { readFileAt, removeFileAt } from "./session-directory.ts";
import { StartError } from "./start-error.ts";
import { decideGate } from "./version-gate.ts";
import type { Gate, GateDecision } from "./version-gate.ts";

type Environment = Readonly<Record<string, string | undefined>>;

const askMs = 5000;

/** Asks the program itself. Throws StartError where there is none: then there is nothing to supervise. */
export const probeBinary = async (
  binary: string,
  gate: Gate,
  env: Environment,
): Promise<GateDecision> => {
  const ask = async (...words: string[]): Promise<string | undefined> => {
    try {
      const { stdout } = await promisify(execFile)(binary, words, { timeout: askMs, env });
      return stdout;
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code !== "ENOENT" && code !== "EACCES") return undefined;
      throw new StartError({ reason: `${binary} could not be run (${message})`, cause: error });
    }
  };
  const [versionText, helpText] = await Promise.all([
    ask("--version"),
    gate === "probe" ? ask("server", "--help") : undefined,
  ]);
  return decideGate(gate, {
    ...(versionText !== undefined && { versionText }),
    ...(helpText !== undefined && { helpText }),
  });
};

/**
 * The agentapi of this session that runs, if one does. A PID file of one that does not is removed.
 * Throws StartError where the system does not tell whose process has the PID.
 */
export const findRunning = async (
  disk: Disk,
  recorded: SessionFacts["process"],
  pidFile: string,
): Promise<ProcessIdentity | undefined> => {
  if (recorded) {
    const owner = judgePidOwner(disk, String(recorded.pid), recorded);
    if (owner.kind === "ours") return owner.identity;
  }
  const bytes = await readFileAt(disk, pidFile);
  if (!bytes) return undefined;
  const owner = judgePidOwner(disk, new TextDecoder().decode(bytes));
  if (owner.kind === "ours") return owner.identity;
  if (owner.kind === "unknown") {
    const reason = `${pidFile} names process ${owner.pid}, and the system does not tell which that is`;
    throw new StartError({ reason });
  }
  await removeFileAt(disk, pidFile);
  return undefined;
};

/** The port in the words that it was started with. */
export const portIn = (disk: Disk, { pid }: ProcessIdentity): number | undefined => {
  const argv = disk.findProcess(pid)?.argv ?? [];
  const own = argv.slice(0, argv.includes("--") ? argv.indexOf("--") : undefined);
  const flag = own.findIndex((word) => /^(--port|-p)$/.test(word));
  const port = Number(flag < 0 ? own.join("\n").match(/^--port=(\d+)$/m)?.[1] : own[flag + 1]);
  return Number.isInteger(port) && port > 0 ? port : undefined;
};

/** Whoever listens there already would be taken for the agentapi that could not. Throws StartError. */
export const assertPortFree = (port: number): Promise<void> =>
  new Promise((done, failed) => {
    const socket = connect({ port, host: "127.0.0.1", timeout: 1000 });
    const end = (): void => {
      socket.destroy();
      done();
    };
    socket.once("error", end).once("timeout", end);
    socket.once("connect", () => {
      socket.destroy();
      failed(new StartError({ reason: `another program listens on port ${port} already` }));
    });
  });
