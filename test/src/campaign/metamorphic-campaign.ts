/** The same mutations, with other options and other things happening: the same state. */
import * as taskwal from "taskwal";
import { runMetamorphic } from "../model/metamorphic.ts";
import type { Campaign } from "./campaign.ts";

export const metamorphicCampaign: Campaign = {
  name: "metamorphic",
  what: "the same mutations under random options, batches, snapshots, reopenings and crashes: the same digest",
  promises: [1, 8, 10, 12, 16],
  test: {
    file: "test/src/metamorphic.test.ts",
    name: "the same mutations give the same entities and digest, whatever the options and whatever happens between",
  },
  round: async ({ seed, see, progress }) => {
    const counts: Record<string, number> = {};
    const count = (what: string): void => {
      counts[what] = (counts[what] ?? 0) + 1;
    };
    const options = { engine: taskwal, seed, plans: 25, variants: 4, see, progress, count };
    return { trials: await runMetamorphic(options), counts };
  },
};
