/**
 * The power of a whole kernel fails under a store that writes, again and again.
 *
 *     guest boots ─ mounts ─ worker ─ acks… │ known │ SIGKILL ─ the host mounts the image ─ check ─┐
 *       └──────────────────────────────── the next life ───────────────────────────────────────────┘
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { Prng } from "@taskwal/disk/sim";
import { addTo } from "./counts.ts";
import { Guest } from "./guest.ts";
import { KeptCalls } from "./kept-calls.ts";
import { LoopImage, type ImageKind } from "./loop-image.ts";

const pauseMsMax = 400;

export interface PowerCutOptions {
  readonly kind: ImageKind;
  readonly seed: number;
  readonly cycles: number;
  readonly progress?: (cycles: number) => void;
}

/** Throws what was lost; returns what was met. */
export const runPowerCuts = async ({
  kind,
  seed,
  cycles,
  progress,
}: PowerCutOptions): Promise<Record<string, number>> => {
  const prng = new Prng(seed);
  const image = LoopImage.make(kind);
  const kept = new KeptCalls();
  const counts: Record<string, number> = {};
  let guest: Guest | undefined;
  try {
    for (let life = 1; life <= cycles; life += 1) {
      guest = new Guest(image, kept.next, life);
      await guest.firstAcknowledgement();
      await new Promise((done) => setTimeout(done, prng.below(pauseMsMax)));
      const acknowledged = [...guest.told.acknowledged];
      const isCut = await guest.cut();
      const { defects, refusals, opened } = guest.told;
      guest = undefined;
      if (defects.length + refusals.length > 0)
        throw new Error([...defects, ...refusals].join("\n"));
      if (opened && opened.lost + opened.damaged > 0)
        throw new Error("the guest's opening reports a loss");
      const before = kept.next;
      image.mount();
      const dir = join(image.mountPoint, "state");
      if (!existsSync(dir)) throw new Error("the state directory is gone");
      // The console may have had more lines than came through.
      await kept.judge(dir, { life, acknowledged, lastTold: undefined });
      await image.unmount();
      addTo(counts, {
        [kind]: 1,
        ...(isCut ? {} : { "guests that crashed by themselves": 1 }),
        "acknowledged before": acknowledged.length,
        "recovered beyond": kept.next - before - acknowledged.length,
      });
      progress?.(life);
    }
    return counts;
  } finally {
    await guest?.cut().catch(() => undefined);
    image.dispose();
  }
};
