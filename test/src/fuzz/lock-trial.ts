/**
 * A store whose LOCK was changed: it has no checksum, and what does not read counts as no record.
 *
 * The rule: the store opens with all it had, goes on, and opens again; or it is refused as locked,
 * because LOCK names a process that cannot be judged.
 */
import type { Prng } from "@taskwal/disk/sim";
import { LockedError } from "taskwal";
import { openFuzzed, pageText, storeDir, type FuzzStore } from "./fuzz-store.ts";
import { holds } from "./line-trial.ts";
import { mutate } from "./mutate.ts";

const probe = { mark: 1_000_000 };

/** Throws a Finding, or what the store throws. */
export const tryLock = async (store: FuzzStore, prng: Prng): Promise<string> => {
  const { sim, base, final, files } = store;
  sim.restore(base);
  const lock = files.get("LOCK") ?? Buffer.alloc(0);
  const other = files.get("wal/HEAD") ?? lock;
  sim.writeRaw(`${storeDir}/LOCK`, mutate(prng, lock, other, "lines"));
  try {
    for (const life of [1, 2]) {
      const opened = await openFuzzed(sim, { mirrors: store.mirrors });
      for (const [id, [version, text]] of final) {
        const isSame = opened.pages.version(id) === version && pageText(opened, id) === text;
        holds(isSame, "a changed LOCK changes a page", () => opened.recovery.toText());
      }
      holds(life === 1 || opened.pages.get("probe") !== undefined, "what was appended is gone");
      if (life === 1) await opened.pages.mutate("probe", "page.opened", probe);
      sim.powerCut("none");
    }
    return "LOCK: opened";
  } catch (error) {
    if (error instanceof LockedError) return "LOCK: LockedError";
    throw error;
  } finally {
    sim.restore(base);
  }
};
