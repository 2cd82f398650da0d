/**
 * The second workload: a legacy directory is imported, then used as a task store.
 *
 *     legacy files ─ open (imports) ─ update, log, create, transact ─ mirrors ─ autosave ─ close ─ open
 *
 * The rule: every opening finishes the import, so from the first call on nothing less than all legacy
 * tasks may be found; and the bytes of every original stay somewhere in the directory.
 */
import type { RecoveryReport } from "taskwal";
import { createSimDisk, type SimDisk } from "@taskwal/disk/sim";
import { cancelledId, changedId, goodTask, pendingId } from "../systemprompt-fixtures.ts";
import { Broken, probeId, type Opened, type Subject } from "./inspect.ts";
import { dumpItems, dumpLine, Ledger, sameValue, type Item } from "./ledger.ts";
import { stateDir, type Engine } from "./note-store.ts";
import { pass, recordCrashPoints, settle, type Recorder } from "./recording.ts";
import { snapshotCheck, snapshotPaths } from "./snapshot-check.ts";
import { WrongAnswer, type Run } from "./workload.ts";

type Tasks = Awaited<ReturnType<Engine["openTaskStore"]>>;
type Value = Readonly<Record<string, unknown>>;

const legacyTasks = [changedId, pendingId, cancelledId].map(goodTask);
const legacySession = {
  id: "agent_1",
  type: "claude",
  status: "active",
  created_at: "2026-11-19T08:00:00.000Z",
};

export const legacyFiles: ReadonlyMap<string, string> = new Map([
  [
    `${stateDir}/state.json`,
    JSON.stringify({ tasks: legacyTasks, sessions: [legacySession], metrics: {}, last_saved: "" }),
  ],
  ...legacyTasks.map(
    (task) => [`${stateDir}/tasks/${task.id}.json`, JSON.stringify(task)] as const,
  ),
]);

/** What an import of these files comes to: one record for a task, one for each entry of its log. */
const imported = (): Map<string, Item> => {
  const items = new Map<string, Item>();
  for (const { logs, ...value } of legacyTasks) {
    items.set(`tasks/${value["id"]}`, { value, lines: logs, version: 1 + logs.length });
  }
  return items.set(`sessions/${legacySession.id}`, { value: legacySession, lines: [], version: 1 });
};

export const openTasks = (engine: Engine, sim: SimDisk, mirrors: boolean): Promise<Tasks> =>
  engine.openTaskStore({ dir: stateDir, disk: sim.process(), mirrors, segmentBytesMax: 3_000 });

const dumpTasks = (store: Tasks): string => {
  const items = new Map<string, Item>();
  for (const task of store.list()) {
    const { id } = task;
    items.set(`tasks/${id}`, { value: task, lines: store.logs(id), version: store.version(id) });
  }
  for (const session of store.sessions.list()) {
    // The task store shows no version of a session; nothing here changes one.
    items.set(`sessions/${session.id}`, { value: session, lines: [], version: 1 });
  }
  return dumpItems(items);
};

/** A call, and what the task is from then on. */
interface Step {
  readonly id: string;
  readonly after: Omit<Item, "version">;
}

/** A store of imported tasks: what each call comes to is written down here, not read from the store. */
export class ImportBench {
  readonly sim: SimDisk;
  readonly ledger = new Ledger(imported());
  readonly recorder: Recorder;
  readonly #engine: Engine;
  readonly #items: Map<string, Item> = imported();
  #store: Tasks | undefined;

  constructor(engine: Engine, seed: number) {
    this.#engine = engine;
    this.sim = createSimDisk({ seed });
    for (const [path, text] of legacyFiles) this.sim.writeRaw(path, Buffer.from(text));
    this.recorder = recordCrashPoints(this.sim, "import", () => this.ledger.mark);
  }

