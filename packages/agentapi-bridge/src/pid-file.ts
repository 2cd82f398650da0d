/**
 * The PID in a file that agentapi wrote, and whose process that is now.
 *
 *     "4711\n" ─> is there a process? ─> is it the one that was recorded, or does it run agentapi?
 *                   └ no, or a zombie: dead           └ no: a stranger, never to be signalled
 *
 * The rule: a PID is a number that systems give out again. Only the start time of the process tells
 * which one is meant; where the system does not tell it the answer is `unknown`, never `ours`.
 */
import { errnoOf } from "@taskwal/errors";
import type { Disk, ProcessIdentity } from "@taskwal/disk";

const pidMax = 2 ** 31 - 1;

/**
 * The PID, if the text is just what agentapi or a script writes: decimal digits, at most one newline.
 * Not 0, -1 or 1: those address groups, everything, or the first process.
 */
export const parsePidFile = (text: string): number | undefined => {
  if (!/^[1-9][0-9]{0,9}\n?$/.test(text)) return undefined;
  const pid = Number(text);
  return pid > 1 && pid <= pidMax ? pid : undefined;
};

export type PidOwner =
  | { readonly kind: "malformed" }
  /** No process has the PID, or one that has ended and was not collected. */
  | { readonly kind: "dead"; readonly pid: number }
  | { readonly kind: "ours"; readonly identity: ProcessIdentity }
  | { readonly kind: "stranger"; readonly pid: number }
  /** A process has the PID, and the system does not tell which. */
  | { readonly kind: "unknown"; readonly pid: number };

/**
 * Judges the text of a PID file. `recorded` is the identity that was journalled when agentapi was
 * spawned; without it a process is ours if it runs a program or script of the name agentapi.
 */
export const judgePidOwner = (
  disk: Pick<Disk, "findProcess">,
  pidText: string,
  recorded?: ProcessIdentity,
): PidOwner => {
  const pid = parsePidFile(pidText);
  if (pid === undefined) return { kind: "malformed" };
  const found = disk.findProcess(pid);
  if (!found) return { kind: "dead", pid };
  const { identity, argv } = found;
  if (identity.startTime === "") return { kind: "unknown", pid };
  const isOurs = recorded ? isSameProcess(identity, recorded) : runsAgentApi(argv);
  return isOurs ? { kind: "ours", identity } : { kind: "stranger", pid };
};

/** They run the script that is their first word; of others the first word may be any file. */
const interpreters = /^(node|bun|deno)$/;

/** The program, or the script that an interpreter runs: `agentapi`, `/opt/agentapi-linux-amd64`, `node fake-agentapi.js`. */
export const runsAgentApi = (argv: readonly string[]): boolean => {
  const [program = "", script = ""] = argv.map((word) => word.split("/").at(-1) ?? "");
  return (interpreters.test(program) ? script : program).includes("agentapi");
};

const isSameProcess = (one: ProcessIdentity, other: ProcessIdentity): boolean =>
  one.pid === other.pid &&
  one.startTime === other.startTime &&
  one.startTime !== "" &&
  one.bootId === other.bootId &&
  one.pidNamespace === other.pidNamespace;

/**
 * Sends a signal to the process that was identified, and to no other: it is looked at once more just
 * before. `gone` where it has ended, `stranger` where another has its PID or it is not ours to signal;
 * then nothing was sent.
 */
export const signalProcess = (
  disk: Pick<Disk, "findProcess">,
  identity: ProcessIdentity,
  signal: NodeJS.Signals,
): "sent" | "gone" | "stranger" => {
  const found = disk.findProcess(identity.pid);
  if (!found) return "gone";
  if (!isSameProcess(found.identity, identity)) return "stranger";
  try {
    process.kill(identity.pid, signal);
    return "sent";
  } catch (error) {
    const code = errnoOf(error);
    if (code === "ESRCH") return "gone";
    if (code === "EPERM") return "stranger";
    throw error;
  }
};
