/**
 * A short life of a store on a disk that fails, and what may be there afterwards.
 *
 *     batch ─ "written" ─ idle marker ─ transaction ─ rotation ─ snapshot ─ compact ─ one more
 *
 * Every mutation creates a note of its own, so an outcome is an id: acknowledged, refused, or unknown.
 * The rule: acknowledged is there, refused is not, a transaction is whole.
 */
import type { SimDisk, SimProcess } from "@taskwal/disk/sim";
import { DiskFailedError } from "taskwal";
import { openNotes, refusalOf, type NoteOptions, type NoteStore } from "./note-model.ts";

export interface Outcomes {
  /** Durable, as the store said. */
  readonly acknowledged: Set<string>;
  /** Visible, as the store said, and perhaps not durable. */
  readonly written: Set<string>;
  /** "not-written": never to be seen again. */
  readonly refused: Set<string>;
  /** "unknown": there or not. */
  readonly unknown: Set<string>;
  /** What was thrown that is not a DiskFailedError: nothing, one hopes. */
  readonly strange: unknown[];
  /** Sequences by id, of what was acknowledged or written. */
  readonly sequences: Map<string, number>;
  /** Told by "poisoned": once at most. */
  readonly poisoned: (readonly number[])[];
}

export const noOutcomes = (): Outcomes => ({
  acknowledged: new Set(),
  written: new Set(),
  refused: new Set(),
  unknown: new Set(),
  strange: [],
  sequences: new Map(),
  poisoned: [],
});

/** Small segments, so that a short life rotates; no history, so that it prunes. */
const sizes: NoteOptions = { segmentBytesMax: 700, historyBytesMax: 0, historyFilesMax: 0 };

export const openFailing = (process: SimProcess, outcomes: Outcomes): Promise<NoteStore> =>
  openNotes(process, {
    ...sizes,
    on: { poisoned: ({ takenBack }) => outcomes.poisoned.push(takenBack) },
  });

/** Lets everything that is under way on the simulated disk come to its end. */
export const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 400; turn += 1) await Promise.resolve();
};

const note = (outcomes: Outcomes, ids: readonly string[], error: unknown): void => {
  if (!(error instanceof DiskFailedError)) outcomes.strange.push(error);
  const set = error instanceof DiskFailedError ? error.outcome : "unknown";
  for (const id of ids) outcomes[set === "not-written" ? "refused" : "unknown"].add(id);
};

export const create = async (
  store: NoteStore,
  outcomes: Outcomes,
  id: string,
  durability: "synced" | "written" = "synced",
): Promise<void> => {
  try {
    const payload = { text: `text of ${id}` };
    const { sequence } = await store.notes.mutate(id, "note.created", payload, { durability });
    outcomes[durability === "synced" ? "acknowledged" : "written"].add(id);
    outcomes.sequences.set(id, sequence);
  } catch (error) {
    note(outcomes, [id], error);
  }
};

const createBoth = async (store: NoteStore, outcomes: Outcomes): Promise<void> => {
  const ids = ["tx-1", "tx-2"];
  try {
    await store.transact(({ notes }) => {
      for (const id of ids) notes.mutate(id, "note.created", { text: id });
    });
    for (const id of ids) outcomes.acknowledged.add(id);
  } catch (error) {
    note(outcomes, ids, error);
  }
};

/** A snapshot may fail with the disk; what it throws is of the same class. */
const tolerate = async (outcomes: Outcomes, call: Promise<unknown>): Promise<void> => {
  const error = await refusalOf(call);
  if (error !== undefined && !(error instanceof DiskFailedError)) outcomes.strange.push(error);
};

export const live = async (sim: SimDisk, store: NoteStore, outcomes: Outcomes): Promise<void> => {
  await Promise.all(["a", "b", "c"].map((id) => create(store, outcomes, id)));
  await create(store, outcomes, "d", "written");
  sim.clock.advance(60);
  await settle();
  await createBoth(store, outcomes);
  await create(store, outcomes, "e", "written");
  await Promise.all(["f", "g"].map((id) => create(store, outcomes, id)));
  for (const id of ["h", "i", "j"]) await create(store, outcomes, id);
  await tolerate(outcomes, store.snapshot());
  await create(store, outcomes, "k", "written");
  sim.clock.advance(1_100);
  await settle();
  await tolerate(outcomes, store.compact());
  await create(store, outcomes, "l");
};

/** What is wrong with the ids that a store shows, in words; [] if nothing is. */
export const complaints = (outcomes: Outcomes, shown: ReadonlySet<string>): string[] => {
  const { acknowledged, refused, written, unknown } = outcomes;
  const asked = new Set([...acknowledged, ...refused, ...written, ...unknown]);
  return [
    ...[...acknowledged].filter((id) => !shown.has(id)).map((id) => `acknowledged ${id} is gone`),
    ...[...refused].filter((id) => shown.has(id)).map((id) => `refused ${id} came back`),
    ...[...shown].filter((id) => !asked.has(id)).map((id) => `${id} was never asked for`),
    ...(shown.has("tx-1") === shown.has("tx-2") ? [] : ["half a transaction"]),
  ];
};

export const idsOf = (store: NoteStore): Set<string> =>
  new Set([...store.notes.all()].map(({ id }) => id));
