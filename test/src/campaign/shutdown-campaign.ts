/** The file system is shut down under a store that writes, on the real kernel's ext4 and xfs. */
import { missingOf } from "../kernel/needs.ts";
import { runShutdowns } from "../kernel/shutdown-cycles.ts";
import { workerPath } from "../kernel/cut-process.ts";
import type { Campaign } from "./campaign.ts";

/** So many on one image, then a fresh one. */
const cyclesPerImage = 20;

const shutdownCampaign = (kind: "ext4" | "xfs"): Campaign => ({
  name: `shutdown-${kind}`,
  what: `${kind} shut down under a writing process at any moment, its journal recovered, again and again`,
  promises: [1, 2, 10],
  test: {
    file: "test/src/shutdown.test.ts",
    name: "what was acknowledged on %s before it was shut down is there after its journal was recovered",
  },
  missing: () => missingForShutdown(kind),
  round: async ({ seed, progress }) => ({
    trials: cyclesPerImage,
    counts: await runShutdowns({ kind, seed, cycles: cyclesPerImage, progress }),
  }),
});

export const missingForShutdown = (kind: "ext4" | "xfs"): string | undefined =>
  missingOf({
    programs: [`mkfs.${kind}`, "xfs_io", "mount", "umount"],
    fileSystems: [kind],
    files: [workerPath],
  });

export const shutdownExt4Campaign = shutdownCampaign("ext4");
export const shutdownXfsCampaign = shutdownCampaign("xfs");
