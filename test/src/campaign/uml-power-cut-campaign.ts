/** The power of a kernel of its own fails under a store that writes, on ext4, xfs and btrfs in turn. */
import { workerPath } from "../kernel/cut-process.ts";
import { guestInitPath } from "../kernel/guest.ts";
import { missingForGuest } from "../kernel/needs.ts";
import { runPowerCuts } from "../kernel/power-cuts.ts";
import type { Campaign } from "./campaign.ts";

const kinds = ["ext4", "xfs", "btrfs"] as const;
const cyclesPerImage = 5;

export const umlPowerCutCampaign: Campaign = {
  name: "uml-power-cut",
  what: "the power of a User-Mode Linux cut under a writing process, on ext4, xfs and btrfs in turn",
  promises: [1, 2, 10],
  test: {
    file: "test/src/guest.test.ts",
    name: "what was acknowledged in a kernel before its power failed is there afterwards",
  },
  missing: () => missingForGuest(kinds, [workerPath, guestInitPath]),
  round: async ({ seed, progress }) => {
    const kind = kinds[seed % kinds.length] ?? "ext4";
    const counts = await runPowerCuts({ kind, seed, cycles: cyclesPerImage, progress });
    return { trials: cyclesPerImage, counts };
  },
};
