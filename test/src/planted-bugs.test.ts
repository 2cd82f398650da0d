/**
 * The campaign is only worth something if it fails on a store that is wrong: bugs, planted one at a
 * time in a copy of the built engine, and each must die.
 *
 * The rule: the copy without a bug passes the very same campaign (the control), so what dies, dies of
 * its bug.
 */
import { describe, expect, it } from "vitest";
import { Campaign } from "./crash/campaign.ts";
import { Broken } from "./crash/inspect.ts";
import { withPatches } from "./crash/patched-engine.ts";
import { plantedBugs } from "./crash/planted-bugs.ts";

const options = {
  seed: 1,
  cutsPerPoint: 3,
  nestedStrides: [],
  appendStride: 1,
  pointStride: 1,
  rotStrideBytes: 61,
};

describe("a store with a bug in it", () => {
  it("passes the campaign without the bug", async () => {
    await withPatches([], async (engine) => {
      const campaign = await Campaign.begin(engine, { ...options, pointStride: 23 });
      expect((await campaign.crashes()).points).toBeGreaterThan(20);
      expect((await campaign.rot()).flips).toBeGreaterThan(50);
    });
  });

  it.each(plantedBugs)("is caught: $name", async ({ name, patches, harm, breaks }) => {
    const end = await withPatches(patches, async (engine): Promise<unknown> => {
      try {
        const phases = harm === "rot" || harm.length === 0 ? {} : { phases: harm };
        const campaign = await Campaign.begin(engine, { ...options, ...phases });
        return harm === "rot" ? await campaign.rot() : await campaign.crashes();
      } catch (error) {
        return error;
      }
    });
    expect(end).toBeInstanceOf(Broken);
    const { invariant } = end as Broken;
    process.stdout.write(`planted: ${name}\n   died of: ${invariant}\n`);
    expect(breaks).toContain(invariant);
  });
});
