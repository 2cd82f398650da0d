/** The note store as the explorer opens and judges it. */
import type { SimDisk } from "@taskwal/disk/sim";
import { probeId, type Opened, type Subject } from "./inspect.ts";
import { dumpLine, type Ledger } from "./ledger.ts";
import { dumpNotes, openNotes, type Engine } from "./note-store.ts";
import { snapshotCheck, snapshotPaths } from "./snapshot-check.ts";
import type { Collections } from "./snapshot-file.ts";
import { noteIds } from "./workload.ts";

const collections: Collections = {
  notes: { entity: "note", list: "lines" },
  tallies: { entity: "tally", list: "" },
};

export const noteSubject = (engine: Engine, ledger: Ledger): Subject => {
  const check = snapshotCheck(ledger, collections);
  return {
    open: (sim) => openSubject(engine, sim),
    checkSnapshots: (sim, by) => {
      for (const path of snapshotPaths(sim)) check(path, sim.readRaw(path), by);
    },
  };
};

const openSubject = async (engine: Engine, sim: SimDisk): Promise<Opened> => {
  const store = await openNotes(engine, sim.process());
  return {
    report: store.recovery,
    dump: () => dumpNotes(store, noteIds),
    digest: () => store.digest(),
    append: async (tag) => {
      const { value, version } = await store.notes.mutate(probeId, "note.created", { title: tag });
      return dumpLine(`notes/${probeId}`, { value, version, lines: [] });
    },
    close: () => store.close(),
  };
};
