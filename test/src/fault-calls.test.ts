/**
 * Every call of a disk fails, one after the other, with every errno, once and for ever.
 *
 *     open ─ live (call n fails) ─┬─ power cut: nothing, all, some of the unsynced survives ─ open ─ check
 *                                 └─ repaired: goes on in the same process (reopen if poisoned) ─ check
 */
import { createSimDisk, type PowerCutChoice, type SimCall, type SimDisk } from "@taskwal/disk/sim";
import { DiskFailedError, type StoreError } from "taskwal";
import { expect, test } from "vitest";
import {
  complaints,
  create,
  idsOf,
  live,
  noOutcomes,
  openFailing,
  settle,
  type Outcomes,
} from "./world/fault-workload.ts";
import { show } from "./world/show.ts";
import { refusalOf, type NoteStore } from "./world/note-model.ts";

const errnos = ["ENOSPC", "EDQUOT", "EIO", "EROFS", "EMFILE", "EACCES"];

interface Fault {
  /** The n-th call that changes something, or the n-th that only looks. */
  readonly place: { readonly call: number } | { readonly look: number };
  readonly errno: string;
  readonly times: 1 | "forever";
  readonly afterSync: "clean" | "revert";
}

/** A store that a power cut ended, with something to recover. */
const crashedDisk = async (): Promise<SimDisk> => {
  const sim = createSimDisk({ seed: 11 });
  const store = await openFailing(sim.process("before"), noOutcomes());
  for (const id of ["old-1", "old-2"]) await store.notes.mutate(id, "note.created", { text: id });
  sim.powerCut("all");
  return sim;
};

const knowing = (outcomes: Outcomes): Outcomes => {
  for (const id of ["old-1", "old-2"]) outcomes.acknowledged.add(id);
  return outcomes;
};

const powerCuts: readonly (readonly [string, PowerCutChoice])[] = [
  ["nothing unsynced survives", "none"],
  ["all of it survives", "all"],
  // What brings back bytes that were taken back without a sync.
  [
    "writes survive and truncates do not",
    { writes: ({ kind }) => (kind === "write" ? "keep" : "drop"), names: "all" },
  ],
];

const afterPowerCut = async (sim: SimDisk, outcomes: Outcomes): Promise<string[]> => {
  const wrong: string[] = [];
  const state = sim.snapshotState();
  for (const [choice, policy] of powerCuts) {
    sim.restore(state);
    sim.powerCut(policy);
    const store = await openFailing(sim.process(), noOutcomes());
    const told = store.recovery.lost.map(([a, b]) => `reported as lost: ${a} to ${b}`);
    wrong.push(
      ...[...complaints(outcomes, idsOf(store)), ...told].map((one) => `${one} (${choice})`),
    );
  }
  return wrong;
};

/** The disk is well again: the same process goes on, and loses nothing by it. */
const afterRepair = async (
  sim: SimDisk,
  store: NoteStore,
  outcomes: Outcomes,
): Promise<string[]> => {
  const wrong: string[] = [];
  const { poisoned } = store;
  if (poisoned) {
    const error = await refusalOf(store.notes.mutate("p", "note.created", { text: "p" }));
    if (!(error instanceof DiskFailedError) || error.outcome !== "unknown")
      wrong.push(String(error));
    const takenBack = new Set(outcomes.poisoned.flat());
    if (outcomes.poisoned.length !== 1) wrong.push(`poisoned ${outcomes.poisoned.length} times`);
    for (const id of outcomes.written) {
      const isShown = store.notes.get(id) !== undefined;
      const isNamed = takenBack.has(outcomes.sequences.get(id) ?? -1);
      if (isShown === isNamed) wrong.push(`written ${id}: shown ${isShown}, named ${isNamed}`);
    }
    await store.reopen();
  } else if (outcomes.poisoned.length > 0) wrong.push("poisoned was told, and it is not");
  await create(store, outcomes, "again");
  if (!outcomes.acknowledged.has("again")) wrong.push("it does not append again");
  wrong.push(...complaints(outcomes, idsOf(store)));
  sim.powerCut("none");
  const next = await openFailing(sim.process(), noOutcomes());
  wrong.push(...complaints(outcomes, idsOf(next)).map((one) => `${one} (repaired)`));
  await next.close();
  return wrong;
};

/** What went wrong, and whether the fault came at all. */
const trial = async (
  sim: SimDisk,
  { place, errno, ...options }: Fault,
): Promise<{ wrong: string[]; hit: boolean }> => {
  const outcomes = knowing(noOutcomes());
  const store = await openFailing(sim.process("failing"), outcomes);
  let hit = false;
  let left = "call" in place ? place.call : place.look;
  const isHere = ({ number }: SimCall): boolean => {
    if ("call" in place === (number !== undefined)) left -= 1;
    hit ||= left === 0;
    return hit && "call" in place === (number !== undefined);
  };
  // A disk that is full, or one that breaks, has taken some of the bytes.
  sim.fail(isHere, errno, { ...options, partialBytes: 150 });
  await live(sim, store, outcomes);
  await settle();
  const wrong = outcomes.strange.map((error) => `not a DiskFailedError: ${(error as Error).stack}`);
  // What is shown is what was acknowledged, also under poison: no more and no less.
  wrong.push(...complaints(outcomes, idsOf(store)).map((one) => `${one} (in memory)`));
  const state = sim.snapshotState();
  sim.clearFaults();
  wrong.push(...(await afterRepair(sim, store, outcomes)));
  const crashed = { ...outcomes, acknowledged: new Set(outcomes.acknowledged) };
  crashed.acknowledged.delete("again");
  sim.restore(state);
  wrong.push(...(await afterPowerCut(sim, crashed)));
  return { wrong, hit };
};

const isLong = process.env["TASKWAL_LONG"] !== undefined;

/** Every call with TASKWAL_LONG; else every so many, most often where most can go wrong. */
const strideOf = ({ errno, times, afterSync }: Omit<Fault, "place">): number => {
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
        const result = await trial(sim, { place: { call }, errno, times, afterSync });
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
      const result = await trial(sim, { place: { look }, errno: "EIO", times, afterSync: "clean" });
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
