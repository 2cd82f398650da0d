/** `taskwal fork`: a second store that goes on from a point; what is never written again is the same files. */
import { forkStore } from "@taskwal/core";
import { atPoint, type AtPointOptions, type StoreFromPoint } from "./at-point.ts";
import { plain } from "./reading/plain-text.ts";
import type { Terminal } from "./terminal.ts";
import { counted } from "./words.ts";

export const runFork = (options: AtPointOptions, terminal: Terminal): Promise<number> =>
  atPoint(fork, options, terminal);

const fork: StoreFromPoint = {
  operation: "fork",
  wouldBe: "It would go on from",
  make: async (point, sink) => {
    const { dir, to, sequence, provenance } = point;
    const forked = await forkStore(point);
    await sink.json("fork", { provenance, dir, to, applied: true, ...forked });
    const { store, linked, copied, rewritten } = forked;
    await sink.prose(`${plain(to)} goes on from ${plain(dir)} behind @${sequence}`);
    await sink.prose(`  parent     ${store} @${sequence}`);
    await sink.prose(`  shared     ${counted(linked.length, "segment")}, by a second name`);
    if (copied.length > 0)
      await sink.prose(
        `  copied     ${counted(copied.length, "segment")}: a second name could not be had`,
      );
    await sink.prose(`  written    ${counted(rewritten, "record")} behind the last of them`);
  },
};
