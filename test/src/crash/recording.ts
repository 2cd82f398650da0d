/**
 * One run of a workload, with every crash point of it kept: the whole machine as it was just before
 * each call that changes the disk.
 *
 *     run   call 1 ─ call 2 ─ … ─ call n          one run, n forks
 *              └ fork    └ fork       └ fork ─ power cut, this way or that ─> a disk to recover from
 *
 * A fork is what `crashAt(n)` in a run of its own would leave (crash.test.ts compares the two). The
 * rule: a fork is taken before the call has any effect, with the mark of what was answered by then.
 */
import type { SimCall, SimDisk, SimState } from "@taskwal/disk/sim";

export interface CrashPoint {
  readonly call: SimCall;
  /** What the workload, or the recovery, was doing. */
  readonly phase: string;
  readonly state: SimState;
  /** Place in the ledger. */
  readonly mark: number;
}

export interface Recorder {
  phase: string;
  readonly points: CrashPoint[];
  stop(): void;
}

/** Keeps a fork before each mutating call from now on. `mark` is asked at each. */
export const recordCrashPoints = (sim: SimDisk, phase: string, mark: () => number): Recorder => {
  const points: CrashPoint[] = [];
  // A rule that never fails anything: it is asked at the very moment before the effect.
  const stop = sim.fail(
    (call) => {
      if (call.number !== undefined) {
        const operation = operationOf(call, recorder.phase);
        points.push({ call, phase: operation, state: sim.snapshotState(), mark: mark() });
      }
      return false;
    },
    "EIO",
    { times: "forever" },
  );
  const recorder: Recorder = { phase, points, stop };
  return recorder;
};

/** Rotating, pruning and mirrors happen inside or beside other calls; their files tell. */
const operationOf = ({ kind, path, to, startBytes }: SimCall, phase: string): string => {
  if (["recovery", "open", "import"].includes(phase)) return phase;
  if (/^\/state\/(?:notes|tasks|sessions)/.test(path)) return "mirror";
  const begins = kind === "create" || kind === "rename" || (kind === "write" && startBytes === 0);
  if (begins && `${path}${to ?? ""}`.includes(".jsonl")) return "rotate";
  const old = path.includes("/state.backup.") || path.includes("/wal/");
  return kind === "remove" && old ? "prune" : phase;
};

/** Lets everything that can go on without time passing go on. */
export const settle = async (sim: SimDisk): Promise<void> => {
  for (
    let quiet = 0, seen = sim.callCount;
    quiet < 3;
    quiet = seen === sim.callCount ? quiet + 1 : 0
  ) {
    seen = sim.callCount;
    await new Promise((resolve) => setImmediate(resolve));
  }
};

/** Lets simulated time pass, and what falls due be done. */
export const pass = async (sim: SimDisk, ms: number): Promise<void> => {
  sim.clock.advance(ms);
  await settle(sim);
};
