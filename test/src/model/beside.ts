/**
 * Who looks on while a store works: a follower of its records, a reader in another process, an intruder.
 *
 * The rule: what a life that is over still shows counts for nothing.
 */
import type { SimDisk, SimProcess } from "@taskwal/disk/sim";
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

/**
 * Up to where the lines of the log and HEAD themselves say that it is durable: what a reader has to go by. Of what was
 * acknowledged, the batch before one that is under way may be missing, or the last one before the writer died.
 */
const toldDurable = (sim: SimDisk): number => {
  const files = sim.listRaw().filter((path) => /\/wal\/(HEAD|.*\.jsonl)$/.test(path));
  const texts = files.map((path) => Buffer.from(sim.readRaw(path)).toString());
  const marks = texts.flatMap((text) =>
    [...text.matchAll(/"dur(?:able)?":(\d+)/g)].map(([, at]) => Number(at)),
  );
  const lags = texts.flatMap((text) =>
    [...text.matchAll(/"seq":(\d+),"lag":(\d+),/g)].map(
      ([, seq, lag]) => Number(seq) - Number(lag),
    ),
  );
  return Math.max(0, ...marks, ...lags);
};

/** A reader in another process shows a state that was, durable, and no older than what the log tells. */
export const readBeside = async (bench: Bench): Promise<void> => {
  const { life, reference } = bench;
  const told = reference.countAt(toldDurable(bench.sim));
  const least = bench.wasFull ? 0 : Math.min(told, reference.durableCount);
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
