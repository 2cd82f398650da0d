/** `taskwal restore`: the state at a point, as a new store; its history stays where it is. */
import { restoreStore } from "@taskwal/core";
import { atPoint, tellLost, type AtPointOptions, type StoreFromPoint } from "./at-point.ts";
import { plain } from "./reading/plain-text.ts";
import type { Terminal } from "./terminal.ts";

export const runRestore = (options: AtPointOptions, terminal: Terminal): Promise<number> =>
  atPoint(restore, options, terminal);

const restore: StoreFromPoint = {
  operation: "restore",
  wouldBe: "It would hold the state of",
  make: async (point, sink) => {
    const { dir, to, sequence, provenance } = point;
    const restored = await restoreStore(point);
    await sink.json("restore", { provenance, dir, to, applied: true, ...restored });
    await sink.prose(`${plain(to)} holds the state of ${plain(dir)} after @${sequence}`);
    await tellLost(restored.lost, sink);
  },
};
