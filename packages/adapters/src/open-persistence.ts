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
import { withAdvice } from "@taskwal/core";
import { openTaskStore, type TaskStore } from "@taskwal/tasks";
import { debugLogger } from "@taskwal/telemetry";
import type { Disk } from "@taskwal/disk";
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
  /** Logs and tells what could not be saved, or read, while the service goes on. */
  readonly failed: (error: unknown) => void;
  /** The same for what the engine has logged. */
  readonly tellFailure: (error: unknown) => void;
}

/** Throws what `openTaskStore` throws, of basePath. */
export const openPersistence = async (opener: Opener): Promise<TaskStore> => {
  const paths = await pathsOf(opener.config, opener.disk);
  const { basePath, backupPath } = paths;
  let store: TaskStore;
  try {
    store = await openAt(opener, basePath);
  } catch (error) {
    if (!isDiskFailure(error) || backupPath === undefined) throw error;
    opener.failed(error);
    return openBackup(opener, { basePath, backupPath }, error, undefined);
  }
  if (backupPath !== undefined) await bringHome(opener, backupPath, store);
  return store;
};

/** The store again, or one at the backup location with what is still in memory. Throws as `openPersistence`. */
export const mendPersistence = async (opener: Opener, store: TaskStore): Promise<TaskStore> => {
  try {
    await store.reopen();
    return store;
  } catch (cause) {
    const error = await withAdvice(cause, opener.disk);
    const { basePath, backupPath } = await pathsOf(opener.config, opener.disk);
    if (!isDiskFailure(error) || backupPath === undefined) throw error;
    return openBackup(opener, { basePath, backupPath }, error, store);
  }
};

/**
 * Opens the backup location because of `error`, which it throws if that does not open either. `last` is the store as it
 * was when its disk failed, if it was open: reads of it go on.
 */
const openBackup = async (
  opener: Opener,
  { basePath, backupPath }: Paths & { readonly backupPath: string },
  error: Error,
  last: TaskStore | undefined,
): Promise<TaskStore> => {
  const store = await openAt(opener, backupPath).catch((reason: unknown) => {
    backupFailed(opener, backupPath)(reason);
    throw error;
  });
  const from = last ?? (await openReader(opener, basePath, opener.failed));
  if (from) await bringStore(from, store, opener);
  if (from !== last) await from?.close();
  opener.tell("backup-location:used", { path: backupPath, error });
  return store;
};

const backupFailed =
  ({ tell }: Opener, path: string) =>
  (error: unknown): void =>
    tell("backup-location:failed", { path, error: error as Error });

const openAt = async (opener: Opener, dir: string): Promise<TaskStore> => {
  const { config, disk } = opener;
  const { emergencyPath, logger, redact, autosaveMs = autosaveMsDefault } = config;
  const store = await openTaskStore({
    dir,
    disk,
    autosaveMs,
    onLocked: { waitMs: ownerWaitMs },
    on: engineListeners(opener, () => disk.clock.now()),
    ...(logger ? { logger } : {}),
    ...(redact ? { redact } : {}),
    ...(emergencyPath === undefined ? {} : { emergencyDir: emergencyPath }),
  });
  // DEBUG=persistence:*
  debugLogger(store);
  // Such as: state.json is missing, or a backup that somebody copied over it.
  for (const note of store.recovery.notes) logger?.warn({ dir }, note);
  return store;
};

/** A reader of what is there; undefined if there is nothing, or if it cannot be read, which `onFailed` is told. */
const openReader = async (
  { disk, tell }: Opener,
  dir: string,
  onFailed: (error: unknown) => void,
): Promise<TaskStore | undefined> => {
  try {
    return await openTaskStore({
      dir,
      disk,
      readOnly: true,
      // It was acknowledged, and what is saved from here on must not be without it.
      lastBatch: true,
      on: { "state:corruption": (report) => tell("state:corruption", report) },
    });
  } catch (error) {
    const isThere = !(isDiskFailure(error) && error.errno === "ENOENT");
    if (isThere) onFailed(error);
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
  // Why it does not open has been told.
  const store = await openReader(opener, basePath, () => {});
  if (!store) throw error;
  try {
    // A directory with nothing in it may be another than the one that was meant.
    if (store.sequence === 0) throw error;
    return await work(store);
  } finally {
    await store.close();
  }
};

/**
 * Nothing there is changed, and bringing the same again changes nothing here: no mark is needed. What cannot be brought
 * is told, and costs nothing of what is here.
 */
const bringHome = async (opener: Opener, path: string, store: TaskStore): Promise<void> => {
  const from = await openReader(opener, path, backupFailed(opener, path));
  if (!from) return;
  try {
    const tasks = await bringStore(from, store, opener);
    if (tasks > 0) opener.tell("backup-location:returned", { path, tasks });
  } finally {
    await from.close();
  }
};
