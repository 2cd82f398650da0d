/**
 * Opens a store of tasks: where it is, what was there before it, what was interrupted.
 *
 *     dir ?? STATE_PATH ?? ./coding-agent-state ─ legacy? import ─ open ─ interrupted? mark ─> TaskStore
 */
import { openStore, type Logger, type OpenOptions } from "@taskwal/core";
import { openNodeDisk } from "@taskwal/disk";
import { importLegacy, beginImport, type ImportReport } from "./import-legacy.ts";
import { taskModel } from "./task-model.ts";
import { TaskStore, type TaskListeners, type TaskPatch } from "./task-store.ts";
import type { Task } from "./task-schemas.ts";

export interface OpenTaskStoreOptions extends Omit<
  OpenOptions<typeof taskModel>,
  "dir" | "model" | "on" | "acceptLegacy" | "seed"
> {
  /** The state directory. Default: STATE_PATH of the environment, else `./coding-agent-state`. */
  readonly dir?: string;
  readonly on?: TaskListeners;
  /**
   * Called for each task that was in progress when the last owner ended; what it returns is applied
   * as an update before the opening resolves.
   */
  readonly onInterrupted?: (task: Readonly<Task>) => TaskPatch | undefined;
  /** Told what an import of a legacy directory brought, before the opening resolves. */
  readonly onImported?: (report: ImportReport) => void;
}

export const defaultDir = "./coding-agent-state";

/** Throws what `openStore` throws. A legacy directory is imported: its files stay, under `legacy/`. */
export const openTaskStore = async (options: OpenTaskStoreOptions = {}): Promise<TaskStore> => {
  const { on = {}, onInterrupted, onImported, ...rest } = options;
  const disk = options.disk ?? openNodeDisk();
  const dir = options.dir ?? process.env["STATE_PATH"] ?? defaultDir;
  const imports = options.readOnly !== true && (await beginImport(disk, dir));
  const engine = await openStore<typeof taskModel>({
    ...rest,
    disk,
    dir,
    model: taskModel,
    on: engineListeners(on),
    acceptLegacy: imports,
    ...(imports
      ? {
          seed: (store) =>
            importLegacy(store, disk, dir).then(reportTo(options.logger, onImported)),
        }
      : {}),
  });
  const store = new TaskStore(engine, disk);
  for (const name of taskEvents) {
    const listener = on[name];
    if (listener) store.on(name, listener as never);
  }
  if (onInterrupted && !("readOnly" in engine)) await markInterrupted(store, onInterrupted);
  return store;
};

const taskEvents = ["task:created", "task:updated", "task:deleted", "task:log"] as const;

const engineListeners = (on: TaskListeners): NonNullable<OpenOptions<typeof taskModel>["on"]> =>
  Object.fromEntries(Object.entries(on).filter(([name]) => !name.startsWith("task:")));

const reportTo =
  (logger: Logger | undefined, onImported: ((report: ImportReport) => void) | undefined) =>
  (report: ImportReport): void => {
    logger?.info(
      { tasks: report.tasks, problems: report.problems.length },
      "a legacy directory was imported",
    );
    onImported?.(report);
  };

/** A task is in progress only as long as somebody works on it; a new process has nobody yet. */
const markInterrupted = async (
  store: TaskStore,
  onInterrupted: (task: Readonly<Task>) => TaskPatch | undefined,
): Promise<void> => {
  const updates = store.interrupted.flatMap((id) => {
    const task = store.get(id);
    const patch = task && onInterrupted(task);
    return patch ? [store.update(id, patch)] : [];
  });
  await Promise.all(updates);
};
