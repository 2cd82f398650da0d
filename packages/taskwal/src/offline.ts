/** The door for reading a state directory offline: what happened, record by record. It writes nothing there. */
import {
  differingEntities,
  openOffline,
  type DifferingEntity,
  type Offline,
  type OfflineOptions,
  type StateAt,
} from "@taskwal/replay";
import { taskModel } from "@taskwal/tasks";

export type OpenOfflineOptions = Omit<OfflineOptions, "model"> &
  Partial<Pick<OfflineOptions, "model">>;

/**
 * Opens a state directory, by default with the task model; no lock is taken. Throws UnsupportedFormatError, CorruptError
 * where there is nothing to start from, DiskFailedError.
 */
export const open = (dir: string, options: OpenOfflineOptions = {}): Promise<Offline> =>
  openOffline(dir, { model: taskModel, ...options });

/**
 * What tells two states apart, entity by entity and field by field; the states may be of two directories. `model` is the one
 * that both were opened with: by default the task model.
 */
export const diffStates = (
  a: StateAt,
  b: StateAt,
  { model = taskModel }: Pick<OpenOfflineOptions, "model"> = {},
): AsyncIterable<DifferingEntity> => differingEntities(model, a, b);

export { PointError } from "@taskwal/replay";
export type {
  Blame,
  Boot,
  Change,
  Difference,
  DifferingEntity,
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
