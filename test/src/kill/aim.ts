/**
 * When to kill: at a moment drawn by seed, or on the first lines of the phase that is aimed at.
 *
 * The rule: aiming only makes a hit likely; whether it hit is read from what the process had told when
 * it was gone.
 */
import type { Prng } from "@taskwal/disk/sim";
import type { Victim } from "./victim.ts";

export type Aim = "any time" | "recovery" | "snapshot" | "rotation";

/** Kills; returns how many lines had been told before. Throws if the process never came so far. */
export const aimAndKill = async (victim: Victim, aim: Aim, prng: Prng): Promise<number> => {
  if (!(await comeNear(victim, aim, prng)))
    throw new Error(`the process ended before the kill\n${victim.errors}`);
  return victim.kill();
};

/** So many calls of the disk an opening makes at least. */
const openingCalls = 12;
const afterOpenMsMax = 60;

const comeNear = async (victim: Victim, aim: Aim, prng: Prng): Promise<boolean> => {
  if (aim === "recovery") {
    const wanted = 1 + prng.below(openingCalls);
    const calls = (): number => victim.told.filter(({ call }) => call !== undefined).length;
    return victim.until(
      (line) => line.phase === "open" || (line.call !== undefined && calls() >= wanted),
    );
  }
  if (!(await victim.until(({ ack }) => ack !== undefined))) return false;
  await pause(prng.below(afterOpenMsMax));
  if (aim === "any time") return true;
  if (!(await victim.next(({ phase }) => phase === aim))) return false;
  // Anywhere in the first of it: these phases last a few milliseconds.
  for (let turns = prng.below(4); turns > 0; turns -= 1)
    await new Promise((resolve) => setImmediate(resolve));
  return true;
};

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
