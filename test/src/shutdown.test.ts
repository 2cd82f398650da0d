/**
 * Real file systems, shut down by the real kernel under a store that writes: a few cycles of the campaigns
 * `shutdown-ext4` and `shutdown-xfs`.
 */
import { expect, test } from "vitest";
import { missingForShutdown } from "./campaign/shutdown-campaign.ts";
import { print } from "./corruption/tally.ts";
import { runShutdowns } from "./kernel/shutdown-cycles.ts";

const cycles = 2;

test.for(["ext4", "xfs"] as const)(
  "what was acknowledged on %s before it was shut down is there after its journal was recovered",
  async (kind, context) => {
    const lack = missingForShutdown(kind);
    if (lack !== undefined) context.skip(`not here: ${lack}`);
    const seed = Math.floor(Math.random() * 2 ** 31);
    print(`shutdown-${kind}: seed ${seed}`);
    const counts = await runShutdowns({ kind, seed, cycles });
    print(`shutdown-${kind}: ${JSON.stringify(counts)}`);
    expect(counts["acknowledged before"]).toBeGreaterThan(0);
  },
);
