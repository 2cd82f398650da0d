/** Every call of the disk fails, with every errno, once and for ever; once all were had, with other draws. */
import assert from "node:assert/strict";
import { Prng } from "@taskwal/disk/sim";
import { crashedDisk, errnos, trial, type Fault } from "../world/fault-trial.ts";
import type { Campaign } from "./campaign.ts";

type Kind = Pick<Fault, "errno" | "times" | "afterSync"> & { readonly of: "call" | "look" };

const kinds: readonly Kind[] = errnos.flatMap((errno) =>
  ([1, "forever"] as const).flatMap((times): Kind[] => [
    { of: "call", errno, times, afterSync: "clean" },
    { of: "look", errno, times, afterSync: "clean" },
    // Only a failed sync has pages to throw away.
    ...(errno === "EIO" ? [{ of: "call", errno, times, afterSync: "revert" } as const] : []),
  ]),
);

export const faultCallsCampaign: Campaign = {
  name: "fault-calls",
  what: "each call of the disk fails, with each errno, once or for ever; then repaired, and cut off",
  promises: [1, 2, 4, 6, 13, 14],
  test: {
    file: "test/src/fault-calls.test.ts",
    name: "whichever changing call fails with %s (%s), the caller gets an error or a success that a power cut keeps",
  },
  round: async ({ seed, progress }) => {
    const kind = kinds[(seed - 1) % kinds.length];
    assert.ok(kind);
    const { of, errno, times, afterSync } = kind;
    const prng = new Prng(seed);
    const sim = await crashedDisk();
    const base = sim.snapshotState();
    let at = 0;
    for (let hit = true; hit;) {
      at += 1;
      sim.clearFaults();
      sim.restore(base);
      const place = of === "call" ? { call: at } : { look: at };
      const fault: Fault = { place, errno, times, afterSync, partialBytes: prng.below(300) };
      const result = await trial(sim, fault);
      assert.deepEqual(result.wrong, [], JSON.stringify(fault));
      ({ hit } = result);
      progress(at);
    }
    // The last one was past the end, and failed nothing.
    return { trials: at - 1, counts: { [`${errno} ${times}, ${of}s`]: at - 1 } };
  },
};
