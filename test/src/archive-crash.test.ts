/**
 * A task that is archived is in the state or in its file, wherever the power fails.
 *
 *     base ─ open ─ archive ─ restore one ─ archive again ─ close      the power fails at each changing call,
 *                                                                      and each kind of loss follows
 *
 * The rule: every task is found whole after each crash, in the state or brought back from `archive/`; and the
 * same exploration finds what each sync is for, once that is planted away.
 */
import { createSimDisk, type PowerCutChoice, type SimDisk } from "@taskwal/disk/sim";
import * as taskwal from "taskwal";
import { describe, expect, it } from "vitest";
import type { Engine } from "./crash/note-store.ts";
import { withPatches } from "./crash/patched-engine.ts";

const dir = "/data";
const ids = ["a", "b", "long"] as const;
const logCounts = { a: 2, b: 0, long: 1_100 } as const;

type Tasks = Awaited<ReturnType<Engine["openTaskStore"]>>;

const open = (engine: Engine, sim: SimDisk): Promise<Tasks> =>
  engine.openTaskStore({ dir, disk: sim.process(), autosaveMs: Infinity });

/** A task with its log, the same text for the same task: a snapshot has its own order of keys. */
const shown = (store: Tasks, id: string): string =>
  JSON.stringify([
    Object.entries(store.get(id) ?? {}).toSorted(([a], [b]) => (a < b ? -1 : 1)),
    store.logs(id).map(({ message }) => message),
  ]);

const prepared = async (engine: Engine): Promise<{ sim: SimDisk; made: Map<string, string> }> => {
  const sim = createSimDisk({ seed: 11 });
  const store = await open(engine, sim);
  for (const id of ids) {
    await store.create({ id, description: `task ${id}`, tool: "T", result: { of: id } });
    const entries = Array.from({ length: logCounts[id] }, (_, at) =>
      store.log(id, { level: "info", type: "output", message: `${id} ${at}` }),
    );
    await Promise.all(entries);
    await store.update(id, { status: "completed" });
  }
  const made = new Map(ids.map((id) => [id, shown(store, id)]));
  await store.close();
  return { sim, made };
};

const work = async (engine: Engine, sim: SimDisk): Promise<void> => {
  const store = await open(engine, sim);
  await store.archive({ olderThanMs: 0 });
  await store.restoreArchived("long");
  await store.restoreArchived("a");
  await store.archive({ olderThanMs: 0 });
  await store.close();
};

const cuts: readonly PowerCutChoice[] = [
  "none",
  "all",
  { writes: "none", names: "all" },
  { writes: "all", names: "none" },
  { writes: "all", names: "subset", seed: 3 },
  { writes: "random", names: "subset", seed: 5, sectorBytes: 512 },
];

/** Throws at the first task that is nowhere, or that is not as it was. */
const assertThere = async (
  engine: Engine,
  sim: SimDisk,
  made: ReadonlyMap<string, string>,
): Promise<{ readonly fromFile: number }> => {
  const store = await open(engine, sim);
  expect(store.recovery.lost).toEqual([]);
  let fromFile = 0;
  for (const [id, before] of made) {
    // Also one of which a crash left half a log: what is missing comes from the file.
    if (store.get(id) === undefined || shown(store, id) !== before) {
      await store.restoreArchived(id);
      fromFile += 1;
    }
    if (shown(store, id) !== before) throw new Error(`task ${id} is not as it was`);
  }
  await store.close();
  return { fromFile };
};

const explore = async (engine: Engine): Promise<{ crashes: number; fromFile: number }> => {
  const { sim, made } = await prepared(engine);
  const base = sim.snapshotState();
  const start = sim.callCount;
  await work(engine, sim);
  const calls = sim.callCount - start;
  const found = { crashes: 0, fromFile: 0 };
  for (let call = 1; call <= calls; call += 1) {
    sim.restore(base);
    sim.crashAt(sim.callCount + call);
    await Promise.race([work(engine, sim).catch(() => {}), sim.whenCrashed]);
    if (!sim.isCrashed) continue;
    const crashed = sim.snapshotState();
    for (const cut of cuts) {
      sim.restore(crashed);
      sim.powerCut(cut);
      const place = `call ${call} of ${calls}, ${JSON.stringify(cut)}`;
      const { fromFile } = await assertThere(engine, sim, made).catch((error: unknown) => {
        throw new Error(`${place}: ${String(error)}`, { cause: error });
      });
      found.crashes += 1;
      found.fromFile += fromFile;
    }
  }
  return found;
};

describe("an archived task", () => {
  it("is in the state or in its file, whole, whatever call the power fails at and whatever survives", async () => {
    const { crashes, fromFile } = await explore(taskwal);
    process.stdout.write(`archive: ${crashes} crashes, ${fromFile} tasks brought back by file\n`);
    expect(crashes).toBeGreaterThan(200);
    expect(fromFile).toBeGreaterThan(100);
  }, 300_000);

  const archive = "tasks/dist/archive-tasks.js";
  it.each([
    [
      "a file whose bytes are not synced",
      { file: "core/dist/mirror-file.js", find: "await file.sync();", put: "" },
    ],
    [
      "a file whose name is not synced",
      { file: archive, find: "await directory.syncFolder(archiveFolder);", put: "" },
    ],
    [
      "a folder whose name is not synced",
      { file: archive, find: 'await directory.syncFolder(".");', put: "" },
    ],
    [
      "a record before the file",
      {
        file: archive,
        find: "const own = { store: storeId, schema, version };",
        put: 'const own = { store: storeId, schema, version }; await store.tasks.mutate(id, "task.archived", {});',
      },
    ],
  ])(
    "is lost by %s, and this exploration sees it",
    async (_, patch) => {
      await withPatches([patch], async (engine) => {
        await expect(explore(engine)).rejects.toThrow(/call \d+ of \d+.*archive/s);
      });
    },
    300_000,
  );
});
