/**
 * The workload of the campaign: everything that a store does to its disk, in one deterministic run.
 *
 *     open ─ append ─ batch ─ transact ─ written ─ snapshot ─ disk full ─ failed sync ─ close ─ open ─
 *       10 × (append, snapshot): backups are thinned, segments pruned ─ delete ─ a last batch
 *
 * The rule: every answer goes to the ledger when it comes, with its value compared to the ledger's own;
 * a run without a fault refuses nothing.
 */
import type { SimDisk, SimState } from "@taskwal/disk/sim";
import { Ledger, sameValue, type Change, type Operation } from "./ledger.ts";
import { call, openNotes, type Engine, type NoteStore } from "./note-store.ts";
import { pass, recordCrashPoints, settle, type CrashPoint, type Recorder } from "./recording.ts";

/** An answer of a living store that was wrong, before any crash. */
export class WrongAnswer extends Error {
  override readonly name = "WrongAnswer";
}

export interface Run {
  readonly sim: SimDisk;
  readonly ledger: Ledger;
  readonly points: readonly CrashPoint[];
  /** How it all stood at the end, with nothing under way. */
  readonly end: SimState;
}

type Durability = Operation["durability"];

/** A store, what it is asked, and what it answers. */
export class Workbench {
  readonly sim: SimDisk;
  readonly ledger = new Ledger();
  readonly recorder: Recorder;
  readonly #engine: Engine;
  #store: NoteStore | undefined;
  #count = 0;
  /** Set while a fault is on: then a refusal is an answer. */
  faulty = false;

  constructor(engine: Engine, sim: SimDisk) {
    this.#engine = engine;
    this.sim = sim;
    this.recorder = recordCrashPoints(sim, "open", () => this.ledger.mark);
  }

  get store(): NoteStore {
    if (!this.#store) throw new Error("the store is not open");
    return this.#store;
  }

  async open(): Promise<void> {
    this.recorder.phase = "open";
    this.#store = await openNotes(this.#engine, this.sim.process(), true);
    this.#store.on("mutation", ({ collection, id, version, sequence }) => {
      this.#sequences.set(`${collection}/${id}@${version}`, sequence);
    });
  }

  readonly #sequences = new Map<string, number>();

  phase(name: string): void {
    this.recorder.phase = name;
  }

  text(): string {
    this.#count += 1;
    return `${this.#count} ${"abcdefgh".repeat(this.#count % 9)}`;
  }

  /** One call; resolves once it is answered, whatever the answer. */
  one(change: Change, durability: Durability = "synced"): Promise<void> {
    return this.#answered({ changes: [change], durability }, () =>
      call(this.store, change, { durability }),
    );
  }

  all(...changes: readonly Change[]): Promise<void> {
    return this.#answered({ changes, durability: "synced" }, () =>
      this.store.transact((tx) => {
        for (const change of changes) call(tx, change);
      }),
    );
  }

  async #answered(operation: Operation, begin: () => unknown): Promise<void> {
    const number = this.ledger.issue(operation);
    try {
      const receipt = await begin();
      this.#acknowledged(number, operation, receipt);
    } catch (error) {
      const { outcome } = error as { outcome?: string };
      if (!this.faulty) throw error;
      if (outcome === "not-written") this.ledger.refuse(number);
      else if (outcome !== "unknown") throw error;
      else this.unknown.push(number);
    }
  }

  /** Operations of which the engine could not say whether they are there. */
  readonly unknown: number[] = [];

  #acknowledged(number: number, { changes }: Operation, receipt: unknown): void {
    this.ledger.acknowledge(number);
    const last = changes.at(-1);
    const expected = this.ledger.valueAfter(number);
    if (!last || !expected) return;
    const sequence = this.#sequences.get(`${last.collection}/${last.id}@${expected.version}`);
    if (sequence !== undefined) this.ledger.sequences.set(number, sequence);
    if (changes.length > 1) return;
    const { value, version } = receipt as { value: unknown; version: number };
    const isWrong =
      expected.value !== undefined && last.type !== "lines" && !sameValue(value, expected.value);
    if (isWrong || version !== expected.version || sequence === undefined) {
      throw new WrongAnswer(`operation ${number} was answered ${JSON.stringify(receipt)}`);
    }
  }

  async snapshot(): Promise<void> {
    const before = this.recorder.phase;
    this.phase("snapshot");
    await this.store.snapshot();
    this.phase(before);
  }
}

export const note = (id: string, title: string): Change => ({
  collection: "notes",
  id,
  type: "note.created",
  payload: { title },
});
const rename = (id: string, title: string): Change => ({
  collection: "notes",
  id,
  type: "note.renamed",
  payload: { title },
});
export const line = (id: string, text: string): Change => ({
  collection: "notes",
  id,
  type: "lines",
  payload: { text },
});
export const open = (id: string, total: number): Change => ({
  collection: "tallies",
  id,
  type: "tally.opened",
  payload: { total },
});
export const add = (id: string, by: number): Change => ({
  collection: "tallies",
  id,
  type: "tally.added",
  payload: { by },
});
const remove = (id: string): Change => ({
  collection: "notes",
  id,
  type: "note.deleted",
  payload: {},
});

export const noteIds = ["a", "b", "c", "d", "gone"];

