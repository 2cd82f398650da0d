/** Every workload of up to four operations; once all were had, again with other draws. */
import * as taskwal from "taskwal";
import { RecoveredDisks } from "../crash/recovered.ts";
import { exploreWorkload, workloadCount, workloadOf } from "../crash/small-scope.ts";
import type { Campaign } from "./campaign.ts";
import { addCounts } from "./results.ts";

const perRound = 5;
/** Of all rounds of a run: workloads that begin alike leave the same disks. */
const recovered = new RecoveredDisks();

/** The shorter a workload, the more of the recoveries are crashed in turn. */
const stridesOf = (length: number): number[] =>
  [
    [1, 1],
    [1, 3],
    [2, 7],
    [3, 7],
    [3, 7],
  ][length] ?? [];

export const smallScopeCampaign: Campaign = {
  name: "small-scope",
  what: `all ${workloadCount} workloads of up to 4 operations, power cuts at every call`,
  promises: [1, 2, 4, 8, 9, 10],
  test: {
    file: "test/src/small-scope.test.ts",
    name: "a power cut at any call of any workload of one operation loses nothing that was acknowledged",
  },
  round: async ({ seed, see, progress }) => {
    let trials = 0;
    let counts: Record<string, number> = {};
    for (let at = 0; at < perRound; at += 1) {
      const number = ((seed - 1) * perRound + at) % workloadCount;
      const workload = workloadOf(number);
      const findings = await exploreWorkload(taskwal, workload, {
        cutsPerPoint: 6,
        subsetsOfMax: 4,
        nestedStrides: stridesOf(workload.length),
        appendStride: 5,
        seed,
        recovered,
        see,
        progress: (disks) => progress(trials + disks),
      });
      trials += findings.disks;
      counts = addCounts(counts, {
        workloads: 1,
        "inside recovery": findings.nested[0] ?? 0,
        "distinct, inside recovery": findings.distinctNested,
        "inside recovery, depth 3": findings.nested[1] ?? 0,
        torn: findings.torn,
        ...Object.fromEntries(findings.phases),
      });
    }
    return { trials, counts };
  },
};