  get store(): Tasks {
    if (!this.#store) throw new Error("the store is not open");
    return this.#store;
  }

  /** The first time, it imports. */
  async open(): Promise<void> {
    this.#store = await openTasks(this.#engine, this.sim, true);
  }

  async update(id: string, patch: Value): Promise<void> {
    await this.#answered([this.#updated(id, patch)], () => this.store.update(id, patch));
  }

  async log(id: string, message: string): Promise<void> {
    const { step, entry } = this.#logged(id, message);
    await this.#answered([step], () => this.store.log(id, entry));
  }

  async create(id: string): Promise<void> {
    const value = { id, description: "n", tool: "T", status: "pending" };
    const created = { ...value, created_at: this.#now(), updated_at: this.#now() };
    const step = this.#becomes(id, { value: created, lines: [] });
    await this.#answered([step], () => this.store.create({ id, description: "n", tool: "T" }));
  }

  /** A change and a log entry, both or none. */
  async both(id: string, patch: Value, message: string): Promise<void> {
    const update = this.#updated(id, patch);
    const { step, entry } = this.#logged(id, message);
    await this.#answered([update, step], () =>
      this.store.transact((tx) => {
        tx.tasks.mutate(id, "task.updated", patch);
        tx.tasks.append(id, "logs", entry);
      }),
    );
  }

  async #answered(steps: readonly Step[], call: () => Promise<unknown>): Promise<void> {
    const changes = steps.map(({ id, after }) => ({
      collection: "tasks",
      id,
      type: "becomes",
      payload: after as unknown as Value,
    }));
    const number = this.ledger.issue({ changes, durability: "synced" });
    const answer = (await call()) as { value?: unknown; sequence: number } | undefined;
    this.ledger.acknowledge(number);
    if (answer === undefined) return;
    this.ledger.sequences.set(number, answer.sequence);
    const wanted = steps.at(-1)?.after.value;
    if (answer.value !== undefined && !sameValue({ ...(answer.value as Value) }, wanted)) {
      throw new WrongAnswer(`${JSON.stringify(answer.value)} instead of ${JSON.stringify(wanted)}`);
    }
  }

  #becomes(id: string, after: Omit<Item, "version">): Step {
    this.#items.set(`tasks/${id}`, { ...after, version: 0 });
    return { id, after };
  }

  #updated(id: string, patch: Value): Step {
    const { value, lines } = this.#at(id);
    return this.#becomes(id, { value: { ...value, updated_at: this.#now(), ...patch }, lines });
  }

  #logged(id: string, message: string) {
    const entry = { timestamp: this.#now(), level: "info", type: "output", message } as const;
    const { value, lines } = this.#at(id);
    return { step: this.#becomes(id, { value, lines: [...lines, entry] }), entry };
  }

  #at(id: string): Item {
    return this.#items.get(`tasks/${id}`) ?? { value: {}, lines: [], version: 0 };
  }

  #now(): string {
    return new Date(this.sim.clock.now()).toISOString();
  }
}

export const importedIds = { pending: pendingId, changed: changedId, cancelled: cancelledId };

export const runImport = async (engine: Engine, seed: number): Promise<Run> => {
  const bench = new ImportBench(engine, seed);
  const { sim, ledger, recorder } = bench;
  await bench.open();
  recorder.phase = "append";
  await bench.log(pendingId, "started");
  await bench.update(pendingId, { error: "none yet" });
  await bench.create("new");
  await bench.log("new", "x".repeat(700));
  await bench.update(changedId, { description: "changed after the import" });
  await pass(sim, 1_000);
  await bench.log(cancelledId, "late");
  await pass(sim, 40_000);
  await bench.log("new", "after a snapshot");
  recorder.phase = "close";
  await bench.store.close();
  recorder.phase = "open";
  await bench.open();
  await settle(sim);
  recorder.stop();
  return { sim, ledger, points: recorder.points, end: sim.snapshotState() };
};

export const importSubject = (engine: Engine, ledger: Ledger): Subject => {
  const check = snapshotCheck(ledger, {
    tasks: { entity: "task", list: "logs" },
    sessions: { entity: "session", list: "" },
  });
  const originals = new Set(legacyFiles.values());
  const textAt = (sim: SimDisk, path: string): string => Buffer.from(sim.readRaw(path)).toString();
  return {
    open: (sim) => openSubject(engine, sim),
    checkSnapshots: (sim, by) => {
      for (const path of snapshotPaths(sim)) {
        if (!originals.has(textAt(sim, path))) check(path, sim.readRaw(path), by);
      }
      const found = new Set(sim.listRaw().map((path) => textAt(sim, path)));
      for (const [path, text] of legacyFiles) {
        if (!found.has(text)) throw new Broken("the originals of an import stay", path);
      }
    },
  };
};

/** Until the first snapshot the legacy state.json stands in its place, and each opening says so. */
const withoutForeignState = (report: RecoveryReport): RecoveryReport => {
  const skipped = report.skipped.filter(({ name }) => name !== "state.json");
  const { lost, damaged, torn, quarantined, notes } = report;
  const found = [skipped, lost, damaged, torn, quarantined, notes];
  return { ...report, skipped, clean: found.every(({ length }) => length === 0) };
};

const openSubject = async (engine: Engine, sim: SimDisk): Promise<Opened> => {
  const store = await openTasks(engine, sim, false);
  return {
    report: withoutForeignState(store.recovery),
    dump: () => dumpTasks(store),
    digest: () => dumpTasks(store),
    append: async () => {
      const { value, version } = await store.create({ id: probeId, description: "p", tool: "T" });
      return dumpLine(`tasks/${probeId}`, { version, value, lines: [] });
    },
    close: () => store.close(),
  };
};
