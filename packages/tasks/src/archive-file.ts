/**
 * The file of an archived task: a mirror, with its checksum, that outlives the task's place in the state.
 *
 *     archive/<id>.json      { …task, "logs": […], "taskwal": { store, schema, version, checksum } }
 *
 * The rule: a file is believed only once it was read back; it is replaced only by one that holds its whole log,
 * and the store never removes it.
 */
import { isDeepStrictEqual } from "node:util";
import { readMirror, writeMirror, type MirrorOwn } from "@taskwal/core";
import type { Clock, Directory } from "@taskwal/disk";
import { archiveFolder, fileStem, type JsonValue } from "@taskwal/format";
import type { LogEntry, Task } from "./task-schemas.ts";

export interface ArchivedTask {
  readonly task: Task;
  readonly logs: readonly LogEntry[];
}

export const archiveName = (id: string): string => `${archiveFolder}/${fileStem(id)}.json`;

/** Whether there is a file of that id, whole or not. */
export const isArchived = async (directory: Directory, id: string): Promise<boolean> =>
  (await directory.stat(archiveName(id))) !== undefined;

/** What the file says, or undefined if there is none that is as we wrote it. Errors of the disk pass through. */
export const readArchived = async (
  directory: Directory,
  id: string,
): Promise<(ArchivedTask & { readonly own: MirrorOwn }) | undefined> => {
  const mirror = await readMirror(directory, archiveName(id));
  if (!mirror) return undefined;
  const { logs, ...task } = mirror.entity as unknown as Task & { logs?: readonly LogEntry[] };
  return task.id === id ? { task, logs: logs ?? [], own: mirror.own } : undefined;
};

/**
 * Writes the file and reads it back. Its bytes are durable on return, its name is once `archive/` is synced.
 * Returns why the task must stay in the state, if it must; errors of the disk pass through.
 */
export const writeArchived = async (
  directory: Directory,
  clock: Clock,
  { task, logs }: ArchivedTask,
  own: MirrorOwn,
): Promise<string | undefined> => {
  const name = archiveName(task.id);
  if (await directory.stat(name)) {
    const before = await readArchived(directory, task.id);
    if (!before) return `${name} is not as it was written, and is not replaced`;
    if (!isBeginning(before.logs, logs))
      return `${name} has log entries that the task does not have, and is not replaced`;
  }
  const lists = { logs: logs as readonly unknown[] as readonly JsonValue[] };
  await writeMirror(directory, clock, name, { value: task as JsonValue, lists }, own);
  const after = await readArchived(directory, task.id);
  const isSame = after && isDeepStrictEqual({ ...after.task }, { ...task });
  if (isSame && after.logs.length === logs.length && isBeginning(after.logs, logs))
    return undefined;
  return `${name} did not read back as it was written`;
};

/** Whether `all` begins with `some`. */
export const isBeginning = (some: readonly LogEntry[], all: readonly LogEntry[]): boolean =>
  some.length <= all.length && some.every((entry, at) => isDeepStrictEqual(entry, all[at]));
