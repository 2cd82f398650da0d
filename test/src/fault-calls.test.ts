/**
 * Every call of a disk fails, one after the other, with every errno, once and for ever.
 *
 * TASKWAL_LONG=1 leaves out none; `pnpm bench campaign fault-calls` goes on with other draws.
 */
import type { StoreError } from "taskwal";
import { expect, test } from "vitest";
import { crashedDisk, errnos, knowing, trial, type Fault } from "./world/fault-trial.ts";
import { complaints, idsOf, noOutcomes, openFailing } from "./world/fault-workload.ts";
import { refusalOf } from "./world/note-model.ts";
import { show } from "./world/show.ts";

/** A disk that is full, or one that breaks, has taken some of the bytes. */
const partialBytes = 150;

const isLong = process.env["TASKWAL_LONG"] !== undefined;

/** Every call with TASKWAL_LONG; else every so many, most often where most can go wrong. */
const strideOf = ({ errno, times, afterSync }: Omit<Fault, "place" | "partialBytes">): number => {
  if (isLong) return 1;
  if (errno === "ENOSPC") return times === 1 ? 2 : 8;
  if (errno === "EIO") return times === 1 && afterSync === "clean" ? 3 : 8;
  return 20;
};

test.each(
  errnos.flatMap(
    (errno) =>
      [
        [errno, 1],
        [errno, "forever"],
      ] as const,
  ),
)(
  "whichever changing call fails with %s (%s), the caller gets an error or a success that a power cut keeps",
  async (errno, times) => {
    const sim = await crashedDisk();
    const base = sim.snapshotState();
    const afterSyncs = errno === "EIO" ? (["clean", "revert"] as const) : (["clean"] as const);
    let calls = 0;
    for (const afterSync of afterSyncs) {
      const stride = strideOf({ errno, times, afterSync });
      for (let call = 1 + (errnos.indexOf(errno) % stride), hit = true; hit; call += stride) {
        sim.clearFaults();
        sim.restore(base);
        const result = await trial(sim, { place: { call }, errno, times, afterSync, partialBytes });
        expect(result.wrong, `call ${call} fails with ${errno}, ${times}, ${afterSync}`).toEqual(
          [],
        );
        ({ hit } = result);
        calls = call;
      }
    }
    expect(calls).toBeGreaterThan(80);
    show(`${errno}, ${times}: calls 1 to ${calls}`);
  },
);

test.each([1, "forever"] as const)(
  "whichever look at the disk fails with EIO (%s), also the fence's, the caller gets an error or a success that a power cut keeps",
  async (times) => {
    const sim = await crashedDisk();
    const base = sim.snapshotState();
    let looks = 0;
    for (let look = 1, hit = true; hit; look += isLong ? 1 : 4) {
      sim.clearFaults();
      sim.restore(base);
      const result = await trial(sim, {
        place: { look },
        errno: "EIO",
        times,
        afterSync: "clean",
        partialBytes,
      });
      expect(result.wrong, `look ${look} fails with EIO, ${times}`).toEqual([]);
      ({ hit } = result);
      looks = look;
    }
    expect(looks).toBeGreaterThan(50);
    show(`EIO, ${times}: looks 1 to ${looks}`);
  },
);

test.each(errnos)(
  "an opening during which a call fails with %s is refused whole or works: nothing is lost, no file stays open, the lock is free",
  async (errno) => {
    const sim = await crashedDisk();
    const base = sim.snapshotState();
    let refused = 0;
    for (let call = 1, hit = true; hit; call += 1) {
      sim.clearFaults();
      sim.restore(base);
      const start = sim.callCount;
      const process = sim.process("opening");
      sim.fail(start + call, errno, { times: "forever" });
      const error = await refusalOf(openFailing(process, noOutcomes()));
      hit = sim.callCount >= start + call;
      sim.clearFaults();
      if (error === undefined) continue;
      refused += 1;
      expect((error as StoreError).code, `call ${call}: ${(error as Error).stack}`).toBe(
        "DISK_FAILED",
      );
      expect([...process.openFiles], `files open after call ${call}`).toEqual([]);
      for (const next of [process, sim.process("next")]) {
        const store = await openFailing(next, noOutcomes());
        expect(complaints(knowing(noOutcomes()), idsOf(store)), `call ${call}`).toEqual([]);
        expect(store.recovery.lost, `call ${call}`).toEqual([]);
        await store.close();
      }
    }
    expect(refused).toBeGreaterThan(8);
  },
);
