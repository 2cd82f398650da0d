/**
 * Edits of task files become mutations.
 *
 *     tasks/*.json, or the files that are named ─ which are not as we wrote them ─ taskEdit
 *       plan: that              adopt: "task.edited" and appended entries, one transaction a file
 *
 * The rule: an edit is adopted against the very version that it was compared with, and the file as it was
 * edited is kept under quarantine/ when its mirror takes its place.
 */
import type { StoreOf } from "@taskwal/core";
import type { Directory, Disk } from "@taskwal/disk";
import { StoreError } from "@taskwal/errors";
import { fileStem } from "@taskwal/format";
import { readEdited, type UnreadableFile } from "./edited-file.ts";
import { taskEdit, type TaskEdit } from "./task-edit.ts";
import type { taskModel } from "./task-model.ts";

type Engine = StoreOf<typeof taskModel>;

export interface EditOptions {
  /** Ids of tasks, or files relative to the state directory ("quarantine/tasks.…"). Default: all of `tasks/`. */
  readonly of?: readonly string[];
  /** Edits of a version that the task has left behind are adoptable too: their fields win. Default: false. */
  readonly overNewer?: boolean;
}

/** Reads only. Files that are as the store wrote them are left out, named ones that are missing are refused. Errors of the disk pass through. */
export const findEdits = async (
  store: Engine,
  disk: Disk,
  { of, overNewer = false }: EditOptions = {},
): Promise<readonly TaskEdit[]> => {
  const directory = await disk.openDirectory(store.dir);
  try {
    const edits: TaskEdit[] = [];
    for (const file of await filesOf(directory, of)) {
      const edited =
        (await readEdited(directory, file)) ?? (of && (await missing(directory, file)));
      if (!edited) continue;
      edits.push(taskEdit(file, edited, storedTask(store, edited.id), overNewer));
      await disk.clock.yield();
    }
    return edits;
  } finally {
    await directory.close();
  }
};

/** Finds them and adopts those that may be; what is adopted is durable on return. */
export const adoptEdits = async (
  store: Engine,
  disk: Disk,
  options: EditOptions = {},
): Promise<readonly TaskEdit[]> => {
  store.assertWritable();
  const results: TaskEdit[] = [];
  for (const edit of await findEdits(store, disk, options)) {
    results.push(edit.verdict === "adoptable" ? await adopt(store, edit) : edit);
  }
  return results;
};

/** Somebody who names a file means one that is there: a slip must not look like "nothing was edited". */
const missing = async (directory: Directory, file: string): Promise<UnreadableFile | undefined> =>
  (await directory.stat(file)) ? undefined : { id: undefined, problem: "there is no such file" };

const filesOf = async (
  directory: Directory,
  of: readonly string[] | undefined,
): Promise<readonly string[]> => {
  if (of) {
    return of.map((one) => {
      // As a shell completes it.
      const name = one.replace(/^(\.\/)+/, "");
      return /^(tasks|quarantine)\/[^/\\]+$/.test(name) ? name : `tasks/${fileStem(one)}.json`;
    });
  }
  const names = (await directory.list("tasks")).filter((name) => name.endsWith(".json"));
  return names.toSorted().map((name) => `tasks/${name}`);
};

const storedTask = (store: Engine, id: string | undefined): Parameters<typeof taskEdit>[2] => ({
  store: store.recovery.store,
  version: id === undefined ? 0 : store.tasks.version(id),
  task: id === undefined ? undefined : store.tasks.get(id),
  logs: id === undefined ? [] : store.tasks.list(id, "logs"),
});

const adopt = async (store: Engine, edit: TaskEdit): Promise<TaskEdit> => {
  const { id = "", version, fields, logs } = edit;
  const kept = fields.filter(({ after }) => after !== undefined);
  const set = Object.fromEntries(kept.map(({ name, after }) => [name, after]));
  const remove = fields.filter(({ after }) => after === undefined).map(({ name }) => name);
  try {
    await store.transact((tx) => {
      // Whatever comes first in it is refused if the task went on since it was compared.
      const expected = { expectedVersion: version };
      if (fields.length > 0) tx.tasks.mutate(id, "task.edited", { set, remove }, expected);
      for (const [at, entry] of logs.entries())
        tx.tasks.append(id, "logs", entry, fields.length + at === 0 ? expected : {});
    });
    return { ...edit, verdict: "adopted" };
  } catch (error) {
    // A disk that failed is nobody's edit; all else is told with the file, and the others go on.
    if (!(error instanceof StoreError) || !refusals.has(error.code)) throw error;
    return { ...edit, verdict: "refused", reason: error.message };
  }
};

const refusals: ReadonlySet<string> = new Set([
  "INVALID_MUTATION",
  "CONFLICT",
  "UNSUPPORTED_FORMAT",
]);