const fill = async (bench: Workbench): Promise<void> => {
  bench.phase("append");
  for (const id of noteIds) await bench.one(note(id, bench.text()));
  for (const id of ["a", "b", "a"]) await bench.one(line(id, bench.text()));
  await bench.all(open("x", 100), open("y", 100));
  bench.phase("batch");
  const texts = Array.from({ length: 9 }, (_, at) => noteIds[at % 4] ?? "a");
  await Promise.all(texts.map((id) => bench.one(line(id, bench.text()))));
  bench.phase("transact");
  for (const by of [1, 7, 30]) {
    await bench.all(
      add("x", -by),
      line("a", bench.text()),
      add("y", by),
      rename("b", bench.text()),
    );
  }
  await Promise.all([
    bench.all(add("x", -5), add("y", 5)),
    bench.one(line("c", bench.text())),
    bench.all(add("y", -9), add("x", 9)),
  ]);
  bench.phase("idle");
  await pass(bench.sim, 50);
  await pass(bench.sim, 1_000);
};

const written = async (bench: Workbench): Promise<void> => {
  bench.phase("written");
  for (const id of ["a", "b", "c"]) await bench.one(line(id, bench.text()), "written");
  await bench.one(rename("d", bench.text()), "written");
  await bench.one(line("d", bench.text()));
  await bench.one(line("a", bench.text()), "written");
  await pass(bench.sim, 1_000);
  bench.ledger.flushed();
};

/** A snapshot is taken while others mutate: what is pending must not be in it. */
const snapshots = async (bench: Workbench): Promise<void> => {
  await bench.snapshot();
  await bench.one(line("a", bench.text()));
  const first = bench.one(rename("a", bench.text()));
  bench.phase("snapshot");
  const saved = bench.store.snapshot();
  const second = [bench.one(line("b", bench.text())), bench.one(line("c", bench.text()))];
  await Promise.all([first, saved, ...second]);
  await bench.one(line("d", bench.text()), "written");
  await bench.snapshot();
  bench.ledger.flushed();
};

const diskFull = async (bench: Workbench): Promise<void> => {
  const { sim } = bench;
  bench.phase("disk full");
  bench.faulty = true;
  for (const roomBytes of [0, 40, 150]) {
    sim.capacityBytes = sim.usedBytes + roomBytes;
    await Promise.all([
      bench.one(line("a", "x".repeat(300))),
      bench.all(add("x", -3), add("y", 3)),
      bench.one(rename("c", bench.text())),
    ]);
    sim.capacityBytes = undefined;
    bench.faulty = false;
    await bench.one(line("a", bench.text()));
    bench.faulty = true;
  }
  // A snapshot while the disk is full, taken in the middle of refused calls.
  sim.capacityBytes = sim.usedBytes + 100;
  await Promise.all([
    bench.one(line("b", "y".repeat(400))),
    bench.store.snapshot().catch(() => undefined),
  ]);
  sim.capacityBytes = undefined;
  bench.faulty = false;
  await bench.one(line("b", bench.text()));
  await bench.snapshot();
};

const failedSync = async (bench: Workbench): Promise<void> => {
  const { sim, store } = bench;
  bench.phase("failed sync");
  for (const afterSync of ["clean", "revert"] as const) {
    const repair = sim.fail(
      ({ kind, path }) => kind === "sync" && path.startsWith("/state/wal/0"),
      "EIO",
      { afterSync },
    );
    bench.faulty = true;
    await Promise.all([bench.one(line("a", bench.text())), bench.all(add("x", -1), add("y", 1))]);
    repair();
    bench.faulty = false;
    await store.reopen();
    resolveUnknown(bench);
    await bench.one(line("a", bench.text()));
  }
};

/** After the reopening it is known what became of them: all of a prefix is there. */
const resolveUnknown = (bench: Workbench): void => {
  for (const number of bench.unknown.splice(0)) {
    const expected = bench.ledger.valueAfter(number);
    const last = bench.ledger.operations[number]?.changes.at(-1);
    if (!expected || !last) continue;
    const version = bench.store[last.collection as "notes" | "tallies"].version(last.id);
    if (version >= expected.version) bench.ledger.acknowledge(number);
    else bench.ledger.refuse(number);
  }
};

const manySnapshots = async (bench: Workbench, count: number): Promise<void> => {
  for (let at = 0; at < count; at += 1) {
    bench.phase("append");
    await bench.one(line(noteIds[at % 4] ?? "a", bench.text()));
    await pass(bench.sim, 40_000);
    await bench.snapshot();
  }
};

const lastBatches = async (bench: Workbench): Promise<void> => {
  bench.phase("append");
  await bench.one(remove("gone"));
  await bench.one(rename("a", bench.text()));
  await bench.all(add("x", -2), add("y", 2));
  bench.phase("batch");
  await Promise.all(["b", "c", "d"].map((id) => bench.one(line(id, bench.text()))));
  await bench.one(rename("d", bench.text()));
  bench.phase("idle");
  await pass(bench.sim, 50);
};

/** A workload that has begun: its ledger grows until it is done, or the power fails. */
export interface Running {
  readonly ledger: Ledger;
  readonly done: Promise<Run>;
}

export const startWorkload = (engine: Engine, sim: SimDisk): Running => {
  const bench = new Workbench(engine, sim);
  return { ledger: bench.ledger, done: work(bench) };
};

const work = async (bench: Workbench): Promise<Run> => {
  const { sim, ledger, recorder } = bench;
  await bench.open();
  await fill(bench);
  await written(bench);
  await snapshots(bench);
  await diskFull(bench);
  await failedSync(bench);
  bench.phase("close");
  await bench.store.close();
  await bench.open();
  await manySnapshots(bench, 10);
  await lastBatches(bench);
  await settle(sim);
  recorder.stop();
  return { sim, ledger, points: recorder.points, end: sim.snapshotState() };
};
