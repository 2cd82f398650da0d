/** The power fails at every call of a whole life of a store, and again inside the recoveries. */
import * as taskwal from "taskwal";
import { Campaign as CrashCampaign } from "../crash/campaign.ts";
import { RecoveredDisks } from "../crash/recovered.ts";
import type { Campaign } from "./campaign.ts";

/** Of all rounds of a run: they crash the same life. */
const recovered = new RecoveredDisks();

export const crashCampaign: Campaign = {
  name: "crash",
  what: "power cuts at every call of a store's life, and inside recovery to depth 3",
  promises: [1, 2, 4, 8, 9, 10],
  test: {
    file: "test/src/crash.test.ts",
    name: "recovers all that was acknowledged and nothing that was refused, the same at every opening, also when it fails again meanwhile",
  },
  round: async ({ seed, see, progress }) => {
    const campaign = await CrashCampaign.begin(taskwal, {
      seed,
      // Always the same disk: with ids of their own, states would count as distinct that are the same.
      diskSeed: 1,
      cutsPerPoint: 4,
      nestedStrides: [13, 11],
      appendStride: 7,
      pointStride: 3,
      pointOffset: seed % 3,
      rotStrideBytes: 1_009,
      recovered,
      see,
      progress,
    });
    const { disks, nested, distinctNested, phases } = await campaign.crashes();
    const inRecovery = nested.reduce((sum, count) => sum + count, 0);
    return {
      trials: disks,
      counts: {
        "inside recovery": inRecovery,
        "distinct, inside recovery": distinctNested,
        ...Object.fromEntries(phases),
      },
    };
  },
};
