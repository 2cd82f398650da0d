/**
 * Kernels of their own whose power fails: one power cut of the campaign `uml-power-cut`, and a few states of
 * `dm-log-writes`. Both boot a User-Mode Linux, and are skipped, with what is missing, where there is none.
 */
import { expect, test } from "vitest";
import { dmLogWritesCampaign } from "./campaign/dm-log-writes-campaign.ts";
import { umlPowerCutCampaign } from "./campaign/uml-power-cut-campaign.ts";
import { print } from "./corruption/tally.ts";
import { runPowerCuts } from "./kernel/power-cuts.ts";
import { runReplayedCuts } from "./kernel/replayed-cuts.ts";

const testMs = 300_000;
const states = 8;

const drawSeed = (name: string): number => {
  const seed = Math.floor(Math.random() * 2 ** 31);
  print(`${name}: seed ${seed}`);
  return seed;
};

test(
  "what was acknowledged in a kernel before its power failed is there afterwards",
  async (context) => {
    const { name, missing } = umlPowerCutCampaign;
    const lack = missing?.();
    if (lack !== undefined) context.skip(`not here: ${lack}`);
    const counts = await runPowerCuts({ kind: "ext4", seed: drawSeed(name), cycles: 1 });
    print(`${name}: ${JSON.stringify(counts)}`);
    expect(counts["acknowledged before"]).toBeGreaterThan(0);
  },
  testMs,
);

test(
  "whichever writes below a file system reached the disk before a power cut, what was acknowledged is there",
  async (context) => {
    const { name, missing } = dmLogWritesCampaign;
    const lack = missing?.();
    if (lack !== undefined) context.skip(`not here: ${lack}`);
    const counts = await runReplayedCuts({ kind: "ext4", seed: drawSeed(name), states });
    print(`${name}: ${JSON.stringify(counts)}`);
    expect(counts["ext4, a prefix"]).toBeGreaterThan(0);
    expect(counts["ext4, a reordering"]).toBeGreaterThan(0);
  },
  testMs,
);
