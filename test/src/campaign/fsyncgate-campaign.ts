/** A block of the log cannot be written once, on a real kernel; what a new process then showed survives. */
import { gateInitPath, gateWorkerPath, runFsyncGate } from "../kernel/fsync-gate.ts";
import { missingForGuest } from "../kernel/needs.ts";
import type { Campaign } from "./campaign.ts";

const kinds = ["ext4", "xfs"] as const;

export const fsyncgateCampaign: Campaign = {
  name: "fsyncgate",
  what: "a failed fsync in a User-Mode Linux, a new process that reads the cache, a power cut; on ext4 and xfs",
  promises: [1, 2, 7],
  test: {
    file: "test/src/fsyncgate.test.ts",
    name: "whatever a new process has $what is there after a power cut",
  },
  missing: () =>
    missingForGuest(kinds, [gateInitPath, gateWorkerPath], {
      mapped: true,
      programs: ["filefrag", "awk"],
    }),
  round: async ({ seed }) => {
    const kind = kinds[seed % kinds.length] ?? "ext4";
    await runFsyncGate(kind);
    return { trials: 1, counts: { [kind]: 1 } };
  },
};
