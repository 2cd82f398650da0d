/**
 * Opens a store of tasks: where it is, what was there before it, what was interrupted.
 *
 *     dir ?? STATE_PATH ?? ./coding-agent-state ─ legacy? import ─ open ─ interrupted? mark ─> TaskStore
 */
import {
  discreetLogger,
  diskErrors,
  openStore,
  withAdvice,
  type OpenOptions,
  type StoreOf,
} from "@taskwal/core";
import { openNodeDisk, type Disk } from "@taskwal/disk";
import { resolve } from "node:path";
import { adoptEdits, type EditOptions } from "./adopt-edits.ts";
import { beginImport, importLegacy } from "./import-legacy.ts";
import { planImport, type ImportPlan } from "./import-plan.ts";
import type { ImportReport } from "./import-report.ts";
import { taskModel } from "./task-model.ts";
import { TaskStore, type TaskListeners, type TaskPatch } from "./task-store.ts";
import type { TaskEdit } from "./task-edit.ts";
import type { Task } from "./task-schemas.ts";

export interface AdoptOnOpenOptions extends EditOptions {
  /** Told what was found, adopted or not, before the opening resolves; not called if nothing was edited. */
  readonly onFound?: (edits: readonly TaskEdit[]) => void;
}

export interface OpenTaskStoreOptions extends Omit<
  OpenOptions<typeof taskModel>,
  "dir" | "model" | "on" | "acceptLegacy" | "seed"
> {
  /** The state directory. Default: STATE_PATH of the environment, if it is not empty, else `./coding-agent-state`. */
  readonly dir?: string;
  readonly on?: TaskListeners;
  /**
   * Called for each task that was in progress when the last owner ended; what it returns is applied
   * as an update before the opening resolves. Not called for a task that is frozen (`store.damaged`), or that waits for a
   * newer program (`store.held`).
   */
  readonly onInterrupted?: (task: Readonly<Task>) => TaskPatch | undefined;
  /**
   * A legacy directory that is brought into a new store at `dir`, and is left as it is. Default: what is
   * found at `dir` itself is imported in place. Once imported, it is not looked at again.
   */
  readonly importFrom?: string;
  /**
   * Asks for it: what people edited in `tasks/` while no program ran is adopted, where it may be, before any file
   * is written again. Without effect with `readOnly`, or while a legacy directory is imported.
   */
  readonly adopt?: AdoptOnOpenOptions;
  /** Told what an import of a legacy directory brought, before the opening resolves. */
  readonly onImported?: (report: ImportReport) => void;
}

export const defaultDir = "./coding-agent-state";

/**
 * Throws what `openStore` throws. A legacy directory is imported: its files stay, under `legacy/`. With
 * `readOnly` it is refused (UnsupportedFormatError).
 */
export const openTaskStore = async (options: OpenTaskStoreOptions = {}): Promise<TaskStore> => {
  const { on = {}, onInterrupted, adopt, onImported: _, importFrom, ...rest } = options;
  const disk = options.disk ?? openNodeDisk();
  const dir = options.dir ?? (process.env["STATE_PATH"] || defaultDir);
  const plan = options.readOnly ? undefined : await planned(disk, dir, importFrom);
  let report: ImportReport | undefined;
  const seed = async (store: StoreOf<typeof taskModel>): Promise<void> => {
    report = plan && (await diskErrors("import", dir, () => importLegacy(store, disk, dir, plan)));
    // Before the mirrors begin: they would put the edited files aside.
    const edits =
      !plan && adopt && (await diskErrors("adopt", dir, () => adoptEdits(store, disk, adopt)));
    if (edits && edits.length > 0) adopt.onFound?.(edits);
  };
  const model = taskModel;
  const own = { disk, dir, model, on: engineListeners(on), acceptLegacy: plan !== undefined };
  const engine = await openStore<typeof taskModel>({
    ...rest,
    ...own,
    ...(plan || adopt ? { seed } : {}),
  });
  if (report) await imported(engine, report, options);
  const store = new TaskStore(engine, disk, options.redact);
  for (const name of taskEvents) {
    const listener = on[name];
    if (listener) store.on(name, listener as never);
  }
  if (onInterrupted && !("readOnly" in engine)) {
    await markInterrupted(store, onInterrupted).catch(async (error: unknown) => {
      await store.close().catch(() => {});
      throw error;
    });
  }
  return store;
};

/** What there is to import, if anything; from here on a crash leaves an import that goes on. */
const planned = (
  disk: Disk,
  dir: string,
  importFrom: string | undefined,
): Promise<ImportPlan | undefined> =>
  diskErrors("import", dir, async () => {
    const plan = await planImport(
      disk,
      dir,
      importFrom === undefined ? undefined : resolve(importFrom),
    );
    if (plan) await beginImport(disk, dir, plan);
    return plan;
  }).catch(async (error: unknown) => {
    throw await withAdvice(error, disk);
  });

/**
 * A snapshot at once: until there is one, the legacy state.json stands in its place, and every opening
 * would have to say that it could not use it.
 */
const imported = async (
  engine: StoreOf<typeof taskModel>,
  report: ImportReport,
  { logger: given, onImported }: OpenTaskStoreOptions,
): Promise<void> => {
  const logger = given && discreetLogger(given);
  const { tasks, problems } = report;
  logger?.info({ tasks, problems: problems.length }, "a legacy directory was imported");
  onImported?.(report);
  // The log has it all: what keeps a snapshot from being written is told, and costs nothing.
  await engine
    .snapshot()
    .catch((error: unknown) => logger?.warn({ error }, "no snapshot was taken"));
};

const taskEvents = ["task:created", "task:updated", "task:deleted", "task:log"] as const;

const engineListeners = (on: TaskListeners): NonNullable<OpenOptions<typeof taskModel>["on"]> =>
  Object.fromEntries(Object.entries(on).filter(([name]) => !name.startsWith("task:")));

/** A task is in progress only as long as somebody works on it; a new process has nobody yet. */
const markInterrupted = async (
  store: TaskStore,
  onInterrupted: (task: Readonly<Task>) => TaskPatch | undefined,
): Promise<void> => {
  // They stay as they are until somebody accepts the one, or a program that knows more opens the other.
  const frozen = store.damaged.filter(({ frozen }) => frozen);
  const stuck = new Set([...frozen, ...store.held].map(({ id }) => id));
  const marked = store.interrupted.filter((id) => !stuck.has(id));
  const updates = marked.flatMap((id) => {
    const task = store.get(id);
    const patch = task && onInterrupted(task);
    return patch ? [store.update(id, patch)] : [];
  });
  await Promise.all(updates);
};
