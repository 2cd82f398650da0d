/** The door for reading a state directory offline: what happened, record by record. It writes nothing there. */
import { openOffline, type Offline, type OfflineOptions } from "@taskwal/replay";
import { taskModel } from "@taskwal/tasks";

export type OpenOfflineOptions = Omit<OfflineOptions, "model"> &
  Partial<Pick<OfflineOptions, "model">>;

/**
 * Opens a state directory, by default with the task model; no lock is taken. Throws UnsupportedFormatError, CorruptError
 * where there is nothing to start from, DiskFailedError.
 */
export const open = (dir: string, options: OpenOfflineOptions = {}): Promise<Offline> =>
  openOffline(dir, { model: taskModel, ...options });

export { PointError } from "@taskwal/replay";
export type {
  Blame,
  Boot,
  Change,
  Difference,
  EntityRef,
  FieldChange,
  FileInfo,
  Finding,
  Gap,
  Info,
  Offline,
  OfflineRecord,
  Predicate,
  Provenance,
  StateAt,
  Trust,
  VerifyReport,
  WhatIf,
} from "@taskwal/replay";
