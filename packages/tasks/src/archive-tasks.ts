/**
 * Old tasks leave the state for `archive/`, and come back.
 *
 *     archive    file ─ sync ─ rename ─ read back ─ folder sync ─ "task.archived" (durable)
 *     restore    file ─ checksum ─ "task.restored" and its log (durable); the file stays
 *
 * The rule: the file is durable before the record that takes the task out of the state, so wherever a
 * crash comes the task is in the state or in its file; and the store never removes the file.
 */
import { migrateEntity, type StoreOf } from "@taskwal/core";
import type { Directory, Disk } from "@taskwal/disk";
import {
  ConflictError,
  CorruptError,
  InvalidMutationError,
  UnsupportedFormatError,
} from "@taskwal/errors";
import { archiveFolder, type JsonValue } from "@taskwal/format";
import { isDeepStrictEqual } from "node:util";
import {
  archiveName,
  isArchived,
  isBeginning,
  readArchived,
  writeArchived,
  type ArchivedTask,
} from "./archive-file.ts";
import { bringTask } from "./bring-task.ts";
import { endedTasks } from "./ended-tasks.ts";
import { taskModel } from "./task-model.ts";
import type { Task } from "./task-schemas.ts";

type Engine = StoreOf<typeof taskModel>;

export interface ArchiveOptions {
  /** Only tasks that were completed, failed or cancelled at least so many milliseconds ago. */
  readonly olderThanMs: number;
  /** Told after each round of tasks. */
  readonly onProgress?: (done: number, total: number) => void;
}

export interface ArchiveReport {
  /** Ids of the tasks that are in `archive/` now and no longer in the state. */
  readonly archived: readonly string[];
  /** Tasks that stay in the state, and why. */
  readonly kept: readonly { readonly id: string; readonly reason: string }[];
}

/** Tasks of one round: their files share the sync of the folder, their records one batch. */
const roundTasks = 64;

/** Throws ClosedError, DiskFailedError; what was archived until then is. */
export const archiveTasks = async (
  store: Engine,
  disk: Disk,
  { olderThanMs, onProgress }: ArchiveOptions,
): Promise<ArchiveReport> => {
  store.assertWritable();
  const old = endedTasks(store.tasks.all(), disk.clock.now(), olderThanMs);
  const archived: string[] = [];
  const kept: { id: string; reason: string }[] = [];
  if (old.length === 0) return { archived, kept };
  const reasons = new Map([
    ...store.damaged.map(({ id }) => [id, "it lost mutations; accept its damage first"] as const),
    ...store.held.map(({ id, type }) => [id, `it waits for a program that knows ${type}`] as const),
  ]);
  const directory = await disk.openDirectory(store.dir);
  try {
    await directory.createFolder(archiveFolder);
    await directory.syncFolder(".");
    for (let from = 0; from < old.length; from += roundTasks) {
      const round = old.slice(from, from + roundTasks).map(({ task }) => task.id);
      for (const id of round) {
        const reason = reasons.get(id);
        if (reason !== undefined) kept.push({ id, reason });
      }
      const whole = round.filter((id) => !reasons.has(id));
      const results = await archiveRound(store, disk, directory, whole);
      for (const { id, reason } of results) {
        if (reason === undefined) archived.push(id);
        else kept.push({ id, reason });
      }
      onProgress?.(Math.min(from + roundTasks, old.length), old.length);
    }
  } finally {
    await directory.close();
  }
  return { archived, kept };
};

const archiveRound = async (
  store: Engine,
  { clock }: Disk,
  directory: Directory,
  ids: readonly string[],
): Promise<{ readonly id: string; readonly reason: string | undefined }[]> => {
  const written: { id: string; version: number; reason: string | undefined }[] = [];
  const { store: storeId } = store.recovery;
  const schema = taskModel.schema["task"] ?? 1;
  for (const id of ids) {
    const task = store.tasks.get(id);
    if (!task) continue;
    const version = store.tasks.version(id);
    const content = { task, logs: store.tasks.list(id, "logs") };
    const own = { store: storeId, schema, version };
    const reason = await writeArchived(directory, clock, content, own);
    written.push({ id, version, reason });
  }
  // Before any of the records: a name that a power cut takes back would take the task with it.
  await directory.syncFolder(archiveFolder);
  store.assertWritable();
  return Promise.all(
    written.map(async ({ id, version, reason }) => {
      if (reason !== undefined) return { id, reason };
      try {
        await store.tasks.mutate(id, "task.archived", {}, { expectedVersion: version });
        return { id, reason: undefined };
      } catch (error) {
        if (!(error instanceof ConflictError)) throw error;
        return { id, reason: "it changed while it was being archived" };
      }
    }),
  );
};

/**
 * Brings a task back from `archive/`, with its log; durable on return. Calling it again after a crash goes
 * on. Throws InvalidMutationError if there is no such file, CorruptError if it is not as it was written,
 * UnsupportedFormatError if a newer version wrote it, ConflictError if the state has a task of that id.
 */
export const restoreArchived = async (
  store: Engine,
  disk: Disk,
  id: string,
): Promise<Readonly<Task>> => {
  store.assertWritable();
  const directory = await disk.openDirectory(store.dir);
  try {
    const archived = await verified(directory, id);
    const now = store.tasks.get(id);
    if (now && !isBegun(store, now, archived)) {
      const current = store.tasks.version(id);
      throw new ConflictError({ id, expected: "absent", current, exists: true });
    }
    await bringTask(store, "task.restored", archived);
  } finally {
    await directory.close();
  }
  return store.tasks.get(id) as Readonly<Task>;
};

/** Whether what the state has is the beginning of what the file holds: a crash cut the way back. */
const isBegun = (store: Engine, now: Readonly<Task>, { task, logs }: ArchivedTask): boolean =>
  isDeepStrictEqual({ ...now }, { ...task }) && isBeginning(store.tasks.list(now.id, "logs"), logs);

const verified = async (directory: Directory, id: string): Promise<ArchivedTask> => {
  const name = archiveName(id);
  const archived = await readArchived(directory, id);
  if (!archived) {
    if (!(await isArchived(directory, id)))
      throw new InvalidMutationError({ id, reason: `there is no ${name} to bring it back from` });
    const reason = "it is not as it was written: its checksum does not match";
    throw new CorruptError({ file: `${directory.path}/${name}`, reason });
  }
  const { task, logs, own } = archived;
  const entity = taskModel.entities.get("tasks");
  if (!entity || own.schema > entity.version) {
    throw new UnsupportedFormatError({
      file: `${directory.path}/${name}`,
      found: `task schema version ${own.schema}`,
      supported: `task schema version ${entity?.version ?? 0}`,
    });
  }
  const current = migrateEntity(entity, task as JsonValue, own.schema);
  return { task: current as unknown as Task, logs };
};
