/**
 * Every workload of up to four operations, crashed wherever it can be.
 *
 *     [] ─┬─ [append] ─┬─ [append, append] … [append, reopen] ─ …
 *         ├─ [batch]   └ …                                          8 + 64 + 512 + 4,096, and []
 *         └─ …
 *
 * A workload is crashed in its last operation only: its beginning is a workload of its own. The rule:
 * nothing is drawn; the number of a workload says what it is.
 */
import { createSimDisk } from "@taskwal/disk/sim";
import { Explorer, type ExploreOptions, type Findings } from "./explorer.ts";
import { Broken } from "./inspect.ts";
import { noteSubject } from "./note-subject.ts";
import type { Engine } from "./note-store.ts";
import { settle } from "./recording.ts";
import { add, line, note, open, Workbench } from "./workload.ts";

/** As long as a segment of the note store may get, so that the next record begins another. */
const longText = "r".repeat(2_900);

const operations = {
  append: (bench) => bench.one(line("a", bench.text())),
  batch: async (bench) => {
    await Promise.all(["a", "b", "a"].map((id) => bench.one(line(id, bench.text()))));
  },
  transact: (bench) => bench.all(add("x", -1), line("b", bench.text()), add("y", 1)),
  rotate: (bench) => bench.one(line("b", longText)),
  snapshot: (bench) => bench.snapshot(),
  prune: async (bench) => {
    await bench.store.compact();
  },
  close: async (bench) => {
    await bench.store.close();
    await bench.open();
  },
  reopen: async (bench) => {
    await bench.store.reopen();
  },
} as const satisfies Record<string, (bench: Workbench) => Promise<void>>;

export type OperationName = keyof typeof operations;
const names = Object.keys(operations) as OperationName[];

export const operationsMax = 4;
export const workloadCount = Array.from(
  { length: operationsMax + 1 },
  (_, length) => names.length ** length,
).reduce((sum, count) => sum + count, 0);

/** The workload of a number from 0 to `workloadCount` - 1; shorter ones come first. */
export const workloadOf = (number: number): OperationName[] => {
  let rest = number;
  let length = 0;
  while (rest >= names.length ** length) rest -= names.length ** length++;
  return Array.from({ length }, (_, place) => {
    const index = Math.floor(rest / names.length ** (length - 1 - place)) % names.length;
    return names[index] ?? "append";
  });
};

export type SmallScopeOptions = Omit<ExploreOptions, "ledger" | "subject">;

/** Throws Broken, with the operations and the crash. */
export const exploreWorkload = async (
  engine: Engine,
  workload: readonly OperationName[],
  options: SmallScopeOptions,
): Promise<Findings> => {
  // Always the same disk: states are the same only if they really are.
  const bench = new Workbench(engine, createSimDisk({ seed: 1 }));
  let from = 0;
  await bench.open();
  await bench.all(note("a", "1"), note("b", "2"), open("x", 9), open("y", 9));
  for (const [index, name] of workload.entries()) {
    if (index === workload.length - 1) from = bench.recorder.points.length;
    bench.phase(name);
    await operations[name](bench);
  }
  await settle(bench.sim);
  bench.recorder.stop();
  const { ledger, recorder } = bench;
  const subject = noteSubject(engine, ledger);
  const explorer = new Explorer(createSimDisk({ seed: 2 }), { ...options, ledger, subject });
  try {
    return await explorer.explore(recorder.points, (_, index) => index >= from);
  } catch (error) {
    if (!(error instanceof Broken)) throw error;
    throw new Broken(error.invariant, `[${workload.join(", ")}] ${error.message}`, error.cause);
  }
};
