/**
 * Measures several things in turn, round after round, so that none has the quiet moments for itself.
 *
 *     round 1   a b c        round 2   b c a        round 3   c a b
 *
 * The rule: the figures come back in the order of the rounds, and none is left out.
 */
import type { Bench } from "./benchmark.ts";

export type Turns = Readonly<Record<string, () => Promise<number>>>;

export const takeTurns = async <T extends Turns>(
  { rounds, progress }: Pick<Bench, "rounds" | "progress">,
  turns: T,
): Promise<{ readonly [Name in keyof T]: readonly number[] }> => {
  const names = Object.keys(turns);
  const figures: Record<string, number[]> = Object.fromEntries(names.map((name) => [name, []]));
  for (let round = 0; round < rounds; round += 1) {
    const first = round % names.length;
    for (const name of [...names.slice(first), ...names.slice(0, first)]) {
      progress(`round ${round + 1} of ${rounds}: ${name}`);
      figures[name]?.push((await turns[name]?.()) ?? Number.NaN);
    }
  }
  return figures as { [Name in keyof T]: number[] };
};
