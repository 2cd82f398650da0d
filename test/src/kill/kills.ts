/**
 * Directories, and on each of them so many lives that end by SIGKILL.
 *
 *     seed ─ directory 1 ✗ ✗ ✗ …     two directories at the same time, so that there is something to
 *            directory 2 ✗ ✗ ✗ …     wait for at every moment
 *
 * The rule: of what was hit only what the told lines prove is counted.
 */
import type { Aim } from "./aim.ts";
import { Lineage, type Hit } from "./lineage.ts";

/** Of seven lives: three killed at any time, two in a snapshot, one in a rotation, one in recovery. */
const aims: readonly Aim[] = [
  "any time",
  "snapshot",
  "recovery",
  "any time",
  "rotation",
  "snapshot",
  "any time",
];

const atTheSameTime = 2;

export interface KillOptions {
  readonly seed: number;
  readonly directories: number;
  /** On one directory, one after the other. */
  readonly lives: number;
  readonly progress?: (kills: number) => void;
}

/** Throws what a kill cost, with the directory's seed and the life. */
export const runKills = async (options: KillOptions): Promise<Hit[]> => {
  const { seed, directories, lives, progress } = options;
  const hits: Hit[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < directories) {
      const number = next++;
      const lineage = new Lineage(seed * 1_000_003 + number);
      try {
        for (let life = 0; life < lives; life += 1) {
          const aim = aims[(number * lives + life) % aims.length] ?? "any time";
          hits.push(await lineage.kill(aim));
          progress?.(hits.length);
        }
      } catch (error) {
        throw new Error(`directory ${number} of seed ${seed}, ${String(error)}`, { cause: error });
      } finally {
        lineage.dispose();
      }
    }
  };
  await Promise.all(Array.from({ length: atTheSameTime }, work));
  return hits;
};

export interface KillCounts {
  readonly kills: number;
  /** Kills with calls outstanding, inside recovery, and so on. */
  readonly outstanding: number;
  readonly inRecovery: number;
  readonly inSnapshot: number;
  readonly inRotation: number;
  /** Calls acknowledged before a kill began. */
  readonly acknowledged: number;
  /** Calls outstanding at a kill, and those of them that were recovered. */
  readonly outstandingCalls: number;
  readonly keptCalls: number;
}

export const countKills = (hits: readonly Hit[]): KillCounts => {
  const count = (wanted: (hit: Hit) => boolean): number => hits.filter(wanted).length;
  const sum = (of: (hit: Hit) => number): number => hits.reduce((total, hit) => total + of(hit), 0);
  return {
    kills: hits.length,
    outstanding: count((hit) => hit.outstanding > 0),
    inRecovery: count((hit) => hit.inRecovery),
    inSnapshot: count((hit) => hit.inSnapshot),
    inRotation: count((hit) => hit.inRotation),
    acknowledged: sum((hit) => hit.acknowledged),
    outstandingCalls: sum((hit) => hit.outstanding),
    keptCalls: sum((hit) => hit.kept),
  };
};
