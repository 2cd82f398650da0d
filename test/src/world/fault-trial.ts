/**
 * One call of a disk fails, once or for ever, under a store that lives; then what the caller was told is
 * held against what is there.
 *
 *     open ─ live (call n fails) ─┬─ power cut: nothing, all, some of the unsynced survives ─ open ─ check
 *                                 └─ repaired: goes on in the same process (reopen if poisoned) ─ check
 *
 * The rule: an error or a success that a power cut keeps, and nothing in between.
 */
import { createSimDisk, type PowerCutChoice, type SimCall, type SimDisk } from "@taskwal/disk/sim";
import { DiskFailedError } from "taskwal";
import {
  complaints,
  create,
  idsOf,
  live,
  noOutcomes,
  openFailing,
  settle,
  type Outcomes,
} from "./fault-workload.ts";
import { refusalOf, type NoteStore } from "./note-model.ts";

export const errnos = ["ENOSPC", "EDQUOT", "EIO", "EROFS", "EMFILE", "EACCES"];

export interface Fault {
  /** The n-th call that changes something, or the n-th that only looks. */
  readonly place: { readonly call: number } | { readonly look: number };
  readonly errno: string;
  readonly times: 1 | "forever";
  readonly afterSync: "clean" | "revert";
  /** Of the write that fails, so many bytes arrive at most. */
  readonly partialBytes: number;
}

/** A store that a power cut ended, with something to recover. */
export const crashedDisk = async (): Promise<SimDisk> => {
  const sim = createSimDisk({ seed: 11 });
  const store = await openFailing(sim.process("before"), noOutcomes());
  for (const id of ["old-1", "old-2"]) await store.notes.mutate(id, "note.created", { text: id });
  sim.powerCut("all");
  return sim;
};

export const knowing = (outcomes: Outcomes): Outcomes => {
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
export const trial = async (
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
  sim.fail(isHere, errno, options);
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
