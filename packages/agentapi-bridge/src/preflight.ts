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
import { resolve } from "node:path";
import { promisify } from "node:util";
import type { Disk, ProcessIdentity } from "@taskwal/disk";

import type { SessionFacts } from "./journal.ts";
import { judgePidOwner, type PidOwner } from "./pid-file.ts";
import { readFileAt, removeFileAt } from "./file-at.ts";
import { StartError } from "./start-error.ts";
import { decideGate } from "./version-gate.ts";
import type { Gate, GateDecision } from "./version-gate.ts";

type Environment = Readonly<Record<string, string | undefined>>;

const askMs = 5000;

export interface ProbedBinary {
  readonly decision: GateDecision;
  /** Whether it knows the flags of state, whatever its version says: one that does not refuses to start with them. */
  readonly hasFlags: boolean;
}

/** Asks the program itself. Throws StartError where there is none: then there is nothing to supervise. */
export const probeBinary = async (
  binary: string,
  gate: Gate,
  env: Environment,
): Promise<ProbedBinary> => {
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
  const [versionText, helpText] = await Promise.all([ask("--version"), ask("server", "--help")]);
  const decision = decideGate(gate, {
    ...(versionText !== undefined && { versionText }),
    ...(helpText !== undefined && { helpText }),
  });
  const hasFlags =
    helpText === undefined ? decision.supported : decideGate("probe", { helpText }).supported;
  return { decision, hasFlags };
};

/** Whose process that of this session is: as the journal recorded it, else by the PID file. Changes nothing. */
export const ownerOfSession = async (
  disk: Disk,
  recorded: SessionFacts["process"],
  pidFile: string | undefined,
): Promise<PidOwner | undefined> => {
  const known = recorded && judgePidOwner(disk, String(recorded.pid), recorded);
  if (known?.kind === "ours") return known;
  if (pidFile === undefined) return known;
  const bytes = await readFileAt(disk, pidFile);
  const owner = bytes ? judgePidOwner(disk, new TextDecoder().decode(bytes)) : known;
  if (owner?.kind !== "ours") return owner;
  // An agentapi too, but of another session, which was given a PID that ours had once.
  const { pid } = owner.identity;
  const named = flagIn(disk, owner.identity, "pid-file");
  return named === undefined || resolve(named) === resolve(pidFile)
    ? owner
    : { kind: "stranger", pid };
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
  const owner = await ownerOfSession(disk, recorded, pidFile);
  if (owner?.kind === "ours") return owner.identity;
  if (owner?.kind === "unknown") {
    const reason = `${pidFile} names process ${owner.pid}, and the system does not tell which that is`;
    throw new StartError({ reason });
  }
  if (owner) await removeFileAt(disk, pidFile);
  return undefined;
};

/** The port in the words that it was started with. */
export const portIn = (disk: Disk, identity: ProcessIdentity): number | undefined => {
  const port = Number(flagIn(disk, identity, "port"));
  return Number.isInteger(port) && port > 0 ? port : undefined;
};

/** What follows `--<name>`, before the agent's own words. */
const flagIn = (disk: Disk, { pid }: ProcessIdentity, name: string): string | undefined => {
  const argv = disk.findProcess(pid)?.argv ?? [];
  const own = argv.slice(0, argv.includes("--") ? argv.indexOf("--") : undefined);
  const flag = own.indexOf(`--${name}`);
  if (flag >= 0) return own[flag + 1];
  return own.find((word) => word.startsWith(`--${name}=`))?.slice(name.length + 3);
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
