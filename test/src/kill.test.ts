/**
 * Real processes on a real disk, killed at any time: nothing acknowledged is gone, nothing is invented.
 *
 * `TASKWAL_KILLS=200` kills so many, one in seven of them inside recovery; without it forty.
 * `TASKWAL_SEED` draws other moments.
 */
import { afterAll, expect, test } from "vitest";
import { print } from "./corruption/tally.ts";
import { countKills, runKills } from "./kill/kills.ts";
import { Lineage } from "./kill/lineage.ts";

const kills = Number(process.env["TASKWAL_KILLS"] ?? 40);
const seed = Number(process.env["TASKWAL_SEED"] ?? 20_250_101);
const testMs = 3_600_000;
/** Lives on one directory, one after the other; then a fresh one, so that its history stays short. */
const lives = 20;

test(
  "a process killed at any time loses nothing that was acknowledged, and what is recovered is a prefix of what was issued",
  async () => {
    print(`kills: seed ${seed}`);
    const hits = await runKills({ seed, directories: Math.ceil(kills / lives), lives });
    const counts = countKills(hits);
    print(
      [
        `${counts.kills} kills: ${counts.outstanding} with mutations outstanding, ${counts.inRecovery} inside recovery,`,
        `${counts.inSnapshot} inside a snapshot, ${counts.inRotation} inside a rotation;`,
        `${counts.acknowledged} calls acknowledged before the kill, all there;`,
        `${counts.outstandingCalls} outstanding at it, ${counts.keptCalls} of them recovered`,
      ].join(" "),
    );
    const aimedElsewhere = hits.filter(({ aim }) => aim !== "recovery").length;
    const inEither = hits.filter(({ inSnapshot, inRotation }) => inSnapshot || inRotation).length;
    expect(counts.outstanding).toBeGreaterThanOrEqual(Math.floor(aimedElsewhere * 0.9));
    expect(counts.inRecovery).toBeGreaterThanOrEqual(Math.floor(kills / 12));
    expect(inEither).toBeGreaterThanOrEqual(Math.floor(kills / 12));
  },
  testMs,
);

const lineage = new Lineage(seed - 1);
afterAll(() => lineage.dispose());

test(
  "a process that is told to end with closeOnExit always closes cleanly, and ends by the signal it was sent",
  async () => {
    const count = Math.max(5, Math.round(kills / 10));
    for (let life = 0; life < count; life++) {
      const { before, clean } = await lineage.terminate(life % 2 === 0 ? "SIGTERM" : "SIGINT");
      expect([before, clean]).toEqual(["closed", true]);
    }
    print(`${count} processes were sent SIGTERM or SIGINT: all closed cleanly`);
  },
  testMs,
);
