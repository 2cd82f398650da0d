/**
 * Brings a legacy directory into the log, as records; the originals stay.
 *
 *     read all files ─ link them under legacy/ ─ one transaction per task ─ legacy/import.json
 *
 * The rule: no snapshot and no mirror is written before the import is whole, so a crash at any point
 * finds the legacy files as they were and goes on: a task that is there already is whole.
 */
import { errnoOf, UnsupportedFormatError } from "@taskwal/errors";
import type { StoreOf } from "@taskwal/core";
import { readWhole, replaceFile, type Directory, type Disk } from "@taskwal/disk";
import { classifyDirectory } from "./directory-kind.ts";
import type { LegacyTask } from "./legacy-choice.ts";
import { readLegacyDirectory, type LegacyReading } from "./legacy-directory.ts";
import type { LegacyProblem } from "./legacy-problem.ts";
import type { taskModel } from "./task-model.ts";

export interface ImportReport {
  readonly tasks: number;
  readonly logEntries: number;
  readonly sessions: number;
  /** Tasks of which only a part could be read. */
  readonly partial: readonly string[];
  /** Ids of tasks that only old backups hold: taken for deleted, not imported. */
  readonly deleted: readonly string[];
  /** Every file that could not be read as a whole, and why. */
  readonly problems: readonly LegacyProblem[];
}

export const legacyFolder = "legacy";
export const importReportName = `${legacyFolder}/import.json`;

/** Records of one transaction: a longer log is brought in several. */
const chunkRecords = 1_000;

/**
 * Whether the directory holds a legacy state that is not imported, or not to the end. If so, `legacy/`
 * is there on return, durably: it stands for the intent, before a log is begun beside the legacy files,
 * so that no crash leaves a log that looks like all there is.
 */
export const beginImport = async (disk: Disk, dir: string): Promise<boolean> => {
  let directory: Directory;
  try {
    directory = await disk.openDirectory(dir);
  } catch (error) {
    // Missing: a new store. Anything else is told by the opening.
    if (errnoOf(error) !== undefined) return false;
    throw error;
  }
  try {
    const kind = await classifyDirectory(directory);
    if (kind === "taskwal") return await isHalfImported(directory);
    if (kind !== "legacy") return false;
    await directory.createFolder(legacyFolder);
    // Before wal/ exists: from then on only this folder tells that there is something to bring.
    await directory.syncFolder(".");
    return true;
  } finally {
    await directory.close();
  }
};

const isHalfImported = async (directory: Directory): Promise<boolean> => {
  if ((await directory.stat(legacyFolder))?.kind !== "folder") return false;
  return (await directory.stat(importReportName)) === undefined;
};

/** Imports into an open store. Throws UnsupportedFormatError for a newer layout; nothing is written then. */
export const importLegacy = async (
  store: StoreOf<typeof taskModel>,
  disk: Disk,
  dir: string,
): Promise<ImportReport> => {
  const directory = await disk.openDirectory(dir);
  try {
    const reading = await readLegacyDirectory(directory, "legacy");
    assertKnownVersion(dir, reading);
    await keepOriginals(directory);
    await importReading(store, reading);
    const report = importReportOf(reading);
    const text = `${JSON.stringify(report, null, 2)}\n`;
    await replaceFile(directory, importReportName, Buffer.from(text, "utf8"));
    return report;
  } finally {
    await directory.close();
  }
};

/** A newer layout is refused by an explicit import's caller; here only its tasks' own fields matter. */
const assertKnownVersion = (dir: string, { problems, tasks }: LegacyReading): void => {
  const newer = problems.find(({ kind }) => kind === "newer-version");
  if (!newer || tasks.length > 0) return;
  throw new UnsupportedFormatError({
    file: `${dir}/${newer.file}`,
    found: newer.reason,
    supported: "the layout without a version",
  });
};

/** A second name for every original, so that snapshots and mirrors may take their places. */
const keepOriginals = async (directory: Directory): Promise<void> => {
  for (const name of await originalsOf(directory)) {
    const kept = `${legacyFolder}/${name.replace("/", ".")}`;
    try {
      await directory.link(name, kept);
    } catch (error) {
      const errno = errnoOf(error) ?? "";
      if (errno === "EEXIST") continue;
      if (!["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"].includes(errno)) throw error;
      await replaceFile(directory, kept, await readWhole(directory, name, Number.MAX_SAFE_INTEGER));
    }
  }
  // Before a snapshot or a mirror may replace an original.
  await directory.syncFolder(legacyFolder);
};

const originalsOf = async (directory: Directory): Promise<string[]> => {
  const names = (await directory.list(".")).filter((name) => /^state\..*json/.test(name));
  const tasks = (await directory.list("tasks")).map((name) => `tasks/${name}`);
  const files: string[] = [];
  for (const name of [...names, ...tasks]) {
    const stat = await directory.stat(name).catch(() => undefined);
    if (stat?.kind === "file") files.push(name);
  }
  return files.toSorted();
};

const importTask = async (
  store: StoreOf<typeof taskModel>,
  { task, logs }: LegacyTask,
): Promise<void> => {
  const { id } = task;
  for (let from = store.tasks.list(id, "logs").length; ; from += chunkRecords) {
    const missing = store.tasks.get(id) === undefined;
    if (!missing && from >= logs.length) return;
    await store.transact((tx) => {
      if (missing) tx.tasks.mutate(id, "task.imported", task);
      for (const entry of logs.slice(from, from + chunkRecords)) tx.tasks.append(id, "logs", entry);
    });
  }
};

/**
 * Brings what was read into an open store, a task at a time, each whole; what is there already is left
 * as it is. Resolves once all of it is durable.
 */
export const importReading = async (
  store: StoreOf<typeof taskModel>,
  reading: LegacyReading,
): Promise<ImportReport> => {
  for (const task of reading.tasks) await importTask(store, task);
  for (const session of reading.sessions) {
    if (store.sessions.get(session.id)) continue;
    await store.sessions.mutate(session.id, "session.imported", session);
  }
  return importReportOf(reading);
};

export const importReportOf = ({
  tasks,
  sessions,
  deleted,
  problems,
}: LegacyReading): ImportReport => ({
  tasks: tasks.length,
  logEntries: tasks.reduce((sum, { logs }) => sum + logs.length, 0),
  sessions: sessions.length,
  partial: tasks.filter(({ partial }) => partial).map(({ task }) => task.id),
  deleted: deleted.map(({ task }) => task.id),
  problems,
});
