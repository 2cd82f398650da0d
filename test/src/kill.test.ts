/**
 * Real processes on a real disk, killed at any time: nothing acknowledged is gone, nothing is invented.
 *
 * `TASKWAL_KILLS=200` kills so many while they mutate, and a seventh more inside recovery; without it
 * some forty in all. `TASKWAL_SEED` draws other moments.
 */
import { afterAll, expect, test } from "vitest";
import { print } from "./corruption/tally.ts";
import type { Aim } from "./kill/aim.ts";
import { Lineage, type Hit } from "./kill/lineage.ts";

const kills = Number(process.env["TASKWAL_KILLS"] ?? 34);
const seed = Number(process.env["TASKWAL_SEED"] ?? 20_250_101);
const testMs = 3_600_000;
/** Lives on one directory, one after the other; then a fresh one, so that its history stays short. */
const livesMax = 20;
/** Directories worked on at the same time. */
const lineages = 2;

const opened: Lineage[] = [];
afterAll(() => {
  for (const lineage of opened) lineage.dispose();
});

const lineage = (number: number): Lineage => {
  const one = new Lineage(seed + number);
  opened.push(one);
  return one;
};

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

const killAll = async (): Promise<Hit[]> => {
  const hits: Hit[] = [];
  let lives = 0;
  let mutating = 0;
  const work = async (): Promise<void> => {
    while (mutating < kills) {
      const one = lineage(lives);
      for (let life = 0; life < livesMax && mutating < kills; life++) {
        const aim = aims[lives++ % aims.length] ?? "any time";
        if (aim !== "recovery") mutating += 1;
        hits.push(await one.kill(aim));
      }
    }
  };
  await Promise.all(Array.from({ length: lineages }, work));
  return hits;
};

test(
  "a process killed at any time loses nothing that was acknowledged, and what is recovered is a prefix of what was issued",
  async () => {
    print(`kills: seed ${seed}`);
    const hits = await killAll();
    const count = (wanted: (hit: Hit) => boolean): number => hits.filter(wanted).length;
    const sum = (of: (hit: Hit) => number): number =>
      hits.reduce((total, hit) => total + of(hit), 0);
    const outstanding = count((hit) => hit.outstanding > 0);
    const inRecovery = count((hit) => hit.inRecovery);
    const inSnapshot = count((hit) => hit.inSnapshot);
    const inRotation = count((hit) => hit.inRotation);
    const inEither = count((hit) => hit.inSnapshot || hit.inRotation);
    print(
      [
        `${hits.length} kills: ${outstanding} with mutations outstanding, ${inRecovery} inside recovery,`,
        `${inSnapshot} inside a snapshot, ${inRotation} inside a rotation;`,
        `${sum((hit) => hit.acknowledged)} calls acknowledged before the kill, all there;`,
        `${sum((hit) => hit.outstanding)} outstanding at it, ${sum((hit) => hit.kept)} of them recovered`,
      ].join(" "),
    );
    expect(outstanding).toBeGreaterThanOrEqual(Math.floor(kills * 0.9));
    expect(inRecovery).toBeGreaterThanOrEqual(Math.floor(kills / 10));
    expect(inEither).toBeGreaterThanOrEqual(Math.floor(kills / 10));
  },
  testMs,
);

test(
  "a process that is told to end with closeOnExit always closes cleanly, and ends by the signal it was sent",
  async () => {
    const one = lineage(1_000_000);
    const count = Math.max(5, Math.round(kills / 10));
    for (let life = 0; life < count; life++) {
      const { before, clean } = await one.terminate(life % 2 === 0 ? "SIGTERM" : "SIGINT");
      expect([before, clean]).toEqual(["closed", true]);
    }
    print(`${count} processes were sent SIGTERM or SIGINT: all closed cleanly`);
  },
  testMs,
);
