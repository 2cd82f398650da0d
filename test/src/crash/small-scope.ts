/**
 * Every workload of up to four operations, crashed wherever it can be.
 *
 *     [] ─┬─ [append] ─┬─ [append, append] … [append, reopen] ─ …
 *         ├─ [batch]   └ …                                          8 + 64 + 512 + 4,096, and []
 *         ├─ …
 *         └─ [import] ── [import, append] …                         1 + 8 + 64 + 512
 *
 * A workload is crashed in its last operation only: its beginning is a workload of its own. The rule:
 * nothing is drawn; the number of a workload says what it is.
 */
import { createSimDisk, type SimDisk } from "@taskwal/disk/sim";
import { Explorer, type ExploreOptions, type Findings } from "./explorer.ts";
import { ImportBench, importedIds, importSubject } from "./import-workload.ts";
import { Broken, type Subject } from "./inspect.ts";
import type { Ledger } from "./ledger.ts";
import { noteSubject } from "./note-subject.ts";
import type { Engine } from "./note-store.ts";
import { settle, type Recorder } from "./recording.ts";
import { add, line, note, open, Workbench } from "./workload.ts";

/** As long as a segment of the note store may get, so that the next record begins another. */
const longText = "r".repeat(2_900);

/** What a workload works on: a store of notes, or one that has begun with an import. */
interface Ground {
  readonly sim: SimDisk;
  readonly ledger: Ledger;
  readonly recorder: Recorder;
  readonly subject: Subject;
  /** The end of the beginning: what follows is the workload's. */
  begin(): Promise<void>;
  readonly operations: Readonly<Record<OperationName, () => Promise<unknown>>>;
}

const names = [
  "append",
  "batch",
  "transact",
  "rotate",
  "snapshot",
  "prune",
  "close",
  "reopen",
] as const;
export type OperationName = (typeof names)[number];
export type Workload = readonly ("import" | OperationName)[];

const noteGround = (engine: Engine): Ground => {
  // Always the same disk: states are the same only if they really are.
  const bench = new Workbench(engine, createSimDisk({ seed: 1 }));
  const { sim, ledger, recorder } = bench;
  return {
    sim,
    ledger,
    recorder,
    subject: noteSubject(engine, ledger),
    begin: async () => {
      await bench.open();
      await bench.all(note("a", "1"), note("b", "2"), open("x", 9), open("y", 9));
    },
    operations: {
      append: () => bench.one(line("a", bench.text())),
      batch: () => Promise.all(["a", "b", "a"].map((id) => bench.one(line(id, bench.text())))),
      transact: () => bench.all(add("x", -1), line("b", bench.text()), add("y", 1)),
      rotate: () => bench.one(line("b", longText)),
      snapshot: () => bench.snapshot(),
      prune: () => bench.store.compact(),
      close: async () => {
        await bench.store.close();
        await bench.open();
      },
      reopen: () => bench.store.reopen(),
    },
  };
};

const importGround = (engine: Engine): Ground => {
  const bench = new ImportBench(engine, 1);
  const { sim, ledger, recorder } = bench;
  const { pending, changed, cancelled } = importedIds;
  return {
    sim,
    ledger,
    recorder,
    subject: importSubject(engine, ledger),
    begin: () => bench.open(),
    operations: {
      append: () => bench.log(pending, "more"),
      batch: () => Promise.all([changed, pending, changed].map((id) => bench.log(id, "of three"))),
      transact: () => bench.both(cancelled, { error: "late" }, "both or none"),
      rotate: () => bench.log(pending, longText),
      snapshot: () => bench.store.snapshot(),
      prune: () => bench.store.compact(),
      close: async () => {
        await bench.store.close();
        await bench.open();
      },
      reopen: () => bench.store.reopen(),
    },
  };
};

const operationsMax = 4;
/** Workloads of up to so many operations. */
const countUpTo = (length: number): number =>
  (names.length ** (length + 1) - 1) / (names.length - 1);
const withoutImport = countUpTo(operationsMax);
/** An import comes first or not at all: what is no store yet can be imported. */
export const workloadCount = withoutImport + countUpTo(operationsMax - 1);

/** The workload of a number from 0 to `workloadCount` - 1. */
export const workloadOf = (number: number): Workload =>
  number < withoutImport
    ? operationsOf(number)
    : ["import", ...operationsOf(number - withoutImport)];

/** Shorter ones come first. */
const operationsOf = (number: number): OperationName[] => {
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
  workload: Workload,
  options: SmallScopeOptions,
): Promise<Findings> => {
  const ground = workload[0] === "import" ? importGround(engine) : noteGround(engine);
  const { sim, ledger, recorder, subject, operations } = ground;
  let from = 0;
  await ground.begin();
  for (const [index, name] of workload.entries()) {
    if (name === "import") continue;
    if (index === workload.length - 1) from = recorder.points.length;
    recorder.phase = name;
    await operations[name]();
  }
  await settle(sim);
  recorder.stop();
  const explorer = new Explorer(createSimDisk({ seed: 2 }), { ...options, ledger, subject });
  try {
    return await explorer.explore(recorder.points, (_, index) => index >= from);
  } catch (error) {
    if (!(error instanceof Broken)) throw error;
    throw new Broken(error.invariant, `[${workload.join(", ")}] ${error.message}`, error.cause);
  }
};
