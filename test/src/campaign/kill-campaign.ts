/** Real processes on a real disk, killed at any time, in snapshots, rotations and recoveries. */
import { countKills, runKills } from "../kill/kills.ts";
import type { Campaign } from "./campaign.ts";

const perRound = { directories: 4, lives: 20 };

export const killCampaign: Campaign = {
  name: "kill",
  what: "a real process killed at any moment, or in a snapshot, a rotation, a recovery, again and again",
  promises: [1, 2, 4, 10],
  test: {
    file: "test/src/kill.test.ts",
    name: "a process killed at any time loses nothing that was acknowledged, and what is recovered is a prefix of what was issued",
  },
  round: async ({ seed, progress }) => {
    const counts = countKills(await runKills({ ...perRound, seed, progress }));
    return {
      trials: counts.kills,
      counts: {
        "calls acknowledged before": counts.acknowledged,
        "with calls outstanding": counts.outstanding,
        "inside recovery": counts.inRecovery,
        "inside a snapshot": counts.inSnapshot,
        "inside a rotation": counts.inRotation,
        "outstanding calls recovered": counts.keptCalls,
      },
    };
  },
};
