/** States of a disk at a power cut, from the log of every write of a life: prefixes and reorderings. */
import { missingForGuest } from "../kernel/needs.ts";
import { loggedInitPath, loggedWorkerPath, runReplayedCuts } from "../kernel/replayed-cuts.ts";
import type { Campaign } from "./campaign.ts";

const kinds = ["ext4", "xfs", "btrfs"] as const;
const statesPerLife = 240;

export const dmLogWritesCampaign: Campaign = {
  name: "dm-log-writes",
  what: "prefixes and reorderings of every write below ext4, xfs and btrfs, replayed, mounted and opened",
  promises: [1, 2, 4, 10],
  test: {
    file: "test/src/guest.test.ts",
    name: "whichever writes below a file system reached the disk before a power cut, what was acknowledged is there",
  },
  missing: () => missingForGuest(kinds, [loggedInitPath, loggedWorkerPath], { mapped: true }),
  round: async ({ seed, progress }) => {
    const kind = kinds[seed % kinds.length] ?? "ext4";
    const counts = await runReplayedCuts({ kind, seed, states: statesPerLife, progress });
    const states = Object.entries(counts).filter(([name]) => name.startsWith(kind));
    const trials = states.reduce((sum, [, count]) => sum + count, 0);
    return { trials, counts };
  },
};
