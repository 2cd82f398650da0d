/**
 * Stopping agentapi in three phases, so that nothing said is lost and nothing waits for ever.
 *
 *     1 checkpoint    its state saved and looked at                     at most checkpointMs
 *     2 snapshot      the last messages, to Coder                       at most snapshotMs
 *     3 end           SIGTERM, a wait, SIGKILL                          at most termMs + 3 × killMs
 *                     an error or a limit in a phase is its result, and the next one begins
 *
 * The rule: phase 3 always comes, whatever became of the others. The order is a matter of what still answers:
 * agentapi saves only while it runs, and an end cannot be taken back.
 */
import type { Disk, ProcessIdentity } from "@taskwal/disk";

import { captureLogSnapshot } from "./capture-log-snapshot.ts";
import type { LogSnapshotOrder, LogSnapshotResult } from "./capture-log-snapshot.ts";
import { endProcess } from "./end-process.ts";
import type { Ended, EndStep } from "./end-process.ts";
import { safeListener } from "./safe-listener.ts";
import { withinMs } from "./time-limit.ts";

/** How a checkpoint came out; whoever takes it says what it has found besides. */
export interface CheckpointOutcome {
  readonly verdict: string;
  readonly reason: string;
}

export interface StopLimits {
  /** Default: 6,000. */
  readonly checkpointMs?: number;
  /** Default: 20,000, with all tries to post. */
  readonly snapshotMs?: number;
  /** From SIGTERM to SIGKILL. Default: 15,000: agentapi itself takes up to 10 s. */
  readonly termMs?: number;
  /** Default: 2,000. */
  readonly killMs?: number;
}

export interface StopOptions<C extends CheckpointOutcome> {
  /** The process, as it was identified. Undefined where none runs: then there are no signals. */
  readonly identity: ProcessIdentity | undefined;
  /** Left out where there is nothing to save; undefined comes of it where a save would do harm. */
  readonly checkpoint?: (signal: AbortSignal) => Promise<C | undefined>;
  /** Left out where Coder wants no log. */
  readonly snapshot?: LogSnapshotOrder;
  readonly limits?: StopLimits;
  readonly onPhase?: (phase: StopPhase) => void;
  readonly onSnapshot?: (result: LogSnapshotResult) => void;
  readonly onEndStep?: (step: EndStep) => void;
}

export type StopPhase = "checkpoint" | "snapshot" | "end";

export interface StopResult<C extends CheckpointOutcome> {
  /** Undefined where none was taken. */
  readonly checkpoint: C | CheckpointOutcome | undefined;
  readonly snapshot: LogSnapshotResult | undefined;
  readonly ended: Ended;
  /** How long each phase took. */
  readonly phases: readonly { readonly phase: StopPhase; readonly ms: number }[];
}

/** Never throws, also where a listener does, and takes no longer than the sum of its limits. */
export const stopAgentApi = async <C extends CheckpointOutcome>(
  disk: Disk,
  options: StopOptions<C>,
): Promise<StopResult<C>> => {
  const { identity, checkpoint, snapshot } = options;
  const [onPhase, onSnapshot] = [safeListener(options.onPhase), safeListener(options.onSnapshot)];
  const {
    checkpointMs = 6000,
    snapshotMs = 20_000,
    termMs = 15_000,
    killMs = 2000,
  } = options.limits ?? {};
  const phases: { phase: StopPhase; ms: number }[] = [];
  const during = async <T>(phase: StopPhase, work: () => Promise<T>): Promise<T> => {
    onPhase(phase);
    const startMs = performance.now();
    try {
      return await work();
    } finally {
      phases.push({ phase, ms: Math.round(performance.now() - startMs) });
    }
  };
  const saved =
    checkpoint &&
    (await during("checkpoint", () => withinMs(checkpointMs, checkpoint).catch(failed)));
  const posted =
    snapshot &&
    (await during("snapshot", () => captureLogSnapshot(snapshot, { limitMs: snapshotMs })));
  if (posted) onSnapshot(posted);
  const ended = await during("end", async () =>
    identity
      ? endProcess(disk, identity, {
          termTimeoutMs: termMs,
          killTimeoutMs: killMs,
          onStep: safeListener(options.onEndStep),
        })
      : "already",
  );
  return { checkpoint: saved, snapshot: posted, ended, phases };
};

const failed = (error: unknown): CheckpointOutcome => ({
  verdict: "failed",
  reason: (error as Error).message,
});
