/**
 * A failed fsync on a real kernel, a new process after it, and a power cut.
 *
 *     a ✓  b ✗ EIO │ killed │ opens: shows a, and b from the cache ─ c ✓ │ power fails │ what it showed is there
 *
 * The rule: it counts only if the new process did read what is not on the disk.
 */
import { deepStrictEqual as expectEqual } from "node:assert/strict";
import { join, resolve } from "node:path";
import { openTaskStore } from "taskwal";
import { LoopImage } from "./loop-image.ts";
import { Uml } from "./uml.ts";

export const gateInitPath = resolve("test/src/kernel/gate-init.sh");
export const gateWorkerPath = resolve("test/src/kernel/gate-worker.mjs");
const guestMsMax = 120_000;

/** Throws what was lost. */
export const runFsyncGate = async (kind: "ext4" | "xfs"): Promise<void> => {
  const image = LoopImage.make(kind);
  let text = "";
  const facts = { tw_worker: gateWorkerPath };
  const guest = new Uml(image, gateInitPath, facts, (more) => (text += more));
  try {
    for (let waitedMs = 0; !text.includes("acknowledged c"); waitedMs += 10) {
      if (guest.isGone || /^! /m.test(text) || waitedMs > guestMsMax)
        throw new Error(`the guest did not come so far:\n${guest.said}`);
      await new Promise((done) => setTimeout(done, 10));
    }
    await guest.cut();
    const said = (begin: string): string[] => {
      const line = text.split("\n").find((one) => one.startsWith(begin));
      return (line ?? "").trim().split(" ").slice(1);
    };
    expectEqual(said("refused"), ["b", "DISK_FAILED", "unknown", "EIO"], text);
    expectEqual(said("shown"), ["a", "b"], text);
    image.mount();
    const store = await openTaskStore({ dir: join(image.mountPoint, "state") });
    const found = store.list().map(({ id }) => id);
    const report = store.recovery.toText();
    await store.close();
    await image.unmount();
    expectEqual(found.toSorted(), ["a", "b", "c"], report);
    expectEqual([store.recovery.lost, store.recovery.damaged], [[], []], report);
  } finally {
    await guest.cut();
    image.dispose();
  }
};
