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
import { pass, recordCrashPoints, settle } from "./recording.ts";
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

const legacyFiles: ReadonlyMap<string, string> = new Map([
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

const openTasks = (engine: Engine, sim: SimDisk, mirrors: boolean): Promise<Tasks> =>
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

/** Awaited one by one: what each comes to is written down here, not read from the store. */
const useTasks = async (store: Tasks, sim: SimDisk, ledger: Ledger): Promise<void> => {
  const items = imported();
  const now = (): string => new Date(sim.clock.now()).toISOString();
  const does = async (
    id: string,
    after: Omit<Item, "version">,
    call: () => Promise<{ value: unknown; sequence: number }>,
  ): Promise<void> => {
    const payload = after as unknown as Value;
    items.set(`tasks/${id}`, { ...after, version: 0 });
    const number = ledger.issue({
      changes: [{ collection: "tasks", id, type: "becomes", payload }],
      durability: "synced",
    });
    const { value, sequence } = await call();
    if (value !== undefined && !sameValue({ ...(value as Value) }, after.value)) {
      throw new WrongAnswer(`${JSON.stringify(value)} instead of ${JSON.stringify(after.value)}`);
    }
    ledger.acknowledge(number);
    ledger.sequences.set(number, sequence);
  };
  const at = (id: string): Item => items.get(`tasks/${id}`) ?? { value: {}, lines: [], version: 0 };
  const update = (id: string, patch: Value): Promise<void> => {
    const value = { ...at(id).value, updated_at: now(), ...patch };
    return does(id, { ...at(id), value }, () => store.update(id, patch));
  };
  const log = (id: string, message: string): Promise<void> => {
    const entry = { timestamp: now(), level: "info", type: "output", message } as const;
    const { value, lines } = at(id);
    return does(id, { value, lines: [...lines, entry] }, () => store.log(id, entry));
  };
  await log(pendingId, "started");
  await update(pendingId, { error: "none yet" });
  const value = { id: "new", description: "n", tool: "T", status: "pending" };
  const created = { ...value, created_at: now(), updated_at: now() };
  await does("new", { value: created, lines: [] }, () =>
    store.create({ id: "new", description: "n", tool: "T" }),
  );
  await log("new", "x".repeat(700));
  await update(changedId, { description: "changed after the import" });
  await pass(sim, 1_000);
  await log(cancelledId, "late");
  await pass(sim, 40_000);
  await log("new", "after a snapshot");
};

export const runImport = async (engine: Engine, seed: number): Promise<Run> => {
  const sim = createSimDisk({ seed });
  const ledger = new Ledger(imported());
  for (const [path, text] of legacyFiles) sim.writeRaw(path, Buffer.from(text));
  const recorder = recordCrashPoints(sim, "import", () => ledger.mark);
  const store = await openTasks(engine, sim, true);
  recorder.phase = "append";
  await useTasks(store, sim, ledger);
  recorder.phase = "close";
  await store.close();
  recorder.phase = "open";
  await openTasks(engine, sim, true);
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
