/**
 * The end of a process: asked for once, waited for, and then made.
 *
 *     SIGTERM, once ─ gone in time ───────────────────────────────> terminated
 *        └ still there ─ list what it started ─ SIGKILL ─ gone ───> killed, then what it started and still runs
 *                                                  └ still there ─> alive: the system holds it
 *
 * The rule: never a second SIGTERM, which agentapi takes for a kill in the middle of its end. Never a signal
 * to another process that has its PID. A zombie that nobody collects has ended. The waits are bounded.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Disk, ProcessIdentity } from "@taskwal/disk";

import { signalProcess } from "./pid-file.ts";

type Processes = Pick<Disk, "findProcess" | "findDescendants" | "isAlive">;

export interface EndOptions {
  /** From SIGTERM to SIGKILL. agentapi takes up to 10 s for an agent that does not end. */
  readonly termTimeoutMs: number;
  /** From SIGKILL on, for the process and what it has started together. */
  readonly killTimeoutMs: number;
  /** Before each signal, and for each full second of waiting. */
  readonly onStep?: (step: EndStep) => void;
}

export type EndStep =
  | { readonly step: "signal"; readonly signal: "SIGTERM" | "SIGKILL"; readonly pid: number }
  | { readonly step: "waiting"; readonly pid: number; readonly seconds: number };

export type Ended = "already" | "terminated" | "killed" | "alive";

const pollMs = 25;
/** What loses its terminal ends by itself, and may have something to write down. */
const hangUpMs = 500;

export const endProcess = async (
  disk: Processes,
  identity: ProcessIdentity,
  { termTimeoutMs, killTimeoutMs, onStep }: EndOptions,
): Promise<Ended> => {
  const { pid } = identity;
  if (isGone(disk, identity)) return "already";
  onStep?.({ step: "signal", signal: "SIGTERM", pid });
  signalProcess(disk, identity, "SIGTERM");
  if (await isGoneWithin(disk, identity, termTimeoutMs, onStep)) return "terminated";
  const started = disk.findDescendants(pid).map((each) => each.identity);
  onStep?.({ step: "signal", signal: "SIGKILL", pid });
  signalProcess(disk, identity, "SIGKILL");
  const isKilled = await isGoneWithin(disk, identity, killTimeoutMs);
  await endLeftOver(disk, started, { hangUpMs, killTimeoutMs, ...(onStep && { onStep }) });
  return isKilled ? "killed" : "alive";
};

const endLeftOver = async (
  disk: Processes,
  started: readonly ProcessIdentity[],
  options: Pick<EndOptions, "killTimeoutMs" | "onStep"> & { readonly hangUpMs: number },
): Promise<void> => {
  const allGone = (limitMs: number): Promise<unknown> =>
    Promise.all(started.map((each) => isGoneWithin(disk, each, limitMs)));
  await allGone(options.hangUpMs);
  for (const each of started) {
    if (isGone(disk, each)) continue;
    options.onStep?.({ step: "signal", signal: "SIGKILL", pid: each.pid });
    signalProcess(disk, each, "SIGKILL");
  }
  await allGone(options.killTimeoutMs);
};

const isGone = (disk: Processes, identity: ProcessIdentity): boolean =>
  disk.isAlive(identity) === "dead";

const isGoneWithin = async (
  disk: Processes,
  identity: ProcessIdentity,
  limitMs: number,
  onStep?: EndOptions["onStep"],
): Promise<boolean> => {
  // Of this process's life, not of the clock, which may jump.
  const startMs = performance.now();
  for (let seconds = 0; ;) {
    if (isGone(disk, identity)) return true;
    const passedMs = performance.now() - startMs;
    if (passedMs >= limitMs) return false;
    if (passedMs >= (seconds + 1) * 1000) {
      seconds += 1;
      onStep?.({ step: "waiting", pid: identity.pid, seconds });
    }
    await sleep(Math.min(pollMs, Math.max(1, limitMs - passedMs)));
  }
};
