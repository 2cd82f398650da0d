/** `taskwal restore`: the state at a point, as a new store; its history stays where it is. */
import { restoreStore } from "@taskwal/core";
import { atPoint, type AtPointOptions } from "./at-point.ts";
import { plain } from "./reading/plain-text.ts";
import type { Terminal } from "./terminal.ts";

export const runRestore = (options: AtPointOptions, terminal: Terminal): Promise<number> =>
  atPoint("restore", options, terminal, async (point, sink) => {
    const { dir, to, sequence } = point;
    const restored = await restoreStore(point);
    await sink.json("restore", { dir, to, ...restored });
    await sink.prose(`${plain(to)} holds the state of ${plain(dir)} after @${sequence}`);
    for (const [first, last] of restored.lost)
      await sink.prose(`  lost before it: @${first} … @${last}; its answers say so`);
  });
