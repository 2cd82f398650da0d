/**
 * The calls of a process that is cut off, as a function of their number: the one who checks knows them
 * without being told.
 *
 *     number   0 1 2 3 4 5 │ 6 7 8 …      slot = number mod 6, a task per slot
 *     step     created     │ logged, updated, three logs at once, …, deleted; then created again
 *
 * The rule: every text names the life that wrote it, so that a call that was lost and issued again by the
 * next life is told from one that comes back.
 */
import type { ToldCall, ToldMutation } from "../kill/told.ts";

const slots = 6;
const steps = 11;
/** Now and then one line that fills more than a block. */
const longEvery = 17;

export const callOf = (number: number, life: number): ToldCall => {
  const slot = number % slots;
  const step = Math.floor(number / slots) % steps;
  const id = `slot-${slot}`;
  const count = number % longEvery === 0 ? 600 : 1 + ((number * 7) % 23);
  const text = `life ${life} call ${number} `.repeat(count).trim();
  return { number, of: mutationsOf(step, id, text) };
};

const mutationsOf = (step: number, id: string, text: string): ToldMutation[] => {
  if (step === 0) return [{ kind: "create", id, text }];
  if (step === steps - 1) return [{ kind: "delete", id }];
  if (step % 3 === 2)
    return [1, 2, 3].map((part) => ({ kind: "log", id, text: `${text} ${part}` }));
  return [{ kind: step % 2 === 0 ? "update" : "log", id, text }];
};
