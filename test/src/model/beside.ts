/**
 * Who looks on while a store works: a follower of its records, a reader in another process, an intruder.
 *
 * The rule: what a life that is over still shows counts for nothing.
 */
import type { SimProcess } from "@taskwal/disk/sim";
import { dumpItems } from "../crash/ledger.ts";
import { dumpNotes, openNotes, type NoteOptions, type NoteStore } from "../crash/note-store.ts";
import { fail, noteIds, type Bench } from "./bench.ts";
import { emptyItems } from "./reference.ts";

/** The records of the moment, while others write: dense, up to where a compaction beside took them. */
export const readSome = async ({ life }: Bench): Promise<void> => {
  let before: number | undefined;
  try {
    for await (const { seq } of life.store.records()) {
      if (life.isOver) return;
      if (before !== undefined && seq !== before + 1) fail("sequences are dense", { before, seq });
      before = seq;
    }
  } catch (error) {
    const { code, reason = "" } = error as { code?: string; reason?: string };
    const isPruned = code === "INVALID_MUTATION" && reason.includes("were pruned");
    if (!isPruned || before === undefined) throw error;
  }
};

export const openBeside = (
  { options: { engine, options }, beside }: Bench,
  process: SimProcess,
  more: NoteOptions = {},
): Promise<NoteStore> => {
  beside.add(process);
  return openNotes(engine, process, false, { ...options, ...more });
};

/** A reader in another process shows a state that was, no older than what is promised now, and durable. */
export const readBeside = async (bench: Bench): Promise<void> => {
  const { life, reference } = bench;
  const least = bench.wasFull ? 0 : reference.durableCount;
  const process = bench.sim.process("reader");
  const reader = await openBeside(bench, process, { readOnly: true });
  const dump = dumpNotes(reader, noteIds);
  await reader.close();
  process.kill();
  if (life.isOver) return;
  bench.promised(life.store.sequence);
  const states = [emptyItems, ...reference.visible.map(({ items }) => items)];
  const shown = states.slice(least, reference.durableCount + 1);
  if (!shown.some((items) => dumpItems(items) === dump))
    fail("I26 a reader shows whole transactions that are durable", { dump, least });
};

/** Another who would write is refused. */
export const intrude = async (bench: Bench): Promise<void> => {
  const { life } = bench;
  const process = bench.sim.process("intruder");
  const error: unknown = await openBeside(bench, process).catch((refusal: unknown) => refusal);
  if (life.isOver) return;
  if ((error as { code?: string }).code !== "LOCKED") fail("I11 one process writes", String(error));
  process.kill();
};
