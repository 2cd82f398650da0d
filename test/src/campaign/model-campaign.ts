/** Random lives of a store, command by command beside a plain reference; what fails is shrunk. */
import * as taskwal from "taskwal";
import { runModel } from "../model/model-run.ts";
import type { Campaign } from "./campaign.ts";

const runs = 200;

export const modelCampaign: Campaign = {
  name: "model",
  what: "random commands, faults and crashes against a plain reference, checked after each",
  promises: [1, 2, 4, 5, 6, 8, 13, 21],
  test: {
    file: "test/src/model.test.ts",
    name: "a store does what a plain reference does, whatever comes, in whatever order",
  },
  round: async ({ seed, progress }) => {
    const counts: Record<string, number> = {};
    await runModel({
      engine: taskwal,
      seed,
      runs,
      progress,
      count: (what) => {
        counts[what] = (counts[what] ?? 0) + 1;
      },
    });
    return { trials: runs, counts };
  },
};
