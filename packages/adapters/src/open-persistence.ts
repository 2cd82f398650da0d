/**
 * Opens the store of the drop-in where it can be opened.
 *
 *     basePath opens ────────────────────────> it, with what was saved at backupPath meanwhile brought home
 *     the disk refuses, backupPath is named ─> a store there, with what basePath still shows brought along
 *
 *     neither opens ─────────────────────────> readers find what basePath still shows
 *
 * The rule: only a disk that refuses sends the state elsewhere; damage, a newer format or another owner never do.
 */
import { openTaskStore, type TaskStore } from "@taskwal/tasks";
import { debugLogger } from "@taskwal/telemetry";
import type { Disk } from "@taskwal/disk";
import { withAdvice } from "./permission-advice.ts";
import {
  pathsOf,
  type Paths,
  type PersistenceConfig,
  autosaveMsDefault,
} from "./persistence-config.ts";
import { engineListeners, isDiskFailure, type Tell } from "./persistence-events.ts";
import { bringStore } from "./whole-state.ts";

/** How long another process may take to end that still owns the directory, in milliseconds. */
const ownerWaitMs = 5_000;

export interface Opener {
  readonly config: PersistenceConfig;
  readonly disk: Disk;
  readonly tell: Tell;
}

/** Throws what `openTaskStore` throws, of basePath, with advice where it is a matter of permission. */
export const openPersistence = async (opener: Opener): Promise<TaskStore> => {
  const { config, disk, tell } = opener;
  const paths = await pathsOf(config, disk);
  try {
    const store = await openAt(opener, paths.basePath);
    await bringHome(opener, paths, store);
    return store;
  } catch (cause) {
    const error = await withAdvice(cause, disk);
    if (!isDiskFailure(error) || paths.backupPath === undefined) throw error;
    tell("state:save-error", error);
    return openBackup(opener, { ...paths, backupPath: paths.backupPath }, error, undefined);
  }
};

/**
 * Opens the backup location because of `error`. `last` is the store as it was when its disk failed, if it was open:
 * reads of it go on.
 */
export const openBackup = async (
  opener: Opener,
  { basePath, backupPath }: Paths & { readonly backupPath: string },
  error: Error,
  last: TaskStore | undefined,
): Promise<TaskStore> => {
  const store = await openAt(opener, backupPath);
  const from = last ?? (await openReader(opener, basePath));
  if (from) await bringStore(from, store, failed(opener));
  if (from !== last) await from?.close();
  opener.tell("backup-location:used", { path: backupPath, error });
  return store;
};

const failed =
  ({ tell }: Opener) =>
  (error: unknown): void =>
    tell("state:save-error", error as Error);

const openAt = async ({ config, disk, tell }: Opener, dir: string): Promise<TaskStore> => {
  const { emergencyPath, logger, autosaveMs = autosaveMsDefault } = config;
  const store = await openTaskStore({
    dir,
    disk,
    autosaveMs,
    onLocked: { waitMs: ownerWaitMs },
    on: engineListeners(tell, () => disk.clock.now()),
    ...(logger ? { logger } : {}),
    ...(emergencyPath === undefined ? {} : { emergencyDir: emergencyPath }),
  });
  // DEBUG=persistence:*
  debugLogger(store);
  // Such as: state.json is missing, or a backup that somebody copied over it.
  for (const note of store.recovery.notes) logger?.warn({ dir }, note);
  return store;
};

/** A reader of what is there; undefined if there is nothing, or it cannot be read. */
const openReader = async (
  { disk, config }: Opener,
  dir: string,
): Promise<TaskStore | undefined> => {
  try {
    // With the last batch: it was acknowledged, and what is saved from here on must not be without it.
    return await openTaskStore({ dir, disk, readOnly: true, lastBatch: true });
  } catch (error) {
    config.logger?.debug({ error, dir }, "there is nothing to bring along");
    return undefined;
  }
};

/**
 * What `work` makes of what stands at basePath, for whoever cannot open it for writing because of `error`: a disk
 * without room can be read. Throws `error` if there is nothing to be read.
 */
export const readAnyway = async <Value>(
  opener: Opener,
  error: unknown,
  work: (store: TaskStore) => Promise<Value>,
): Promise<Value> => {
  const { basePath } = await pathsOf(opener.config, opener.disk);
  const store = await openReader(opener, basePath);
  if (!store) throw error;
  try {
    // A directory with nothing in it may be another than the one that was meant.
    if (store.sequence === 0) throw error;
    return await work(store);
  } finally {
    await store.close();
  }
};

/** Nothing there is changed, and bringing the same again changes nothing here: no mark is needed. */
const bringHome = async (
  opener: Opener,
  { backupPath }: Paths,
  store: TaskStore,
): Promise<void> => {
  if (backupPath === undefined) return;
  const from = await openReader(opener, backupPath);
  if (!from) return;
  try {
    const tasks = await bringStore(from, store, failed(opener));
    if (tasks > 0) opener.tell("backup-location:returned", { path: backupPath, tasks });
  } finally {
    await from.close();
  }
};
