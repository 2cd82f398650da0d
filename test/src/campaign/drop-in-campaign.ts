/** A host of the drop-in for a coding agent's state, ended at any moment under load: forty times killed, twenty times told to end. */
import { runEnds, type End } from "../drop-in/ends.ts";
import type { Campaign } from "./campaign.ts";

const ends: readonly End[] = Array.from({ length: 60 }, (_, number) => {
  if (number % 3 !== 2) return "SIGKILL";
  return number % 2 === 0 ? "SIGTERM" : "SIGTERM, and the host exits at once";
});

export const dropInCampaign: Campaign = {
  name: "drop-in",
  what: "a host of the StatePersistence drop-in killed, or told to end, under load; all its tasks loaded again",
  promises: [1, 2, 4, 10, 27],
  test: {
    file: "test/src/drop-in.test.ts",
    name: "a host that is killed at any moment under load has all its tasks back, each as it was acknowledged",
  },
  round: async ({ seed, progress }) => {
    const { lives, saves } = await runEnds({ seed, ends, progress });
    return { trials: lives, counts: { "saves acknowledged before": saves } };
  },
};
