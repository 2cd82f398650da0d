/**
 * Brings a legacy directory into the log, as records; the originals stay.
 *
 *     plan (reads) ─ legacy/source.json ─ open ─ originals under legacy/ ─ transactions ─ legacy/import.json
 *
 * The rule: no snapshot and no mirror is written before the import is whole, so a crash at any point
 * finds the legacy files as they were and goes on where the log ends.
 */
import type { StoreOf } from "@taskwal/core";
import type { Disk } from "@taskwal/disk";
import { bringTask } from "./bring-task.ts";
import { isImportWhole, markBegun, markWhole } from "./import-marker.ts";
import { keepOriginals } from "./import-originals.ts";
import type { ImportPlan } from "./import-plan.ts";
import { importReportOf, type ImportReport } from "./import-report.ts";
import type { taskModel } from "./task-model.ts";

/** Writes down, durably, that an import begins: before the store is opened. */
export const beginImport = async (disk: Disk, dir: string, plan: ImportPlan): Promise<void> => {
  const directory = await disk.createDirectory(dir);
  try {
    await markBegun(directory, plan);
  } finally {
    await directory.close();
  }
};

/**
 * Imports into an open store that takes no snapshots yet. Undefined if it turns out to be done: another
 * process was faster, and this one waited for the lock.
 */
export const importLegacy = async (
  store: StoreOf<typeof taskModel>,
  disk: Disk,
  dir: string,
  { from, reading }: ImportPlan,
): Promise<ImportReport | undefined> => {
  const directory = await disk.openDirectory(dir);
  try {
    // What stands in the places of the originals now may be ours.
    if (await isImportWhole(directory)) return undefined;
    const source = from === undefined ? directory : await disk.openDirectory(from);
    try {
      await keepOriginals(source, directory);
    } finally {
      if (source !== directory) await source.close();
    }
    for (const task of reading.tasks) await bringTask(store, "task.imported", task);
    for (const session of reading.sessions) {
      if (store.sessions.get(session.id)) continue;
      await store.sessions.mutate(session.id, "session.imported", session);
    }
    const report = importReportOf(reading);
    await markWhole(directory, report);
    return report;
  } finally {
    await directory.close();
  }
};
